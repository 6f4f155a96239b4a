//! Whoever is missing from a list is asked for alone, and only "not found" ends it.

use std::time::Duration;

use laconic_client::{ExitStatus, Kind, NewContainer, Status};
use mock_containerd::faults::{EventFault, Faults, When};

use crate::stage::{Stage, counts, quiet, told};
use crate::{before, forger, none, on_all};

/// A list is made while a container has no task, and its answer takes 5 s. Nothing is told of the
/// task that went, nor of the one that comes meanwhile.
fn outdated() -> Faults {
    let mut faults = none().rpc("Tasks/List", When::After, "1*delay(5s)").unwrap();
    for topic in ["/tasks/exit", "/tasks/delete"] {
        faults = faults.event(topic, 1, EventFault::Lose);
    }
    for topic in ["/tasks/create", "/tasks/start"] {
        faults = faults.event(topic, 2, EventFault::Lose);
    }
    faults
}

/// The list has been made, and not arrived.
async fn asked_for(stage: &Stage, rpc: &str) {
    let ledger = stage.mock.ledger();
    loop {
        let changed = ledger.changed();
        if ledger.calls().iter().any(|call| call.rpc.short() == rpc) {
            break;
        }
        changed.await;
    }
    quiet().await;
}

#[tokio::test(start_paused = true)]
async fn a_task_that_is_missing_from_a_list_is_asked_for_by_one_get() {
    on_all(outdated(), async |mut stage| {
        let (container, task) = stage.run("c0").await;
        stage.foreigner.kill_and_delete("c0").await;
        stage.count();
        let meanwhile = async {
            asked_for(&stage, "Tasks/List").await;
            stage.foreigner.start("c0").await;
        };
        let (exit, ()) = tokio::join!(task.wait(), meanwhile);
        assert_eq!(exit.unwrap().status, ExitStatus::Unknown);
        assert_eq!(stage.counts(), counts([("Tasks/Get", 1), ("Tasks/List", 1)]));
        // There is one, and so its record stays.
        assert_eq!(container.delete().await.unwrap_err().kind(), Kind::FailedPrecondition);
        assert_eq!(stage.foreigner.tasks_left().await, ["c0"]);
    })
    .await;
}

#[tokio::test(start_paused = true)]
async fn a_task_that_is_missing_from_a_restores_list_is_asked_for_as_well() {
    on_all(outdated(), async |stage| {
        let (container, task) = stage.run("c0").await;
        stage.foreigner.kill_and_delete("c0").await;
        let meanwhile = async {
            asked_for(&stage, "Tasks/List").await;
            stage.foreigner.start("c0").await
        };
        let (restored, pid) = tokio::join!(stage.client.restore(), meanwhile);
        let found = restored.unwrap().remove(0).task.expect("an answer about it alone is newer");
        assert_eq!(found.pid(), pid);
        assert_eq!(stage.counts()["Tasks/Get"], 1);
        assert_eq!(task.kill(9).await.unwrap_err().kind(), Kind::NotFound);
        assert_eq!(container.delete().await.unwrap_err().kind(), Kind::FailedPrecondition);
    })
    .await;
}

/// containerd leaves out of lists whatever it cannot read just then.
#[tokio::test(start_paused = true)]
async fn a_container_whose_task_no_list_showed_is_deleted_only_after_a_get() {
    on_all(none(), async |mut stage| {
        stage.client.create(NewContainer::new("c0", ["true"])).await.unwrap();
        let builder = laconic_client::Client::builder(crate::stage::NAMESPACE);
        let client = builder.with_connector(stage.mock.clone()).await.unwrap();
        let found = client.restore().await.unwrap().remove(0);
        assert!(found.task.is_none());
        stage.count();
        found.container.delete().await.unwrap();
        assert_eq!(stage.counts(), counts([("Containers/Delete", 1), ("Tasks/Get", 1)]));
    })
    .await;
}

/// The births of a task were lost, and then the end of an exec in it is told.
#[tokio::test(start_paused = true)]
async fn a_task_that_is_known_by_hearsay_is_asked_for_before_its_container_is_deleted() {
    let mut faults = none();
    for topic in ["/tasks/create", "/tasks/start"] {
        faults = faults.event(topic, 1, EventFault::Lose);
    }
    on_all(faults, async |mut stage| {
        let container = stage.client.create(NewContainer::new("c0", ["true"])).await.unwrap();
        stage.foreigner.start("c0").await;
        forger::exit(&stage, ("c0", "e0"), 4711, (0, 1)).await;
        stage.count();
        assert_eq!(container.delete().await.unwrap_err().kind(), Kind::FailedPrecondition);
        assert_eq!(stage.counts(), counts([("Tasks/Get", 1)]));
        assert_eq!(stage.foreigner.tasks_left().await, ["c0"]);
    })
    .await;
}

/// What was learned since a list was asked for is newer than the list.
#[tokio::test(start_paused = true)]
async fn a_list_that_is_older_than_a_task_does_not_ask_for_it() {
    let faults = none().rpc("Tasks/List", When::After, "1*delay(5s)").unwrap();
    on_all(faults, async |stage| {
        let (_, task) = stage.run("c0").await;
        let meanwhile = async {
            asked_for(&stage, "Tasks/List").await;
            let (_, newcomer) = stage.run("c1").await;
            // In virtual time: longer than the list is held back.
            tokio::time::sleep(Duration::from_secs(6)).await;
            newcomer
        };
        let waiting = tokio::time::timeout(Duration::from_secs(18), task.wait());
        let (waited, newcomer) = tokio::join!(waiting, meanwhile);
        assert!(waited.is_err());
        assert_eq!(stage.counts().get("Tasks/Get"), None);
        assert_eq!(newcomer.status().unwrap(), Status::Running);
    })
    .await;
}

/// Any other answer than "not found" leaves it as it is, and it is asked for again.
#[tokio::test(start_paused = true)]
async fn an_answer_that_is_not_not_found_ends_nobody() {
    for code in ["unavailable", "deadline-exceeded", "unknown", "internal", "permission-denied"] {
        let mut faults = before("Tasks/Get", &format!("1*error({code}:\"no\")"));
        for topic in ["/tasks/exit", "/tasks/delete"] {
            faults = faults.event(topic, 1, EventFault::Lose);
        }
        on_all(faults, async |stage| {
            let (_, task) = stage.run("c0").await;
            stage.foreigner.kill_and_delete("c0").await;
            let first = Duration::from_secs(15);
            assert!(tokio::time::timeout(first, task.wait()).await.is_err(), "{code}");
            assert_eq!(stage.counts()["Tasks/Get"], 1);
            assert_eq!(task.status().unwrap(), Status::Running, "{code}");
            assert_eq!(task.wait().await.unwrap().status, ExitStatus::Unknown);
            assert_eq!(stage.counts()["Tasks/Get"], 2);
            assert_eq!(told(&stage.news().await), ["c0: unknown"]);
        })
        .await;
    }
}
