//! Scripted processes: how they end, and what pids are shown for them.

use std::time::Duration;

use containerd_client::services::v1 as api;
use mock_containerd::{MockContainerd, ProcessScript, Profile};
use tonic::Code;

use crate::stage::{Stage, within};

#[tokio::test(start_paused = true)]
async fn everyday_commands_end_as_they_do() {
    let stage = Stage::open(Profile::V1_6).await;
    for (at, (args, status)) in [
        (vec!["true"], 0),
        (vec!["false"], 1),
        (vec!["sleep", "0.05"], 0),
        (vec!["echo", "hello"], 0),
        (vec!["sh", "-c", "exit 42"], 42),
    ]
    .into_iter()
    .enumerate()
    {
        let id = format!("c{at}");
        stage.run(&id, &args).await;
        assert_eq!(stage.wait(&id, "").await.unwrap().exit_status, status, "{args:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn sleep_inf_ends_by_a_signal_alone() {
    let stage = Stage::open(Profile::V1_6).await;
    stage.run("c1", &["sleep", "inf"]).await;
    let hour = Duration::from_secs(3600);
    assert!(tokio::time::timeout(hour, stage.wait("c1", "")).await.is_err());
    stage.kill("c1", "", 9).await.unwrap();
    assert_eq!(stage.wait("c1", "").await.unwrap().exit_status, 137);
}

#[tokio::test(start_paused = true)]
async fn an_exec_dies_of_any_signal_with_its_number() {
    let stage = Stage::open(Profile::V1_6).await;
    stage.run("c1", &["sleep", "inf"]).await;
    for signal in [1, 2, 3, 6, 9, 10, 15] {
        let exec = format!("e{signal}");
        stage.exec("c1", &exec, &["sleep", "inf"]).await.unwrap();
        stage.start("c1", &exec).await.unwrap();
        stage.kill("c1", &exec, signal).await.unwrap();
        assert_eq!(stage.wait("c1", &exec).await.unwrap().exit_status, 128 + signal);
    }
}

#[tokio::test(start_paused = true)]
async fn a_missing_binary_is_the_error_that_runc_gives_and_leaves_no_task() {
    let mut stage = Stage::open(Profile::V1_6).await;
    stage.create_container("c1", &["/no/such"]).await.unwrap();
    stage.topics().await;
    let refused = stage.create_task("c1").await.unwrap_err();
    assert_eq!(refused.code(), Code::Unknown);
    assert_eq!(
        refused.message(),
        "failed to create shim task: OCI runtime create failed: runc create failed: unable to \
         start container process: exec: \"/no/such\": stat /no/such: no such file or directory: \
         unknown"
    );
    assert_eq!(stage.get("c1", "").await.unwrap_err().code(), Code::NotFound);
    assert!(stage.topics().await.is_empty());
}

#[tokio::test(start_paused = true)]
async fn a_script_of_ones_own_plays_under_its_command() {
    let server = ProcessScript::runs_until_killed().ends_on_term(3);
    let worker = ProcessScript::exits(5).after(Duration::from_secs(60));
    let builder = MockContainerd::builder().process("server", server).process("worker", worker);
    let stage = Stage::of(builder).await;
    stage.run("c1", &["server", "--flag"]).await;
    stage.run("c2", &["worker"]).await;
    stage.kill("c1", "", 15).await.unwrap();
    assert_eq!(stage.wait("c1", "").await.unwrap().exit_status, 3);
    assert_eq!(stage.wait("c2", "").await.unwrap().exit_status, 5);
}

#[tokio::test]
async fn every_pid_lies_above_the_kernels_maximum() {
    let stage = Stage::open(Profile::V1_6).await;
    let init = stage.run("c1", &["sleep", "inf"]).await;
    stage.exec("c1", "e1", &["sleep", "inf"]).await.unwrap();
    let exec = stage.start("c1", "e1").await.unwrap();
    let request = within(api::ListPidsRequest { container_id: "c1".to_owned() });
    let listed = stage.tasks().list_pids(request).await.unwrap().into_inner().processes;
    let pids: Vec<u32> = listed.iter().map(|process| process.pid).collect();
    assert_eq!(pids, [init, exec]);
    // 2^22 is what Linux allows at most; a kill by such a pid meets nobody.
    assert!(pids.iter().all(|pid| *pid > 1 << 22), "{pids:?}");
}

#[tokio::test(start_paused = true)]
async fn a_signal_to_a_paused_task_waits_until_it_is_resumed() {
    let builder = MockContainerd::builder()
        .process("server", ProcessScript::runs_until_killed().ends_on_term(0));
    let mut stage = Stage::of(builder).await;
    stage.run("c1", &["server"]).await;
    let id = || "c1".to_owned();
    stage.tasks().pause(within(api::PauseTaskRequest { container_id: id() })).await.unwrap();
    stage.kill("c1", "", 15).await.unwrap();
    let waited = tokio::time::timeout(Duration::from_secs(9), stage.wait("c1", "")).await;
    assert!(waited.is_err());
    stage.topics().await;
    stage.tasks().resume(within(api::ResumeTaskRequest { container_id: id() })).await.unwrap();
    assert_eq!(stage.wait("c1", "").await.unwrap().exit_status, 0);
    assert_eq!(stage.topics().await, ["/tasks/resumed", "/tasks/exit"]);
}
