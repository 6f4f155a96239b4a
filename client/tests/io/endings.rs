//! Standard input comes to its end, whenever that is asked for.

use laconic_client::{Io, Process, Task};
use tokio::io::AsyncWriteExt;

use crate::arm::{Arm, code, on_daemons, on_mocks, sh};

const STDIN: Io = Io::Streams { stdin: true };
const CYCLE: [&str; 4] = ["Tasks/Exec", "Tasks/Start", "Tasks/CloseIO", "Tasks/DeleteProcess"];

async fn ended(exec: &Process) {
    assert_eq!(code(exec.wait().await.unwrap()), 0);
    exec.delete().await.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn input_is_closed_once_and_after_the_start_whenever_it_is_asked_for_on_the_mock() {
    on_mocks(closings).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn input_is_closed_once_and_after_the_start_whenever_it_is_asked_for_on_real_containerds() {
    on_daemons(closings).await;
}

async fn closings(arm: &Arm) {
    let client = arm.client().await;
    let task = arm.sleeping(&client).await;
    let cases: [(&str, _); 4] = [
        ("before", arm.cost(before(&task)).await.0),
        ("twice", arm.cost(before_by_dropping_and_asking(&task)).await.0),
        ("during", arm.cost(during(arm, &task)).await.0),
        ("after", arm.cost(after(&task)).await.0),
    ];
    for (when, calls) in cases {
        assert_eq!(calls, CYCLE, "{}: {when}", arm.name());
    }
}

async fn before(task: &Task) {
    let exec = task.create_exec(sh("e1", "cat", STDIN)).await.unwrap();
    let mut streams = exec.take_streams();
    streams.stdin.as_mut().unwrap().shutdown().await.unwrap();
    exec.start().await.unwrap();
    ended(&exec).await;
}

async fn before_by_dropping_and_asking(task: &Task) {
    let exec = task.create_exec(sh("e2", "cat", STDIN)).await.unwrap();
    exec.close_stdin().await.unwrap();
    drop(exec.take_streams());
    exec.start().await.unwrap();
    exec.close_stdin().await.unwrap();
    ended(&exec).await;
}

async fn during(arm: &Arm, task: &Task) {
    let exec = task.create_exec(sh("e3", "cat", STDIN)).await.unwrap();
    let starting = tokio::spawn({
        let exec = exec.clone();
        async move { exec.start().await }
    });
    // The task, two execs before it, and its own.
    arm.seen_times("Tasks/Start", 4).await;
    exec.close_stdin().await.unwrap();
    starting.await.unwrap().unwrap();
    ended(&exec).await;
}

async fn after(task: &Task) {
    let exec = task.exec(sh("e4", "cat", STDIN)).await.unwrap();
    exec.close_stdin().await.unwrap();
    ended(&exec).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_start_that_fails_closes_nothing_and_leaves_nothing_on_the_mock() {
    on_mocks(failing_start).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_start_that_fails_closes_nothing_and_leaves_nothing_on_real_containerds() {
    on_daemons(failing_start).await;
}

async fn failing_start(arm: &Arm) {
    let client = arm.client().await;
    let task = arm.sleeping(&client).await;
    let missing = || {
        let mut new = sh("e1", "", STDIN);
        new.args = vec!["/no/such/program".to_owned()];
        new
    };
    let (calls, failed) = arm.cost(task.exec(missing())).await;
    failed.unwrap_err();
    assert_eq!(calls, ["Tasks/Exec", "Tasks/Start", "Tasks/DeleteProcess"], "{}", arm.name());
    assert!(arm.folders().is_empty(), "{}", arm.name());

    // Closed before; the start that fails must not make that known.
    let exec = task.create_exec(missing()).await.unwrap();
    drop(exec.take_streams());
    let work = async {
        exec.start().await.unwrap_err();
        exec.delete().await.unwrap();
    };
    let (calls, ()) = arm.cost(work).await;
    assert_eq!(calls, ["Tasks/Start", "Tasks/DeleteProcess"], "{}", arm.name());
    assert!(arm.folders().is_empty(), "{}", arm.name());
}
