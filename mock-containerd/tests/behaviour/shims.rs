//! Shims that die or hang, and a daemon that restarts: as it was seen on real ones.

use std::time::Duration;

use containerd_client::events::TaskExit;
use containerd_client::services::v1 as api;
use containerd_client::types::v1::Status as Shown;
use mock_containerd::faults::{DaemonFault, Faults, TasksAfter};
use mock_containerd::{MockContainerd, Profile};
use prost::Message;
use rpc_ledger::Ended;
use tokio::time::{Instant, timeout};
use tonic::Code;

use crate::stage::{NAMESPACE, Stage, within};

async fn listed(stage: &Stage) -> Vec<(String, Shown)> {
    let reply = stage.tasks().list(within(api::ListTasksRequest::default())).await.unwrap();
    let tasks = reply.into_inner().tasks.into_iter();
    tasks.map(|task| (task.id.clone(), task.status())).collect()
}

#[tokio::test]
async fn a_killed_shim_takes_its_task_along_and_the_daemon_tells() {
    let faults = Faults::default()
        .daemon("Tasks/Start#2".parse().unwrap(), DaemonFault::KillShim("c1".to_owned()))
        .daemon("Tasks/Start#2".parse().unwrap(), DaemonFault::KillShim("c9".to_owned()));
    for (profile, message) in
        [(Profile::V1_6, "ttrpc: closed: unknown"), (Profile::V2_1, "ttrpc: closed")]
    {
        let builder = MockContainerd::builder().profile(profile).faults(faults.clone());
        let mut stage = Stage::of(builder).await;
        let pid = stage.run("c1", &["sleep", "inf"]).await;
        stage.exec("c1", "e1", &["sleep", "inf"]).await.unwrap();
        let (waited, started) = tokio::join!(stage.wait("c1", ""), stage.start("c1", "e1"));
        started.unwrap();
        let waited = waited.unwrap_err();
        assert_eq!((waited.code(), waited.message()), (Code::Unknown, message));
        assert_eq!(stage.get("c1", "").await.unwrap_err().code(), Code::NotFound);

        let events = stage.published().await;
        let last: Vec<&str> = events.iter().rev().take(2).map(|e| e.topic.as_str()).collect();
        assert_eq!(last, ["/tasks/delete", "/tasks/exit"]);
        let exit = events[events.len() - 2].event.as_ref().unwrap();
        let exit = TaskExit::decode(exit.value.as_slice()).unwrap();
        assert_eq!((exit.id.as_str(), exit.pid, exit.exit_status), ("c1", pid, 137));

        // The id can be used again.
        stage.create_task("c1").await.unwrap();
        let done: Vec<String> = stage.mock().faults().fired().into_iter().map(|f| f.done).collect();
        assert_eq!(done, ["shim killed", "no such task: nothing done"]);
    }
}

#[tokio::test(start_paused = true)]
async fn a_hung_shim_is_shown_as_unknown_after_two_seconds_and_everything_else_waits() {
    let stage = Stage::open(Profile::V1_6).await;
    let pid = stage.run("c1", &["sleep", "inf"]).await;
    stage.run("c2", &["sleep", "inf"]).await;
    assert!(stage.mock().faults().hang_shim(NAMESPACE, "c1"));
    let begin = Instant::now();
    let both = [("c1".to_owned(), Shown::Unknown), ("c2".to_owned(), Shown::Running)];
    assert_eq!(listed(&stage).await, both);
    assert_eq!(begin.elapsed().as_secs(), 2);
    let shown = stage.get("c1", "").await.unwrap();
    assert_eq!((shown.status(), shown.pid), (Shown::Unknown, 0));
    assert_eq!(begin.elapsed().as_secs(), 4);

    let hour = Duration::from_secs(3600);
    timeout(hour, stage.kill("c1", "", 9)).await.expect_err("nobody carries it out");
    timeout(hour, stage.wait("c1", "")).await.expect_err("nobody answers");
    let metrics = within(api::MetricsRequest::default());
    timeout(hour, stage.tasks().metrics(metrics)).await.expect_err("all are asked for theirs");
    stage.kill("c2", "", 9).await.expect("the other shim is well");

    // What is asked for while it hangs is done when it goes on.
    let (killed, woken) = tokio::join!(stage.kill("c1", "", 9), async {
        tokio::time::sleep(hour).await;
        stage.mock().faults().wake_shim(NAMESPACE, "c1")
    });
    killed.unwrap();
    assert!(woken);
    let shown = stage.get("c1", "").await.unwrap();
    assert_eq!((shown.status(), shown.pid, shown.exit_status), (Shown::Stopped, pid, 137));
}

#[tokio::test(start_paused = true)]
async fn a_shim_that_comes_back_tells_what_exited_meanwhile() {
    let text = r#"
        [[daemon]]
        after = "Tasks/Start#1"
        do = "hang-shim:c1"
        then = "back(10s)"
    "#;
    let faults = Faults::parse("f.toml", text).unwrap();
    let mut stage = Stage::of(MockContainerd::builder().faults(faults)).await;
    stage.run("c1", &["sleep", "5"]).await;
    let begin = Instant::now();
    let waited = stage.wait("c1", "").await.unwrap();
    assert_eq!((waited.exit_status, begin.elapsed().as_secs()), (0, 10));
    let topics = stage.topics().await;
    assert_eq!(topics, ["/containers/create", "/tasks/create", "/tasks/start", "/tasks/exit"]);
}

#[tokio::test(start_paused = true)]
async fn a_hung_shim_that_dies_closes_on_those_who_wait() {
    let stage = Stage::open(Profile::V1_6).await;
    stage.run("c1", &["sleep", "inf"]).await;
    stage.mock().faults().hang_shim(NAMESPACE, "c1");
    let (killed, ()) = tokio::join!(stage.kill("c1", "", 9), async {
        tokio::time::sleep(Duration::from_secs(9)).await;
        assert!(stage.mock().faults().kill_shim(NAMESPACE, "c1"));
    });
    assert_eq!(killed.unwrap_err().message(), "ttrpc: closed: unknown");
    assert!(listed(&stage).await.is_empty());
}

#[tokio::test]
async fn a_restart_breaks_what_is_open_and_keeps_what_runs() {
    for (profile, stopped_stays) in
        [(Profile::V1_6, true), (Profile::V1_7, false), (Profile::V2_1, false)]
    {
        let stage = Stage::open(profile).await;
        stage.run("done", &["true"]).await;
        stage.wait("done", "").await.unwrap();
        stage.run("runs", &["sleep", "inf"]).await;
        let (waited, ()) = tokio::join!(stage.wait("runs", ""), async {
            while stage.mock().ledger().in_flight() < 2 {
                stage.mock().ledger().changed().await;
            }
            stage.mock().faults().restart(TasksAfter::Kept);
        });
        waited.expect_err("the connection is gone");
        let mut expected = vec![("runs".to_owned(), Shown::Running)];
        if stopped_stays {
            expected.insert(0, ("done".to_owned(), Shown::Stopped));
        }
        assert_eq!(listed(&stage).await, expected, "{profile}");
        let broken = stage.mock().ledger().calls();
        let broken = broken.iter().filter(|call| call.ended == Some(Ended::Broken));
        let broken: Vec<String> = broken.map(|call| call.rpc.short()).collect();
        assert_eq!(broken, ["Events/Subscribe", "Tasks/Wait"]);
        assert_eq!(stage.mock().events().subscribers(), 0);
        stage.kill("runs", "", 9).await.unwrap();
    }
}

#[tokio::test]
async fn a_restart_can_lose_all_tasks_without_a_word() {
    let fault = DaemonFault::Restart(TasksAfter::Lost);
    let faults = Faults::default().daemon("Tasks/Start#1".parse().unwrap(), fault);
    let stage = Stage::of(MockContainerd::builder().faults(faults)).await;
    stage.run("c1", &["sleep", "inf"]).await;
    assert!(listed(&stage).await.is_empty());
    assert_eq!(stage.get("c1", "").await.unwrap_err().message(), "task c1 not found");
    stage.create_task("c1").await.expect("its record is left");
    assert_eq!(stage.mock().faults().fired()[0].done, "daemon restarted");
}
