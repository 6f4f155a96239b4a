//! Deletions that are given up, that overlap with exits, or that hit whoever has the id.

use std::time::Duration;

use laconic_client::{Connection, ExitStatus, Io, Kind, NewContainer, Status};
use mock_containerd::faults::{EventFault, TasksAfter, When};

use crate::stage::{counts, quiet, running, sleeper, told};
use crate::{after, before, none, on_all};

const KILLED: ExitStatus = ExitStatus::Code(137);

/// Bug 20 (Moby fc94ed0a86, 2023-06-13, aeb8972281, 2023-10-20): whoever asked for a stop or a
/// restart went away, and left it half done, never to be finished.
#[tokio::test(start_paused = true)]
async fn a_stop_or_restart_that_is_given_up_anywhere_can_be_asked_for_again() {
    let faults = after("Tasks/Kill", "1*delay(5s)")
        .rpc("Tasks/Delete", When::After, "1*delay(5s)")
        .unwrap()
        .rpc("Tasks/Create", When::After, "1*off->1*delay(5s)")
        .unwrap();
    for seconds in [1, 6, 11] {
        on_all(faults.clone(), async |mut stage| {
            let (container, task) = stage.run("c0").await;
            let restart = async {
                task.force_delete().await?;
                container.start(Io::Null).await
            };
            let limit = Duration::from_secs(seconds);
            assert!(tokio::time::timeout(limit, restart).await.is_err(), "{seconds} s");
            stage.client.undone().await;
            quiet().await;
            stage.count();
            match task.force_delete().await {
                Ok(exit) => assert_eq!((seconds, exit.status), (1, KILLED)),
                Err(error) => {
                    assert_eq!((seconds > 1, error.kind()), (true, Kind::NotFound));
                    assert!(stage.calls().is_empty(), "it was heard that it is deleted");
                }
            }
            assert!(stage.foreigner.tasks_left().await.is_empty());
            let again = container.start(Io::Null).await.unwrap();
            assert_eq!(again.force_delete().await.unwrap().status, KILLED);
            container.delete().await.unwrap();
        })
        .await;
    }
}

/// Bug 25 (Moby 18e322bc7c, 2022-05-09): a container was deleted while its exit was still at work.
#[tokio::test(start_paused = true)]
async fn what_is_told_of_a_deleted_container_makes_no_ghost_of_it() {
    let late = EventFault::Delay(Duration::from_secs(30));
    let faults = none().event("/tasks/exit", 1, late).event("/tasks/delete", 1, late);
    on_all(faults, async |mut stage| {
        let (container, task) = stage.run("c0").await;
        task.force_delete().await.unwrap();
        container.delete().await.unwrap();
        // In virtual time: by now all has been told, late as it was.
        tokio::time::sleep(Duration::from_secs(60)).await;
        assert_eq!(told(&stage.news().await), ["c0: 137"]);
        assert_eq!(container.running_task().unwrap_err().kind(), Kind::FailedPrecondition);
        let again = stage.client.create(NewContainer::new("c0", ["true"])).await.unwrap();
        stage.count();
        again.delete().await.unwrap();
        assert_eq!(stage.counts(), counts([("Containers/Delete", 1)]));
    })
    .await;
}

/// Bug 25, where the id is in use again when it is told.
#[tokio::test(start_paused = true)]
async fn what_is_told_of_a_deleted_container_does_not_end_the_next_of_that_name() {
    let late = EventFault::Delay(Duration::from_secs(30));
    let faults = none().event("/tasks/exit", 1, late).event("/tasks/delete", 1, late);
    on_all(faults, async |stage| {
        let (container, task) = stage.run("c0").await;
        task.force_delete().await.unwrap();
        container.delete().await.unwrap();
        let (_, next) = stage.run("c0").await;
        // In virtual time: by now the late events have come.
        tokio::time::sleep(Duration::from_secs(60)).await;
        assert_eq!(next.status().unwrap(), Status::Running);
        assert_eq!(told(&stage.news().await), ["c0: 137"]);
        assert_eq!(next.force_delete().await.unwrap().status, KILLED);
    })
    .await;
}

/// Bug 25, where nothing else was told of that task: another client's, on a container that was
/// known to have none.
#[tokio::test(start_paused = true)]
async fn an_exit_of_a_task_that_nobody_told_of_makes_no_ghost() {
    let mut faults = none();
    for topic in ["/tasks/create", "/tasks/start", "/tasks/delete"] {
        faults = faults.event(topic, 1, EventFault::Lose);
    }
    on_all(faults, async |mut stage| {
        let new = NewContainer::new("c0", ["sleep", "inf"]);
        let container = stage.client.create(new).await.unwrap();
        stage.foreigner.start("c0").await;
        stage.foreigner.kill_and_delete("c0").await;
        assert_eq!(told(&stage.news().await), ["c0: 137"]);
        stage.count();
        container.delete().await.expect("there is no task");
        assert_eq!(stage.counts(), counts([("Containers/Delete", 1)]));
    })
    .await;
}

/// Seen in Moby at b985e2313a, a: the kill found nobody, no exit was told, the deletion failed, and
/// 0 was written down.
#[tokio::test(start_paused = true)]
async fn a_deletion_that_fails_after_an_untold_exit_makes_up_no_zero() {
    let faults = before("Tasks/Delete", "1*error(internal:\"busy\")");
    let faults = faults.event("/tasks/exit", 1, EventFault::Lose);
    on_all(faults, async |stage| {
        let (_, task) = stage.run("c0").await;
        stage.foreigner.kill("c0", "").await;
        assert_eq!(task.kill(9).await.unwrap_err().kind(), Kind::NotFound);
        assert_eq!(task.delete().await.unwrap_err().kind(), Kind::Internal);
        assert_eq!(task.exit_status().unwrap_err().kind(), Kind::FailedPrecondition);
        assert_eq!(task.wait().await.unwrap().status, KILLED);
        assert_eq!(task.delete().await.unwrap().status, KILLED);
        assert_eq!(told(&stage.news().await), ["c0: 137"]);
    })
    .await;
}

/// Seen in Moby at b985e2313a, e: handles were never cleared, and an old one acted on the next task
/// of that id. Here the reply to its creation is all that tells of it.
#[tokio::test(start_paused = true)]
async fn an_old_handle_acts_on_nobody_once_a_reply_told_of_the_next() {
    let mut faults = none().event("/tasks/exit", 1, EventFault::Lose);
    faults = faults.event("/tasks/delete", 1, EventFault::Lose);
    for topic in ["/tasks/create", "/tasks/start"] {
        faults = faults.event(topic, 2, EventFault::Lose);
    }
    on_all(faults, async |mut stage| {
        let (container, old) = stage.run("c0").await;
        stage.foreigner.kill_and_delete("c0").await;
        let new = container.start(Io::Null).await.unwrap();
        stage.count();
        for error in [
            old.kill(9).await.unwrap_err(),
            old.pause().await.unwrap_err(),
            old.exec(sleeper("e1")).await.unwrap_err(),
            old.force_delete().await.unwrap_err(),
        ] {
            assert_eq!(error.kind(), Kind::NotFound, "{error}");
        }
        assert!(stage.calls().is_empty());
        assert_eq!(new.status().unwrap(), Status::Running);
        assert_eq!(container.running_task().unwrap().pid(), new.pid());
        assert_eq!(old.wait().await.unwrap().status, ExitStatus::Unknown);
    })
    .await;
}

/// The same for an exec, whose id is free again once it is deleted.
#[tokio::test(start_paused = true)]
async fn an_old_execs_handle_acts_on_nobody_once_a_reply_told_of_the_next() {
    let mut faults = none().event("/tasks/exit", 1, EventFault::Lose);
    for topic in ["/tasks/exec-added", "/tasks/exec-started"] {
        faults = faults.event(topic, 2, EventFault::Lose);
    }
    on_all(faults, async |mut stage| {
        let (_, task) = stage.run("c0").await;
        let old = running(&task, "e0").await;
        stage.foreigner.kill("c0", "e0").await;
        stage.foreigner.delete_exec("c0", "e0").await;
        let new = running(&task, "e0").await;
        stage.count();
        assert_eq!(old.kill(9).await.unwrap_err().kind(), Kind::NotFound);
        assert_eq!(old.delete().await.unwrap_err().kind(), Kind::NotFound);
        assert!(stage.calls().is_empty());
        assert_eq!(new.status().unwrap(), Status::Running);
    })
    .await;
}

/// What cannot be known, as the documentation says: calls carry ids only, so before any word of the
/// next task came here, an old handle acts on it.
#[tokio::test(start_paused = true)]
async fn before_any_word_of_the_next_an_old_handle_acts_on_it() {
    let mut faults = none();
    for topic in ["/tasks/exit", "/tasks/delete"] {
        faults = faults.event(topic, 1, EventFault::Lose);
    }
    for topic in ["/tasks/create", "/tasks/start"] {
        faults = faults.event(topic, 2, EventFault::Lose);
    }
    on_all(faults, async |stage| {
        let (_, old) = stage.run("c0").await;
        stage.foreigner.kill_and_delete("c0").await;
        stage.foreigner.start("c0").await;
        quiet().await;
        old.pause().await.expect("nobody can tell");
    })
    .await;
}

/// Seen in Moby at b985e2313a, g: when it could not be told whether there is a task, the record was
/// deleted, and the task was an orphan.
#[tokio::test(start_paused = true)]
async fn a_container_is_deleted_only_if_it_was_said_that_it_has_no_task() {
    for (code, kind) in [
        ("unavailable", Kind::Unavailable),
        ("deadline-exceeded", Kind::DeadlineExceeded),
        ("internal", Kind::Internal),
        ("unknown", Kind::Unknown),
    ] {
        let faults = before("Tasks/Get", &format!("1*error({code}:\"no\")"));
        on_all(faults, async |stage| {
            let new = NewContainer::new("c0", ["sleep", "inf"]);
            let container = stage.client.create(new).await.unwrap();
            stage.mock.faults().restart(TasksAfter::Kept);
            let lost = |now: &Connection| matches!(now, Connection::Lost { .. });
            stage.client.connection().wait_for(lost).await.unwrap();
            stage.foreigner.start("c0").await;
            assert_eq!(container.delete().await.unwrap_err().kind(), kind);
            assert_eq!(stage.counts().get("Containers/Delete"), None);
            assert_eq!(stage.foreigner.tasks_left().await, ["c0"]);
        })
        .await;
    }
}
