//! The queues of clients that do not read: bounded, never silent about it, and gone with the client.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use containerd_client::services::v1 as api;
use containerd_client::services::v1::content_client::ContentClient;
use containerd_client::services::v1::events_client::EventsClient;
use containerd_client::services::v1::tasks_client::TasksClient;
use containerd_client::types::Envelope;
use hyper_util::rt::TokioIo;
use mock_containerd::{MockContainerd, Profile};
use prost_types::Any;
use tokio::task::JoinSet;
use tokio_stream::wrappers::ReceiverStream;
use tonic::transport::{Channel, Endpoint};
use tonic::{Code, Streaming};
use tower::Service;

use crate::stage::{NAMESPACE, Stage, none, within};

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

/// A connection of its own, on which the windows of streams are soon full: long before the client's
/// own library ends a stream that nobody reads. It breaks with what is given beside it: a client that
/// lets go of its calls keeps it as long as one of them has something to send.
async fn other(stage: &Stage) -> (Channel, Arc<Mutex<JoinSet<()>>>) {
    let wires = Arc::new(Mutex::new(JoinSet::new()));
    let (mock, all) = (stage.mock().clone(), wires.clone());
    let connector = tower::service_fn(move |uri: http::Uri| {
        let (mut mock, all) = (mock.clone(), all.clone());
        async move {
            let mut far = mock.call(uri).await?.into_inner();
            let (mut near, client) = tokio::io::duplex(64 << 10);
            all.lock().expect("nobody panics over it").spawn(async move {
                let _ = tokio::io::copy_bidirectional(&mut near, &mut far).await;
            });
            Ok::<_, std::io::Error>(TokioIo::new(client))
        }
    });
    let endpoint = Endpoint::from_static("http://mock").initial_stream_window_size(1024);
    (endpoint.connect_with_connector(connector).await.unwrap(), wires)
}

/// Whoever spoke over it is gone.
fn breaks(wires: &Mutex<JoinSet<()>>) {
    wires.lock().expect("nobody panics over it").abort_all();
}

#[tokio::test(start_paused = true)]
async fn a_writer_that_never_reads_its_answers_waits_and_leaves_its_reference_when_it_goes() {
    let stage = Stage::open(Profile::V2_1).await;
    let message = |offset: i64, data: &[u8]| {
        let (action, data) = (api::WriteAction::Write.into(), data.to_vec());
        api::WriteContentRequest { action, r#ref: "r".to_owned(), offset, data, ..none() }
    };
    let (to, messages) = tokio::sync::mpsc::channel(1);
    let (channel, wires) = other(&stage).await;
    let mut content = ContentClient::new(channel);
    let writing = content.write(within(ReceiverStream::new(messages)));
    // More than windows and queues hold, of messages and of their answers.
    let many = async {
        for _ in 0..1_000 {
            to.send(message(-1, &[7; 16 << 10])).await.expect("the stream goes on");
        }
    };
    // Time is virtual: it passes once nothing else can happen.
    let (unread, held_up) = tokio::join!(writing, async {
        tokio::time::timeout(Duration::from_secs(60), many).await.is_err()
    });
    assert!(held_up, "its answers piled up somewhere");
    breaks(&wires);
    drop((unread, to, content));
    let mut content = ContentClient::new(stage.channel.clone());
    let status = || within(api::StatusRequest { r#ref: "r".to_owned() });
    let kept = content.status(status()).await.unwrap().into_inner().status.unwrap().offset;
    assert!(kept > 0, "what was written is kept");
    let ledger = stage.mock().ledger().clone();
    // The stage's own subscription is left.
    while ledger.in_flight() > 1 {
        ledger.changed().await;
    }
    let again = within(tokio_stream::iter([message(-1, b"x")]));
    let mut answers = content.write(again).await.unwrap().into_inner();
    let answer = answers.message().await.expect("the reference is free").unwrap();
    assert!(answer.offset > kept);
}

#[tokio::test]
async fn nothing_is_kept_of_those_who_waited_and_left() {
    const WAITING: u64 = 500;
    let stage = Stage::open(Profile::V1_6).await;
    stage.run("c1", &["sleep", "inf"]).await;
    let (channel, wires) = other(&stage).await;
    let mut waiting = JoinSet::new();
    for _ in 0..WAITING {
        let (mut tasks, mut events) =
            (TasksClient::new(channel.clone()), EventsClient::new(channel.clone()));
        let request = api::WaitRequest { container_id: "c1".to_owned(), exec_id: String::new() };
        waiting.spawn(async move { tasks.wait(within(request)).await.map(drop) });
        let filters = vec!["topic==never".to_owned()];
        waiting.spawn(async move {
            events.subscribe(api::SubscribeRequest { filters }).await.map(drop)
        });
    }
    let ledger = stage.mock().ledger().clone();
    while ledger.in_flight() < 2 * WAITING + 1 {
        ledger.changed().await;
    }
    breaks(&wires);
    while ledger.in_flight() > 1 {
        ledger.changed().await;
    }
    assert_eq!(stage.mock().events().subscribers(), 1, "the stage's own");
}
