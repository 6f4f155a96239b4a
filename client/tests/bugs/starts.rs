//! Starts that fail, are given up, or never come.

use std::future::Future;
use std::time::Duration;

use laconic_client::{ExitStatus, Io, Kind, NewContainer};
use mock_containerd::faults::EventFault;

use crate::stage::{Stage, counts, exec, quiet, sleeper, told};
use crate::{after, before, none, on_all};

async fn bare(stage: &Stage) -> laconic_client::Container {
    stage.client.create(NewContainer::new("c0", ["sleep", "inf"])).await.unwrap()
}

/// Gives something up after a second.
async fn given_up<T>(work: impl Future<Output = T>) {
    assert!(tokio::time::timeout(Duration::from_secs(1), work).await.is_err());
}

/// Bug 2 (Moby 1bef9e3fbf, 2022-11-02): a start that failed tried to delete a task that was
/// created and not dead, which was refused; the task leaked.
#[tokio::test(start_paused = true)]
async fn a_failed_start_kills_the_created_task_before_it_deletes_it() {
    let faults = before("Tasks/Start", "1*error(internal:\"no\")");
    on_all(faults, async |mut stage| {
        let container = bare(&stage).await;
        stage.count();
        assert_eq!(container.start(Io::Null).await.unwrap_err().kind(), Kind::Internal);
        let calls: Vec<_> = stage.calls().iter().map(|call| call.rpc.short()).collect();
        assert_eq!(calls, ["Tasks/Create", "Tasks/Start", "Tasks/Kill", "Tasks/Delete"]);
        assert!(stage.foreigner.tasks_left().await.is_empty());
        container.delete().await.unwrap();
    })
    .await;
}

/// Bug 3 (Moby 3b28a24e97, 2023-06-22): the exit of an exec came before there was a handle for it,
/// for its start failed; the handler followed a null pointer.
#[tokio::test(start_paused = true)]
async fn an_exec_exits_before_its_start_fails_and_is_told_and_deleted_once() {
    let faults = after("Tasks/Start", "1*off->1*delay(1s)");
    let when = mock_containerd::faults::When::After;
    let faults = faults.rpc("Tasks/Start", when, "1*off->1*error(internal:\"late\")").unwrap();
    on_all(faults, async |mut stage| {
        let (_, task) = stage.run("c0").await;
        stage.count();
        let error = task.exec(exec("e0", &["sh", "-c", "exit 3"])).await.unwrap_err();
        assert_eq!(error.kind(), Kind::Internal);
        let three = ["Tasks/Exec", "Tasks/Start", "Tasks/DeleteProcess"];
        assert_eq!(stage.counts(), counts(three.map(|method| (method, 1))));
        assert_eq!(told(&stage.news().await), ["c0/e0: 3"]);
        // Its id is free, and its exit is nobody else's.
        let again = task.exec(exec("e0", &["sh", "-c", "exit 4"])).await.unwrap();
        assert_eq!(again.wait().await.unwrap().status, ExitStatus::Code(4));
    })
    .await;
}

/// Bug 4 (Moby 487ea81316, 2023-05-27): resizing an exec whose start had failed followed a null
/// pointer.
#[tokio::test(start_paused = true)]
async fn an_exec_whose_start_failed_is_resized_by_nobody() {
    on_all(none(), async |mut stage| {
        let (_, task) = stage.run("c0").await;
        task.exec(exec("e0", &["/no/such"])).await.unwrap_err();
        let listed = task.execs();
        let failed = listed.iter().find(|exec| exec.id() == "e0").expect("it was heard of");
        stage.count();
        assert_eq!(failed.resize(80, 24).await.unwrap_err().kind(), Kind::NotFound);
        assert_eq!(failed.kill(9).await.unwrap_err().kind(), Kind::NotFound);
        assert!(stage.calls().is_empty());
        // It never ran, so it has no exit; and nobody waits for one.
        assert_eq!(failed.wait().await.unwrap().status, ExitStatus::Unknown);
        assert!(stage.news().await.is_empty());
    })
    .await;
}

/// Bug 18 (Moby c866a7e5f8, 2024-09-26): what a start failed of was overwritten by what came of it.
/// Bug 21 (Moby 003e17ff5a, 2025-09-03): nobody heard that the cleaning up failed, too.
#[tokio::test(start_paused = true)]
async fn the_starts_own_error_is_told_also_when_the_cleaning_up_fails() {
    let faults = before("Tasks/DeleteProcess", "1*error(internal:\"busy\")");
    on_all(faults, async |stage| {
        let (_, task) = stage.run("c0").await;
        let error = task.exec(exec("e0", &["/no/such"])).await.unwrap_err();
        assert_eq!(error.operation(), "start");
        assert!(error.to_string().contains("/no/such"), "{error}");
        // It is still there, and whoever wants its id can have it deleted.
        assert!(stage.foreigner.has_exec("c0", "e0").await);
        let left = task.execs().into_iter().find(|exec| exec.id() == "e0").unwrap();
        left.delete().await.unwrap();
        task.exec(sleeper("e0")).await.unwrap();
    })
    .await;
}

/// Bug 19 (Moby a181a825c8, 2022-10-27): whoever asked for a start went away, and took the cleaning
/// up along.
#[tokio::test(start_paused = true)]
async fn a_start_whose_caller_leaves_between_create_and_start_leaves_no_task() {
    let faults = after("Tasks/Create", "1*delay(5s)");
    on_all(faults, async |stage| {
        let container = bare(&stage).await;
        given_up(container.start(Io::Null)).await;
        stage.client.undone().await;
        assert!(stage.foreigner.tasks_left().await.is_empty());
        assert_eq!(stage.counts().get("Tasks/Start"), None, "nobody wants it any more");
        container.start(Io::Null).await.unwrap();
    })
    .await;
}

/// Bug 21 (Moby fbad7b568d, 2025-09-03): the cleaning up after an exec's failed start ended with
/// the request.
#[tokio::test(start_paused = true)]
async fn an_exec_whose_caller_leaves_while_its_start_fails_is_cleared_away() {
    let faults = before("Tasks/DeleteProcess", "1*delay(5s)");
    on_all(faults, async |stage| {
        let (_, task) = stage.run("c0").await;
        given_up(task.exec(exec("e0", &["/no/such"]))).await;
        assert!(stage.foreigner.has_exec("c0", "e0").await);
        stage.client.undone().await;
        assert!(!stage.foreigner.has_exec("c0", "e0").await);
    })
    .await;
}

/// Bug 17 (Moby ac8b4e3e75, 2025-02-20): a task was created, never started, and deleted by force;
/// its exit counted as a run that failed, and was followed by the next one.
/// Bug 26 (Moby 659d7b190f, 2024-01-09) parted creation and start, so that this can be.
#[tokio::test(start_paused = true)]
async fn a_task_that_is_given_up_between_create_and_start_is_told_once_and_never_ran() {
    on_all(none(), async |mut stage| {
        let container = bare(&stage).await;
        let task = container.create_task(Io::Null).await.unwrap();
        assert_eq!(container.running_task().unwrap_err().kind(), Kind::FailedPrecondition);
        stage.count();
        let exit = task.force_delete().await.unwrap();
        assert_eq!(stage.counts(), counts([("Tasks/Kill", 1), ("Tasks/Delete", 1)]));
        assert!(!exit.status.success());
        assert_eq!(stage.news().await.len(), 1);
        container.delete().await.unwrap();
        quiet().await;
        assert_eq!(stage.counts().get("Tasks/Start"), None);
    })
    .await;
}

/// Bug 26 (Moby 659d7b190f, 2024-01-09): what is created and never started can be deleted as it is.
/// The reply says that it ended with 0, and does not mean it.
#[tokio::test(start_paused = true)]
async fn a_task_that_was_only_created_is_deleted_as_it_is() {
    let exit = |fault| none().event("/tasks/exit", 1, fault);
    let late = exit(EventFault::Delay(Duration::from_millis(200)));
    for faults in [none(), late, exit(EventFault::Lose)] {
        on_all(faults, async |mut stage| {
            let container = bare(&stage).await;
            let task = container.create_task(Io::Null).await.unwrap();
            stage.count();
            let exit = task.delete().await.unwrap();
            assert!(!exit.status.success(), "{exit:?}");
            container.delete().await.unwrap();
            assert_eq!(stage.counts(), counts([("Containers/Delete", 1), ("Tasks/Delete", 1)]));
            assert_eq!(task.wait().await.unwrap(), exit);
            assert_eq!(stage.news().await.len(), 1);
        })
        .await;
    }
}

/// The same of an exec, of which no event tells that it ended.
#[tokio::test(start_paused = true)]
async fn an_exec_that_was_only_registered_is_deleted_as_it_is() {
    on_all(none(), async |stage| {
        let (_, task) = stage.run("c0").await;
        let process = task.create_exec(sleeper("e0")).await.unwrap();
        let exit = process.delete().await.unwrap();
        assert_eq!(exit.status, ExitStatus::Unknown);
        assert_eq!(process.wait().await.unwrap(), exit);
        assert!(stage.news().await.is_empty(), "it never ran");
    })
    .await;
}
