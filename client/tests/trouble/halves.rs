//! Nothing is left half done.

use std::future::{Future, poll_fn};
use std::pin::pin;
use std::task::Poll;
use std::time::Duration;

use laconic_client::{ExitStatus, Io, Kind, NewContainer, Read};
use mock_containerd::faults::{EventFault, Faults, When};
use mock_containerd::{MockContainerd, Profile};

use crate::stage::{Stage, counts, exec, quiet, sleeper, told};

pub(crate) async fn failing(rpc: &str, when: When, plan: &str) -> Stage {
    let faults = Faults::default().rpc(rpc, when, plan).unwrap();
    let builder = MockContainerd::builder().profile(Profile::V2_1).faults(faults);
    Stage::of(builder, |builder| builder).await
}

async fn bare(stage: &Stage) -> laconic_client::Container {
    stage.client.create(NewContainer::new("c0", ["sleep", "inf"])).await.unwrap()
}

/// Polls a future so often, then drops it; its output, if it was done by then.
async fn dropped_after<F: Future>(polls: usize, future: F) -> Option<F::Output> {
    let mut future = pin!(future);
    let mut left = polls;
    poll_fn(|context| match left.checked_sub(1) {
        None => Poll::Ready(None),
        Some(fewer) => {
            left = fewer;
            future.as_mut().poll(context).map(Some)
        }
    })
    .await
}

#[tokio::test(start_paused = true)]
async fn a_start_that_fails_is_undone_by_a_kill_and_a_deletion() {
    let mut stage = failing("Tasks/Start", When::Before, "1*error(internal:\"no\")").await;
    let container = bare(&stage).await;
    stage.count();
    let error = container.start(Io::Null).await.unwrap_err();
    assert_eq!((error.kind(), error.operation()), (Kind::Internal, "start task"));
    let four = ["Tasks/Create", "Tasks/Start", "Tasks/Kill", "Tasks/Delete"];
    assert_eq!(stage.counts(), counts(four.map(|method| (method, 1))));
    assert!(stage.foreigner.tasks_left().await.is_empty());
    container.delete().await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn an_exec_whose_start_fails_is_deleted_and_never_started_again() {
    let mut stage = Stage::open(Profile::V2_1).await;
    let (_, task) = stage.run("c0").await;
    stage.count();
    let error = task.exec(exec("e0", &["/no/such"])).await.unwrap_err();
    assert_eq!(error.object(), "exec e0 in c0");
    let three = ["Tasks/Exec", "Tasks/Start", "Tasks/DeleteProcess"];
    assert_eq!(stage.counts(), counts(three.map(|method| (method, 1))));
    assert!(!stage.foreigner.has_exec("c0", "e0").await);

    let registered = task.create_exec(exec("e1", &["/no/such"])).await.unwrap();
    registered.start().await.unwrap_err();
    stage.count();
    assert_eq!(registered.start().await.unwrap_err().kind(), Kind::FailedPrecondition);
    assert!(stage.calls().is_empty(), "a second start would crash the shim");
    registered.delete().await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn a_start_that_is_dropped_anywhere_leaves_no_task() {
    for polls in 1.. {
        let stage = Stage::open(Profile::V2_1).await;
        let container = bare(&stage).await;
        let done = dropped_after(polls, container.start(Io::Null)).await;
        quiet().await;
        if done.is_some() {
            assert_eq!(stage.foreigner.tasks_left().await, ["c0"]);
            assert!(polls > 2, "it was dropped nowhere");
            return;
        }
        assert!(stage.foreigner.tasks_left().await.is_empty(), "dropped after {polls} polls");
        // The client knows it, too: no call is needed to find out.
        container.delete().await.unwrap();
    }
}

#[tokio::test(start_paused = true)]
async fn an_exec_that_is_dropped_anywhere_leaves_no_exec() {
    for polls in 1.. {
        let stage = Stage::open(Profile::V2_1).await;
        let (_, task) = stage.run("c0").await;
        let done = dropped_after(polls, task.exec(sleeper("e0"))).await;
        quiet().await;
        if done.is_some() {
            assert!(stage.foreigner.has_exec("c0", "e0").await);
            assert!(polls > 2, "it was dropped nowhere");
            return;
        }
        assert!(!stage.foreigner.has_exec("c0", "e0").await, "dropped after {polls} polls");
        task.exec(sleeper("e0")).await.expect("the id is free");
    }
}

#[tokio::test(start_paused = true)]
async fn a_container_whose_creation_is_dropped_anywhere_is_not_there() {
    for polls in 1.. {
        let stage = Stage::open(Profile::V2_1).await;
        let new = NewContainer::new("c0", ["true"]);
        let done = dropped_after(polls, stage.client.create(new)).await;
        quiet().await;
        let loaded = stage.client.load("c0").await;
        if done.is_some() {
            loaded.unwrap();
            return;
        }
        assert_eq!(loaded.unwrap_err().kind(), Kind::NotFound, "dropped after {polls} polls");
    }
}

#[tokio::test(start_paused = true)]
async fn a_creation_is_waited_for_before_it_is_undone_however_long_it_takes() {
    let stage = failing("Tasks/Create", When::After, "1*delay(20s)").await;
    let container = bare(&stage).await;
    let given_up = tokio::time::timeout(Duration::from_secs(1), container.start(Io::Null)).await;
    assert!(given_up.is_err());
    assert_eq!(stage.foreigner.tasks_left().await, ["c0"]);
    // By now the creation has been answered.
    tokio::time::sleep(Duration::from_secs(20)).await;
    assert!(stage.foreigner.tasks_left().await.is_empty());
    let counts = stage.counts();
    assert_eq!(counts.get("Tasks/Start"), None, "nobody wanted it any more");
}

#[tokio::test(start_paused = true)]
async fn a_creation_whose_reply_is_lost_leaves_no_task() {
    let stage = failing("Tasks/Create", When::After, "1*error(unavailable)").await;
    let container = bare(&stage).await;
    assert_eq!(container.start(Io::Null).await.unwrap_err().kind(), Kind::Unavailable);
    quiet().await;
    assert!(stage.foreigner.tasks_left().await.is_empty());
    container.delete().await.unwrap();
}

/// A daemon that was killed over it may have a shim of it and no task, and only a deletion ends that.
#[tokio::test(start_paused = true)]
async fn a_creation_in_doubt_that_cannot_be_found_is_deleted_all_the_same() {
    let mut stage = failing("Tasks/Create", When::Before, "1*error(unavailable)").await;
    let container = bare(&stage).await;
    stage.count();
    assert_eq!(container.start(Io::Null).await.unwrap_err().kind(), Kind::Unavailable);
    stage.client.undone().await;
    let three = ["Tasks/Create", "Tasks/Get", "Tasks/Delete"];
    assert_eq!(stage.counts(), counts(three.map(|method| (method, 1))));
}

#[tokio::test(start_paused = true)]
async fn a_record_whose_reply_is_lost_is_taken_back() {
    let stage = failing("Containers/Create", When::After, "1*error(unavailable)").await;
    let new = NewContainer::new("c0", ["sleep", "inf"]);
    assert_eq!(stage.client.create(new).await.unwrap_err().kind(), Kind::Unavailable);
    stage.client.undone().await;
    assert_eq!(stage.client.load("c0").await.unwrap_err().kind(), Kind::NotFound);
    bare(&stage).await;
}

#[tokio::test(start_paused = true)]
async fn a_record_in_doubt_does_not_take_anothers_with_it() {
    let plan = "1*off->1*error(unavailable)";
    let stage = failing("Containers/Create", When::Before, plan).await;
    let theirs = bare(&stage).await;
    let new = NewContainer::new("c0", ["sleep", "inf"]);
    assert_eq!(stage.client.create(new).await.unwrap_err().kind(), Kind::Unavailable);
    stage.client.undone().await;
    theirs.labels(Read::Refreshed).await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn a_creation_in_doubt_does_not_clear_away_what_was_there_before() {
    let stage = failing("Tasks/Create", When::Before, "1*off->1*error(unavailable)").await;
    let container = bare(&stage).await;
    stage.foreigner.start("c0").await;
    quiet().await;
    assert_eq!(container.start(Io::Null).await.unwrap_err().kind(), Kind::Unavailable);
    quiet().await;
    assert_eq!(stage.foreigner.tasks_left().await, ["c0"]);
}

/// An id is taken until its exec is deleted: a second of it cannot have been registered.
#[tokio::test(start_paused = true)]
async fn an_exec_in_doubt_does_not_clear_away_the_one_that_has_its_id() {
    let mut stage = failing("Tasks/Exec", When::Before, "1*off->1*error(unavailable)").await;
    let (_, task) = stage.run("c0").await;
    let first = task.exec(exec("e0", &["true"])).await.unwrap();
    first.wait().await.unwrap();
    stage.count();
    let error = task.exec(exec("e0", &["true"])).await.unwrap_err();
    assert_eq!(error.kind(), Kind::Unavailable);
    stage.client.undone().await;
    assert_eq!(stage.counts(), counts([("Tasks/Exec", 1)]));
    assert!(stage.foreigner.has_exec("c0", "e0").await);
    first.delete().await.unwrap();
    assert_eq!(told(&stage.news().await), ["c0/e0: 0"], "once");
}

#[tokio::test(start_paused = true)]
async fn a_start_whose_reply_is_lost_leaves_nothing_running() {
    let stage =
        failing("Tasks/Start", When::After, "1*error(unavailable)->1*off->1*error(unavailable)")
            .await;
    let container = bare(&stage).await;
    container.start(Io::Null).await.unwrap_err();
    assert!(stage.foreigner.tasks_left().await.is_empty());
    let task = container.start(Io::Null).await.unwrap();
    task.exec(sleeper("e0")).await.unwrap_err();
    assert!(!stage.foreigner.has_exec("c0", "e0").await);
    assert_eq!(told(&stage.news().await), ["c0/e0: 137", "c0: 137"]);
}

#[tokio::test(start_paused = true)]
async fn a_start_that_is_cut_off_is_undone_when_the_server_is_back() {
    let stage = failing("Tasks/Start", When::After, "1*delay(10s)").await;
    let container = bare(&stage).await;
    let (started, ()) = tokio::join!(container.start(Io::Null), async {
        quiet().await;
        stage.door.shut(true);
        stage.mock.faults().restart(mock_containerd::faults::TasksAfter::Kept);
    });
    assert_eq!(started.unwrap_err().kind(), Kind::Unreachable);
    assert_eq!(stage.foreigner.tasks_left().await, ["c0"]);
    // Tried in vain meanwhile, and again once there is somebody to be told.
    tokio::time::sleep(Duration::from_secs(5)).await;
    stage.door.shut(false);
    tokio::time::sleep(Duration::from_secs(10)).await;
    assert!(stage.foreigner.tasks_left().await.is_empty());
}

/// The daemon is killed over a creation. The shim goes on, and tells of it when what was done to the
/// stray since has been told (seen on 1.6 and 2.1).
#[tokio::test(start_paused = true)]
async fn a_creation_that_outlived_its_daemon_is_undone_and_told_once_though_it_is_told_late() {
    for seconds in [10, 25] {
        let late = EventFault::Delay(Duration::from_secs(seconds));
        let faults = Faults::default()
            .rpc("Tasks/Create", When::After, "1*delay(1h)")
            .unwrap()
            .rpc("Tasks/Delete", When::Before, "1*delay(20s)")
            .unwrap()
            .event("/tasks/create", 1, late);
        let mut stage =
            Stage::of(MockContainerd::builder().faults(faults), |builder| builder).await;
        let container = bare(&stage).await;
        let (started, ()) = tokio::join!(container.start(Io::Null), async {
            quiet().await;
            stage.mock.faults().restart(mock_containerd::faults::TasksAfter::Kept);
        });
        assert_eq!(started.unwrap_err().kind(), Kind::Unreachable);
        stage.client.undone().await;
        // In virtual time: by now the late event has come, and whatever it led to.
        tokio::time::sleep(Duration::from_secs(60)).await;
        assert!(stage.foreigner.tasks_left().await.is_empty());
        assert_eq!(told(&stage.news().await), ["c0: 137"], "{seconds} s");
        stage.count();
        container.delete().await.unwrap();
        assert_eq!(stage.counts(), counts([("Containers/Delete", 1)]), "{seconds} s");
    }
}

#[tokio::test(start_paused = true)]
async fn a_dropped_handle_takes_nothing_along() {
    let stage = Stage::open(Profile::V2_1).await;
    let (container, task) = stage.run("c0").await;
    let process = task.exec(sleeper("e0")).await.unwrap();
    drop((task, process));
    quiet().await;
    assert_eq!(stage.foreigner.tasks_left().await, ["c0"]);
    assert!(stage.foreigner.has_exec("c0", "e0").await);
    let task = container.running_task().unwrap();
    assert_eq!(task.force_delete().await.unwrap().status, ExitStatus::Code(137));
}
