//! What does not come to be leaves no FIFO.

use laconic_client::{Client, Io};

use crate::arm::{Arm, on_daemons, on_mocks, sh};

const STREAMS: Io = Io::Streams { stdin: true };

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_task_that_cannot_be_made_leaves_no_fifo_on_real_containerds() {
    on_daemons(async |arm: &Arm| {
        let client = arm.client().await;
        let new = arm.new_container("c1", &["/no/such/program"]);
        let container = arm.container(&client, new).await;
        container.start(STREAMS).await.unwrap_err();
        assert!(arm.folders().is_empty(), "{}", arm.name());
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_folder_that_cannot_be_made_is_an_error_before_any_call() {
    on_mocks(async |arm: &Arm| {
        let client = arm.client_in("/no/such/folder".as_ref()).await;
        let container = arm.container(&client, arm.new_container("c1", &["true"])).await;
        let (calls, failed) = arm.cost(container.start(STREAMS)).await;
        let error = failed.unwrap_err();
        assert!(error.to_string().contains("cannot make its FIFOs"), "{error}");
        assert_eq!(calls, Vec::<String>::new());
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_dropped_before_it_is_done_leaves_no_fifo_on_the_mock() {
    on_mocks(dropped).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_dropped_before_it_is_done_leaves_no_fifo_on_real_containerds() {
    on_daemons(dropped).await;
}

async fn dropped(arm: &Arm) {
    let client = arm.client().await;
    let container = arm.container(&client, arm.new_container("c1", &["sleep", "inf"])).await;
    let starting = tokio::spawn({
        let container = container.clone();
        async move { container.start(STREAMS).await.map(drop) }
    });
    arm.seen_times("Tasks/Create", 1).await;
    starting.abort();
    if starting.await.is_err() {
        arm.seen_times("Tasks/Delete", 1).await;
        arm.no_folders().await;
    } else {
        container.running_task().unwrap().force_delete().await.unwrap();
    }
    execs(arm, &client).await;
}

async fn execs(arm: &Arm, client: &Client) {
    let container = arm.container(client, arm.new_container("c2", &["sleep", "inf"])).await;
    let task = container.start(Io::Null).await.unwrap();
    let starting = tokio::spawn({
        let task = task.clone();
        async move { task.exec(sh("e1", "sleep inf", STREAMS)).await.map(drop) }
    });
    arm.seen_times("Tasks/Exec", 1).await;
    starting.abort();
    if starting.await.is_err() {
        arm.seen_times("Tasks/DeleteProcess", 1).await;
        arm.no_folders().await;
    }
}
