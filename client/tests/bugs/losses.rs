//! Nothing that was lost on the way is waited for, made up, or told twice.

use std::time::Duration;

use laconic_client::{Connection, ExitStatus, Io, Kind, NewContainer, Status};
use mock_containerd::faults::{Cut, EventFault};
use mock_containerd::{MockContainerd, Profile};

use crate::stage::{NAMESPACE, Stage, quiet, running, told};
use crate::{before, none, on_all};

const KILLED: ExitStatus = ExitStatus::Code(137);

/// Whenever a task and an exec exit, before, while and after the stream is lost and compared, each
/// exit is told once, as it was.
#[tokio::test(start_paused = true)]
async fn whenever_the_stream_is_lost_no_exit_is_lost_made_up_or_told_twice() {
    for profile in [Profile::V1_6, Profile::V1_7, Profile::V2_1] {
        for step in 0..12 {
            let mock = MockContainerd::builder().profile(profile).interleave(step);
            let stage = Stage::of(mock, |builder| builder).await;
            let (_, task) = stage.run("c0").await;
            let (process, lives) = (running(&task, "e0").await, running(&task, "e1").await);
            let (_, other) = stage.run("c1").await;
            let loss = async {
                // In virtual time: while what `ends` does is under way.
                tokio::time::sleep(Duration::from_millis(100)).await;
                assert!(stage.mock.faults().cut_connection(stage.calls()[0].connection));
            };
            let ends = async {
                // From well before the loss to well after the comparing.
                tokio::time::sleep(Duration::from_millis(33 * step)).await;
                stage.foreigner.kill("c0", "e0").await;
                stage.foreigner.kill("c1", "").await;
            };
            let (of_exec, of_other, (), ()) =
                tokio::join!(process.wait(), other.wait(), loss, ends);
            assert_eq!((of_exec.unwrap().status, of_other.unwrap().status), (KILLED, KILLED));
            stage.resynced(1).await;
            assert_eq!(told(&stage.news().await), ["c0/e0: 137", "c1: 137"], "{profile}, {step}");
            assert_eq!(task.status().unwrap(), Status::Running, "{profile}, {step}");
            assert_eq!(lives.status().unwrap(), Status::Running, "{profile}, {step}");
        }
    }
}

/// containerd 2.1 loses some exits and deletions of tasks that were created and are deleted by
/// somebody else.
#[tokio::test(start_paused = true)]
async fn a_created_task_that_somebody_else_deleted_without_a_word_is_waited_for_by_nobody() {
    let mut faults = none();
    for topic in ["/tasks/exit", "/tasks/delete"] {
        faults = faults.event(topic, 1, EventFault::Lose);
    }
    on_all(faults, async |stage| {
        let new = NewContainer::new("c0", ["sleep", "inf"]);
        let container = stage.client.create(new).await.unwrap();
        let task = container.create_task(Io::Null).await.unwrap();
        stage.foreigner.kill_and_delete("c0").await;
        let minute = Duration::from_secs(60);
        let exit = tokio::time::timeout(minute, task.wait()).await.unwrap().unwrap();
        assert_eq!(exit.status, ExitStatus::Unknown);
        container.delete().await.unwrap();
    })
    .await;
}

/// A real daemon says nothing when a subscription begins, and loses what is published meanwhile: a
/// stream is whole once a probe has come back, and not before.
#[tokio::test(start_paused = true)]
async fn a_stream_is_whole_once_its_probe_has_come_back() {
    let mut faults = none();
    for nth in 1..=2 {
        faults = faults.event("/laconic/probe", nth, EventFault::Lose);
    }
    on_all(faults, async |stage| {
        let calls = stage.mock.ledger().calls();
        let probes = calls.iter().filter(|call| call.rpc.short() == "Events/Publish");
        assert_eq!(probes.count(), 3);
    })
    .await;
}

/// What is lost half-way through the comparing was never whole.
#[tokio::test(start_paused = true)]
async fn a_stream_that_is_lost_while_all_is_compared_was_never_whole() {
    let cut = Cut::Stream("Events/Subscribe".to_owned());
    let faults = before("Tasks/Get", "1*delay(2s)").cut("Tasks/List#1".parse().unwrap(), cut);
    on_all(faults, async |stage| {
        let (_, task) = stage.run("c0").await;
        let process = running(&task, "e0").await;
        let mut connection = stage.client.connection();
        assert!(stage.mock.faults().cut_connection(stage.calls()[0].connection));
        let live = |now: &Connection| matches!(now, Connection::Live { resyncs: 1.. });
        connection.wait_for(live).await.unwrap();
        stage.foreigner.kill("c0", "e0").await;
        assert_eq!(process.wait().await.unwrap().status, KILLED);
        quiet().await;
        assert_eq!(*connection.borrow(), Connection::Live { resyncs: 1 });
        assert_eq!(stage.counts()["Tasks/List"], 2);
        assert_eq!(task.status().unwrap(), Status::Running);
    })
    .await;
}

/// That a task is gone may be known before its exit was told.
#[tokio::test(start_paused = true)]
async fn an_exit_that_is_overtaken_by_the_deletion_keeps_its_status() {
    let late = EventFault::Delay(Duration::from_millis(300));
    let faults = none().event("/tasks/exit", 1, late).event("/tasks/delete", 1, EventFault::Lose);
    on_all(faults, async |stage| {
        let (_, task) = stage.run("c0").await;
        stage.foreigner.kill_and_delete("c0").await;
        assert_eq!(task.refresh().await.unwrap_err().kind(), Kind::NotFound);
        assert_eq!(task.wait().await.unwrap().status, KILLED);
        assert_eq!(told(&stage.news().await), ["c0: 137"]);
    })
    .await;
}

/// containerd repeats events.
#[tokio::test(start_paused = true)]
async fn a_birth_that_is_told_twice_is_one() {
    let faults = none().event("/tasks/create", 1, EventFault::Duplicate);
    on_all(faults, async |stage| {
        let (_, task) = stage.run("c0").await;
        quiet().await;
        assert_eq!(task.status().unwrap(), Status::Running);
        task.kill(9).await.unwrap();
        assert_eq!(task.wait().await.unwrap().status, KILLED);
        assert_eq!(told(&stage.news().await), ["c0: 137"]);
    })
    .await;
}

/// A shim that hangs answers "unknown", and recovers: that is no exit, whichever way it is asked.
#[tokio::test(start_paused = true)]
async fn a_shim_that_hangs_and_recovers_is_no_exit() {
    on_all(none(), async |stage| {
        let (_, task) = stage.run("c0").await;
        let process = running(&task, "e0").await;
        assert!(stage.mock.faults().hang_shim(NAMESPACE, "c0"));
        let limit = Duration::from_secs(60);
        assert!(tokio::time::timeout(limit, task.wait()).await.is_err(), "it was looked for");
        assert!(task.exit_status().is_err() && process.exit_status().is_err());
        assert_eq!(task.refresh().await.unwrap(), Status::Unknown);
        assert!(task.exit_status().is_err() && process.exit_status().is_err());
        assert!(stage.news().await.is_empty());
        assert!(stage.mock.faults().wake_shim(NAMESPACE, "c0"));
        assert_eq!(task.refresh().await.unwrap(), Status::Running);
        task.kill(9).await.unwrap();
        assert_eq!(task.wait().await.unwrap().status, KILLED);
        quiet().await;
        assert_eq!(told(&stage.news().await), ["c0/e0: 137", "c0: 137"]);
    })
    .await;
}
