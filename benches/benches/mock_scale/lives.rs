//! Many tasks that live at once, each event read by several subscribers.

use std::time::Instant;

use containerd_client::services::v1 as api;
use containerd_client::services::v1::containers_client::ContainersClient;
use containerd_client::services::v1::events_client::EventsClient;
use containerd_client::services::v1::tasks_client::TasksClient;
use mock_containerd::MockContainerd;
use tonic::transport::Channel;

use crate::NAMESPACE;
use crate::requests::{container, within};

const TASKS: usize = 10_000;
const SUBSCRIBERS: usize = 8;
const AT_ONCE: usize = 64;
/// Of each: container created, task created, started.
const EVENTS: usize = 3 * TASKS;

pub(crate) async fn measure() {
    let mock = MockContainerd::builder().start().await.expect("the mock starts");
    let channel = containerd_client::connect(mock.socket()).await.expect("it is there");
    let readers: Vec<_> =
        (0..SUBSCRIBERS).map(|_| tokio::spawn(read(mock.socket().to_owned()))).collect();
    // No header tells that a subscription stands: the ledger does.
    let subscribed = || mock.ledger().counts().started_by_short_name();
    while subscribed().get("Events/Subscribe").copied() != Some(SUBSCRIBERS as u64) {
        mock.ledger().changed().await;
    }
    let begun = Instant::now();
    let workers: Vec<_> = (0..AT_ONCE)
        .map(|worker| {
            let channel = channel.clone();
            tokio::spawn(async move {
                for number in (worker..TASKS).step_by(AT_ONCE) {
                    live(&channel, format!("task-{number}")).await;
                }
            })
        })
        .collect();
    for worker in workers {
        worker.await.expect("every task lives");
    }
    for reader in readers {
        assert_eq!(reader.await.expect("it reads"), EVENTS);
    }
    let taken = begun.elapsed();
    let mut tasks = TasksClient::new(channel);
    let listed = tasks.list(within(NAMESPACE, api::ListTasksRequest::default())).await;
    let living = listed.expect("a list").into_inner().tasks.len();
    println!(
        "tasks: {living} live at once, {SUBSCRIBERS} subscribers read all {EVENTS} events each: \
         {:.1} s, {:.0} events/s read",
        taken.as_secs_f64(),
        (EVENTS * SUBSCRIBERS) as f64 / taken.as_secs_f64(),
    );
}

/// Reads until it has all events of the bench.
async fn read(socket: std::path::PathBuf) -> usize {
    let channel = containerd_client::connect(&socket).await.expect("it is there");
    let subscribed = EventsClient::new(channel).subscribe(api::SubscribeRequest::default()).await;
    let mut events = subscribed.expect("a subscription").into_inner();
    let mut seen = 0;
    while seen < EVENTS {
        events.message().await.expect("it goes on").expect("it has no end");
        seen += 1;
    }
    seen
}

async fn live(channel: &Channel, id: String) {
    let spec = serde_json::json!({
        "process": { "args": ["/bin/sleep", "inf"] }, "root": { "path": "/" },
    });
    let container = container(id.clone(), &spec);
    let request = within(NAMESPACE, api::CreateContainerRequest { container: Some(container) });
    ContainersClient::new(channel.clone()).create(request).await.expect("it is made");
    let mut tasks = TasksClient::new(channel.clone());
    let create = api::CreateTaskRequest { container_id: id.clone(), ..Default::default() };
    tasks.create(within(NAMESPACE, create)).await.expect("it is created");
    let start = api::StartRequest { container_id: id, exec_id: String::new() };
    tasks.start(within(NAMESPACE, start)).await.expect("it starts");
}
