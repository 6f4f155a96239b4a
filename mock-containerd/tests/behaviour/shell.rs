//! What the mock's shell and commands make of what people run in containers.

use std::time::Duration;

use containerd_client::services::v1 as api;
use mock_containerd::{MockContainerd, ProcessScript, Profile, Reaction};
use serde_json::json;

use crate::listener::heard;
use crate::stage::{Stage, within};

async fn sh(line: &str) -> (String, String, u32) {
    let stage = Stage::open(Profile::V1_6).await;
    let process =
        json!({ "args": ["/bin/sh", "-c", line], "env": ["A=a b", "N=3"], "cwd": "/tmp" });
    let heard = heard(&stage, "c1", process).await;
    (heard.out, heard.err, heard.status)
}

#[tokio::test]
async fn a_shell_says_and_ends_as_a_shell_does() {
    for (line, out, err, status) in [
        ("echo out; echo err >&2; exit 7", "out\n", "err\n", 7),
        ("true && echo yes || echo no", "yes\n", "", 0),
        ("false && echo yes || echo no; false", "no\n", "", 1),
        ("nosuch; echo $?", "127\n", "sh: nosuch: not found\n", 0),
        ("echo $A \"$A\" $$ ${B:-c}", "a b a b 1 c\n", "", 0),
        ("if [ $N -gt 2 ]; then echo big; else echo small; fi", "big\n", "", 0),
        ("for i in 1 2 3; do [ $i = 2 ] && continue; echo $i; done", "1\n3\n", "", 0),
        ("while true; do echo once; break; done", "once\n", "", 0),
        ("until false; do echo x; exit 4; done", "x\n", "", 4),
        ("(exit 3); echo $?; ! true", "3\n", "", 1),
        ("echo piped | cat | cat", "piped\n", "", 0),
        ("{ echo both; echo of >&2; } 2>&1", "both\nof\n", "", 0),
        ("echo gone >/dev/null 2>&1", "", "", 0),
        ("sleep 0.01 & wait; echo done", "done\n", "", 0),
        ("trap 'echo bye' EXIT; echo hi; exit 5", "hi\nbye\n", "", 5),
        ("trap 'echo usr' USR1; kill -USR1 $$; echo on", "usr\non\n", "", 0),
        ("set -e; false || true; false; echo never", "", "", 1),
        (
            "B=2 env | cat; exec echo last; echo never",
            "A=a b\nN=3\nHOME=/\nB=2\nPWD=/tmp\nlast\n",
            "",
            0,
        ),
        ("cat; pwd; cd /; pwd", "/tmp\n/\n", "", 0),
        ("sh -c 'exit 9'; echo $?", "9\n", "", 0),
        ("{ echo a b c; echo d; } | while read x y; do echo \"$y,$x\"; done", "b c,a\n,d\n", "", 0),
    ] {
        assert_eq!(sh(line).await, (out.to_owned(), err.to_owned(), status), "{line}");
    }
}

#[tokio::test]
async fn what_the_shell_does_not_have_is_said_and_ends_with_two() {
    let wanted = "sh: the mock's shell does not have redirections other than to 1, 2 and \
                  /dev/null\n";
    let line = "echo before; echo x > /tmp/file";
    assert_eq!(sh(line).await, (String::new(), wanted.to_owned(), 2));
    let (_, err, status) = sh("if true").await;
    assert_eq!((err.as_str(), status), ("sh: syntax error: unexpected end of file\n", 2));
}

#[tokio::test]
async fn commands_see_their_spec() {
    let stage = Stage::open(Profile::V1_6).await;
    for (at, (args, user, out)) in [
        (json!(["/usr/bin/env"]), 0, "A=1\nHOME=/\n"),
        (json!(["/usr/bin/pwd"]), 0, "/work\n"),
        (json!(["/bin/hostname"]), 0, "box\n"),
        (json!(["/usr/bin/id"]), 0, "uid=0(root) gid=0(root) groups=10\n"),
        (json!(["/usr/bin/id", "-u"]), 33, "33\n"),
        (json!(["/bin/busybox", "seq", "1", "3"]), 0, "1\n2\n3\n"),
    ]
    .into_iter()
    .enumerate()
    {
        let user = json!({ "uid": user, "gid": user, "additionalGids": [10] });
        let process = json!({ "args": args, "env": ["A=1"], "cwd": "/work", "user": user });
        assert_eq!(heard(&stage, &format!("c{at}"), process).await.out, out, "{args}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_trap_runs_when_the_command_in_the_foreground_has_ended() {
    let stage = Stage::open(Profile::V1_6).await;
    let (id, ten) = ("c1", "trap 'exit 3' TERM; sleep 10; exit 4");
    stage.run(id, &["sh", "-c", ten]).await;
    // The trap is set when the shell has come to its sleep, and no sooner.
    tokio::time::sleep(Duration::from_secs(1)).await;
    stage.kill(id, "", 15).await.unwrap();
    let nine = tokio::time::timeout(Duration::from_millis(8500), stage.wait(id, "")).await;
    assert!(nine.is_err(), "the trap did not wait");
    assert_eq!(stage.wait(id, "").await.unwrap().exit_status, 3);
}

#[tokio::test(start_paused = true)]
async fn a_trap_runs_at_once_while_the_shell_waits_for_jobs() {
    let stage = Stage::open(Profile::V1_6).await;
    stage.run("c1", &["sh", "-c", "trap 'exit 3' TERM INT; sleep inf & wait"]).await;
    tokio::time::sleep(Duration::from_secs(1)).await;
    stage.kill("c1", "", 2).await.unwrap();
    let now = tokio::time::timeout(Duration::from_secs(1), stage.wait("c1", "")).await;
    assert_eq!(now.expect("it waits for nothing").unwrap().exit_status, 3);
}

#[tokio::test(start_paused = true)]
async fn an_init_without_a_trap_ignores_what_an_exec_dies_of() {
    let stage = Stage::open(Profile::V1_6).await;
    let line = ["sh", "-c", "while :; do sleep 1; done"];
    stage.run("c1", &line).await;
    stage.exec("c1", "e1", &line).await.unwrap();
    stage.start("c1", "e1").await.unwrap();
    for exec in ["", "e1"] {
        stage.kill("c1", exec, 15).await.unwrap();
    }
    assert_eq!(stage.wait("c1", "e1").await.unwrap().exit_status, 143);
    let hour = Duration::from_secs(3600);
    assert!(tokio::time::timeout(hour, stage.wait("c1", "")).await.is_err());
}

#[tokio::test(start_paused = true)]
async fn an_exec_that_ignores_a_signal_lives_on() {
    let stage = Stage::open(Profile::V1_6).await;
    stage.run("c1", &["sleep", "inf"]).await;
    stage.exec("c1", "e1", &["sh", "-c", "trap '' TERM; sleep 60; exit 6"]).await.unwrap();
    stage.start("c1", "e1").await.unwrap();
    tokio::time::sleep(Duration::from_secs(1)).await;
    stage.kill("c1", "e1", 15).await.unwrap();
    assert_eq!(stage.wait("c1", "e1").await.unwrap().exit_status, 6);
}

#[tokio::test(start_paused = true)]
async fn a_paused_process_does_nothing_and_its_sleep_goes_by() {
    let stage = Stage::open(Profile::V1_6).await;
    stage.run("c1", &["sh", "-c", "sleep 10; exit 5"]).await;
    let id = || "c1".to_owned();
    stage.tasks().pause(within(api::PauseTaskRequest { container_id: id() })).await.unwrap();
    let hour = Duration::from_secs(3600);
    assert!(tokio::time::timeout(hour, stage.wait("c1", "")).await.is_err());
    stage.tasks().resume(within(api::ResumeTaskRequest { container_id: id() })).await.unwrap();
    let soon = tokio::time::timeout(Duration::from_secs(1), stage.wait("c1", "")).await;
    assert_eq!(soon.expect("its ten seconds are long over").unwrap().exit_status, 5);
}

#[tokio::test(start_paused = true)]
async fn a_loop_without_a_pause_lets_time_go_on() {
    let stage = Stage::open(Profile::V1_6).await;
    stage.run("c1", &["sh", "-c", "while :; do :; done"]).await;
    let minute = Duration::from_secs(10);
    assert!(tokio::time::timeout(minute, stage.wait("c1", "")).await.is_err());
    stage.kill("c1", "", 9).await.unwrap();
    assert_eq!(stage.wait("c1", "").await.unwrap().exit_status, 137);
}

#[tokio::test(start_paused = true)]
async fn running_out_of_memory_is_told_before_the_exit() {
    let greedy = ProcessScript::runs_until_killed().runs_out_of_memory(Duration::from_secs(2));
    let mut stage = Stage::of(MockContainerd::builder().process("greedy", greedy)).await;
    stage.run("c1", &["greedy"]).await;
    assert_eq!(stage.wait("c1", "").await.unwrap().exit_status, 137);
    let topics = stage.topics().await;
    let started = topics.iter().position(|topic| topic == "/tasks/start").unwrap();
    assert_eq!(topics[started + 1..], ["/tasks/oom", "/tasks/exit"]);
}

#[tokio::test(start_paused = true)]
async fn a_reaction_takes_its_time_and_another_lets_the_process_go_on() {
    let close = Reaction::exits(0).after(Duration::from_secs(30));
    let server =
        ProcessScript::runs_until_killed().on("TERM", close).on("HUP", Reaction::continues());
    let stage = Stage::of(MockContainerd::builder().process("server", server)).await;
    stage.run("c1", &["/opt/bin/server"]).await;
    stage.kill("c1", "", 1).await.unwrap();
    stage.kill("c1", "", 15).await.unwrap();
    let early = tokio::time::timeout(Duration::from_secs(29), stage.wait("c1", "")).await;
    assert!(early.is_err(), "it closes for 30 s");
    assert_eq!(stage.wait("c1", "").await.unwrap().exit_status, 0);
}
