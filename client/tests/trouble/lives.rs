//! Lives that bear one name, as events and replies tell of them.

use laconic_client::{ExitStatus, Io, NewContainer, Status};
use mock_containerd::faults::{EventFault, Faults};
use mock_containerd::{MockContainerd, ProcessScript, Profile};
use std::time::Duration;

use crate::stage::{Stage, ends, exec, quiet, sleeper, told};

#[tokio::test(start_paused = true)]
async fn an_exit_before_the_start_replies_is_known_when_it_has() {
    let faults = Faults::default()
        .rpc("Tasks/Start", mock_containerd::faults::When::After, "delay(5s)")
        .unwrap();
    let builder = MockContainerd::builder().profile(Profile::V2_1).faults(faults);
    let builder = builder.process("once", ProcessScript::exits(7));
    let stage = Stage::of(builder, |builder| builder).await;
    let container = stage.client.create(NewContainer::new("c0", ["once"])).await.unwrap();
    let task = container.start(Io::Null).await.unwrap();
    assert_eq!(task.exit_status().unwrap().status, ExitStatus::Code(7));
    assert_eq!(told(&stage.news().await), ["c0: 7"]);
}

#[tokio::test(start_paused = true)]
async fn an_exec_exits_before_there_is_a_handle_for_it() {
    let faults = Faults::default()
        .rpc("Tasks/Start", mock_containerd::faults::When::After, "1*off->delay(5s)")
        .unwrap();
    let stage = Stage::of(MockContainerd::builder().faults(faults), |builder| builder).await;
    let (_, task) = stage.run("c0").await;
    let process = task.exec(exec("e0", &["sh", "-c", "exit 3"])).await.unwrap();
    assert_eq!(process.exit_status().unwrap().status, ExitStatus::Code(3));
    assert_eq!(process.delete().await.unwrap().status, ExitStatus::Code(3));
    assert_eq!(told(&stage.news().await), ["c0/e0: 3"]);
}

#[tokio::test(start_paused = true)]
async fn exits_that_are_told_twice_late_or_out_of_order_are_one_exit_each() {
    for fault in
        [EventFault::Duplicate, EventFault::SwapNext, EventFault::Delay(Duration::from_millis(200))]
    {
        let faults = Faults::default().event("/tasks/exit", 1, fault);
        let stage = Stage::of(MockContainerd::builder().faults(faults), |builder| builder).await;
        let (container, task) = stage.run("c0").await;
        task.force_delete().await.unwrap();
        let again = container.start(Io::Null).await.unwrap();
        assert_eq!(told(&stage.news().await), ["c0: 137"], "{fault:?}");
        again.kill(9).await.unwrap();
        assert_eq!(again.wait().await.unwrap().status, ExitStatus::Code(137));
        assert_eq!(told(&stage.news().await), ["c0: 137"], "{fault:?}");
    }
}

/// Of an exec's birth no event tells a pid: only that the same event came once more tells that it
/// is no other's.
#[tokio::test(start_paused = true)]
async fn whatever_is_told_twice_has_happened_once() {
    const TOPICS: [&str; 8] = [
        "/tasks/create",
        "/tasks/start",
        "/tasks/exec-added",
        "/tasks/exec-started",
        "/tasks/paused",
        "/tasks/resumed",
        "/tasks/exit",
        "/tasks/delete",
    ];
    for topic in TOPICS {
        let twice = |faults: Faults, nth| faults.event(topic, nth, EventFault::Duplicate);
        let faults = (1..=4).fold(Faults::default(), twice);
        let stage = Stage::of(MockContainerd::builder().faults(faults), |builder| builder).await;
        let (container, task) = stage.run("c0").await;
        // Registered by the one, and started by the other, so that both stay for a while.
        let registered = task.create_exec(sleeper("e1")).await.unwrap();
        quiet().await;
        let process = task.exec(sleeper("e0")).await.unwrap();
        quiet().await;
        task.pause().await.unwrap();
        task.resume().await.unwrap();
        process.kill(9).await.unwrap();
        assert_eq!(ends(process.wait()).await.unwrap().status, ExitStatus::Code(137), "{topic}");
        process.delete().await.unwrap();
        quiet().await;
        registered.start().await.unwrap();
        let again = task.exec(sleeper("e0")).await.unwrap();
        quiet().await;
        assert_eq!(again.status().unwrap(), Status::Running, "{topic}");
        assert_eq!(task.execs().len(), 2, "{topic}");
        task.force_delete().await.unwrap();
        container.start(Io::Null).await.unwrap().force_delete().await.unwrap();
        let expected = ["c0/e0: 137", "c0/e0: 137", "c0/e1: 137", "c0: 137", "c0: 137"];
        assert_eq!(told(&stage.news().await), expected, "{topic}");
        container.delete().await.unwrap();
    }
}

#[tokio::test(start_paused = true)]
async fn an_exec_that_is_named_like_its_container_does_not_end_it() {
    let stage = Stage::open(Profile::V2_1).await;
    let (_, task) = stage.run("c0").await;
    let process = task.exec(exec("c0", &["sh", "-c", "exit 3"])).await.unwrap();
    assert_eq!(ends(process.wait()).await.unwrap().status, ExitStatus::Code(3));
    assert!(task.exit_status().is_err());
    assert_eq!(told(&stage.news().await), ["c0/c0: 3"]);
}

#[tokio::test(start_paused = true)]
async fn an_id_of_an_exec_is_used_again() {
    let stage = Stage::open(Profile::V2_1).await;
    let (_, task) = stage.run("c0").await;
    let first = task.exec(exec("e0", &["sh", "-c", "exit 3"])).await.unwrap();
    first.wait().await.unwrap();
    first.delete().await.unwrap();
    let second = task.exec(exec("e0", &["sh", "-c", "exit 4"])).await.unwrap();
    assert_eq!(second.wait().await.unwrap().status, ExitStatus::Code(4));
    assert_eq!(first.exit_status().unwrap().status, ExitStatus::Code(3));
    assert_eq!(told(&stage.news().await), ["c0/e0: 3", "c0/e0: 4"]);
}

#[tokio::test(start_paused = true)]
async fn a_task_that_was_never_started_is_deleted_and_its_exit_is_not_zero() {
    for profile in [Profile::V1_6, Profile::V1_7, Profile::V2_1] {
        let stage = Stage::open(profile).await;
        let new = NewContainer::new("c0", ["true"]);
        let container = stage.client.create(new).await.unwrap();
        let task = container.create_task(Io::Null).await.unwrap();
        task.delete().await.unwrap();
        let exit = task.wait().await.unwrap();
        assert_ne!(exit.status, ExitStatus::Code(0));
        assert_eq!(stage.news().await.len(), 1);
        container.delete().await.unwrap();
    }
}

/// A list that is read for somebody else may show a task before the reply to its creation is there,
/// and before an event tells of it (seen on 2.1 when it had just been started).
#[tokio::test(start_paused = true)]
async fn a_task_that_a_list_shows_before_the_reply_to_its_creation_is_one_and_the_same() {
    let slow = Faults::default()
        .rpc("Tasks/Create", mock_containerd::faults::When::After, "1*off->1*delay(20s)")
        .unwrap()
        .event("/tasks/create", 2, EventFault::Delay(Duration::from_secs(15)));
    let stage = Stage::of(MockContainerd::builder().faults(slow), |builder| builder).await;
    let (_, other) = stage.run("other").await;
    // Somebody waits: after 10 s the tasks are listed.
    let waiting = tokio::spawn(async move { other.wait().await });
    let (_, task) = stage.run("c0").await;
    task.kill(9).await.unwrap();
    let exit = tokio::time::timeout(Duration::from_secs(60), task.wait()).await;
    assert_eq!(exit.expect("it ends").unwrap().status, ExitStatus::Code(137));
    task.delete().await.unwrap();
    assert_eq!(told(&stage.news().await), ["c0: 137"]);
    waiting.abort();
}
