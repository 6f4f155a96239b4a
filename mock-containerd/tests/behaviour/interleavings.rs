//! Interleavings by seed: what is asked for at once happens in a drawn order, the same each time.

use std::time::Duration;

use containerd_client::events::ContainerCreate;
use containerd_client::services::v1 as api;
use containerd_client::services::v1::containers_client::ContainersClient;
use containerd_client::services::v1::events_client::EventsClient;
use mock_containerd::MockContainerd;
use prost::Message;
use tokio::time::Instant;
use tonic::transport::Endpoint;

use crate::stage::{container, within};

/// The order in which eight containers come to be that are asked for at once, and after how many
/// milliseconds all have been answered.
async fn order(seed: Option<u64>) -> (Vec<String>, u128) {
    let builder = MockContainerd::builder();
    let mock = match seed {
        Some(seed) => builder.interleave(seed),
        None => builder,
    }
    .in_memory();
    let channel = Endpoint::from_static("http://mock").connect_with_connector(mock).await.unwrap();
    let mut events = EventsClient::new(channel.clone());
    let subscribing =
        tokio::spawn(async move { events.subscribe(api::SubscribeRequest::default()).await });
    // Time is virtual: when it has passed, the subscription stands.
    tokio::time::sleep(Duration::from_secs(1)).await;
    let begin = Instant::now();
    let creating = (1..=8).map(|number| {
        let mut containers = ContainersClient::new(channel.clone());
        let container = Some(container(&format!("c{number}"), &["true"]));
        async move { containers.create(within(api::CreateContainerRequest { container })).await }
    });
    futures_util::future::try_join_all(creating).await.unwrap();
    let took = begin.elapsed().as_millis();
    let mut events = subscribing.await.unwrap().unwrap().into_inner();
    let mut ids = Vec::new();
    while ids.len() < 8 {
        let event = events.message().await.unwrap().unwrap().event.unwrap();
        ids.push(ContainerCreate::decode(event.value.as_slice()).unwrap().id);
    }
    (ids, took)
}

#[tokio::test(start_paused = true)]
async fn the_same_seed_gives_the_same_order_and_other_seeds_give_others() {
    let asked: Vec<String> = (1..=8).map(|number| format!("c{number}")).collect();
    assert_eq!(order(None).await, (asked.clone(), 0));
    let mut orders = std::collections::BTreeSet::new();
    for seed in 0..16 {
        let (one, took) = order(Some(seed)).await;
        assert_eq!(order(Some(seed)).await, (one.clone(), took), "seed {seed}");
        let mut sorted = one.clone();
        sorted.sort();
        assert_eq!(sorted, asked, "all come to be");
        orders.insert(one);
    }
    assert!(orders.len() > 10, "{} orders of 16 seeds", orders.len());
}
