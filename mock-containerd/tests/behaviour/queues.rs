//! The queues of subscribers: large, bounded, and never silent about it.

use containerd_client::services::v1 as api;
use containerd_client::services::v1::events_client::EventsClient;
use containerd_client::types::Envelope;
use mock_containerd::{MockContainerd, Profile};
use prost_types::Any;
use tonic::{Code, Streaming};

use crate::stage::{NAMESPACE, Stage, within};

async fn publish(stage: &Stage, topic: &str, bytes: usize) {
    let event = Some(Any { type_url: "some.Thing".to_owned(), value: vec![0; bytes] });
    let request = api::PublishRequest { topic: topic.to_owned(), event };
    stage.events().publish(within(request)).await.unwrap();
}

/// A subscription that is live: its first event, a marker, has come.
async fn subscribed(stage: &Stage, filter: &str) -> Streaming<Envelope> {
    let mut client = EventsClient::new(stage.channel.clone());
    let filters = vec![filter.to_owned(), "topic==\"/live\"".to_owned()];
    let (stream, ()) = tokio::join!(client.subscribe(api::SubscribeRequest { filters }), async {
        publish(stage, "/live", 0).await;
    });
    let mut stream = stream.unwrap().into_inner();
    assert_eq!(stream.message().await.unwrap().unwrap().topic, "/live");
    stream
}

#[tokio::test]
async fn a_subscriber_that_does_not_read_is_ended_and_counted_and_hurts_nobody_else() {
    let mut stage = Stage::of(MockContainerd::builder().event_queue(100)).await;
    let mut slow = subscribed(&stage, "topic==\"/big/one\"").await;
    assert_eq!(stage.published().await.len(), 1);
    // What is on the way beside the queue is bounded by the windows of HTTP/2.
    let mut sent = 0;
    while stage.mock().events().overflowed() == 0 {
        publish(&stage, "/big/one", 20_000).await;
        assert_eq!(stage.next_event().await.topic, "/big/one", "the stage itself reads");
        sent += 1;
        assert!(sent < 10_000, "no queue is that long");
    }
    let mut read = 0;
    let ended = loop {
        match slow.message().await {
            Ok(Some(event)) => {
                assert_eq!(event.topic, "/big/one");
                read += 1;
            }
            Ok(None) => panic!("it ended as if that were all"),
            Err(status) => break status,
        }
    };
    assert_eq!(ended.code(), Code::ResourceExhausted);
    assert_eq!(ended.message(), "100 events wait for this subscriber: no more fit");
    assert_eq!(read, sent - 1, "all that found a place came");
    assert_eq!(stage.mock().events().overflowed(), 1);
    assert_eq!(stage.mock().events().subscribers(), 1);
}

#[tokio::test]
async fn a_thousand_live_tasks_are_told_to_all_subscribers() {
    const TASKS: usize = 1_000;
    const SUBSCRIBERS: usize = 8;
    let mut stage = Stage::open(Profile::V1_6).await;
    let filter = format!("namespace=={NAMESPACE},topic==\"/tasks/start\"");
    let mut readers = tokio::task::JoinSet::new();
    for _ in 0..SUBSCRIBERS {
        let mut stream = subscribed(&stage, &filter).await;
        // A client that does not read is ended by its own HTTP/2 library.
        readers.spawn(async move {
            let mut started = 0;
            while started < TASKS {
                let event = stream.message().await.unwrap().unwrap();
                started += usize::from(event.topic == "/tasks/start");
            }
        });
    }
    let mut told = 0;
    for number in 0..TASKS {
        stage.run(&format!("c{number}"), &["sleep", "inf"]).await;
        if number % 100 == 99 {
            told += stage.published().await.iter().filter(|e| e.topic != "/live").count();
        }
    }
    assert_eq!(told, 3 * TASKS);
    readers.join_all().await;
    let listed = stage.tasks().list(within(api::ListTasksRequest::default())).await.unwrap();
    assert_eq!(listed.into_inner().tasks.len(), TASKS);
    assert_eq!(stage.mock().events().overflowed(), 0);
}

#[tokio::test]
async fn filters_look_into_payloads_of_every_kind() {
    let stage = Stage::open(Profile::V1_6).await;
    let mut kinds = subscribed(&stage, "event.runtime.name==io.containerd.runc.v2").await;
    let mut streams = subscribed(&stage, "event.io.terminal==false").await;
    let mut labels = subscribed(&stage, "event.labels.colour==red").await;
    for _ in 0..2 {
        kinds.message().await.unwrap();
    }
    streams.message().await.unwrap();
    let name = "painted".to_owned();
    let labelled = [("colour".to_owned(), "red".to_owned())].into();
    let namespace = Some(api::Namespace { name, labels: labelled });
    let request = within(api::CreateNamespaceRequest { namespace });
    stage.namespaces().create(request).await.unwrap();
    stage.run("c1", &["true"]).await;
    for (stream, topic) in [
        (&mut kinds, "/containers/create"),
        (&mut streams, "/tasks/create"),
        (&mut labels, "/namespaces/create"),
    ] {
        assert_eq!(stream.message().await.unwrap().unwrap().topic, topic);
    }
}
