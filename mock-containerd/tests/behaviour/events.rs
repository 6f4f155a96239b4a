//! The bus: what is published, by whom it is seen, and what Subscribe does before the first event.

use std::time::Duration;

use containerd_client::events::{TaskCreate, TaskExit};
use containerd_client::services::v1 as api;
use containerd_client::types::Envelope;
use mock_containerd::Profile;
use prost::{Message, Name};
use prost_types::Any;
use tonic::{Code, Request, Status};

use crate::stage::{NAMESPACE, Stage, of_namespace, within};

fn decode<E: Message + Default + Name>(event: &Envelope) -> E {
    let any = event.event.as_ref().unwrap();
    assert_eq!(any.type_url, E::full_name(), "bare full name, no host before it");
    E::decode(any.value.as_slice()).unwrap()
}

async fn publish(stage: &Stage, namespace: &str, topic: &str) -> Result<(), Status> {
    let event = Some(Any { type_url: "some.Thing".to_owned(), value: vec![1, 2, 3] });
    let request = api::PublishRequest { topic: topic.to_owned(), event };
    stage.events().publish(of_namespace(namespace, request)).await.map(drop)
}

#[tokio::test]
async fn a_life_is_told_in_order_and_in_full() {
    let mut stage = Stage::open(Profile::V1_6).await;
    stage.create_container("c1", &["sh", "-c", "exit 7"]).await.unwrap();
    let pid = stage.create_task("c1").await.unwrap();
    stage.start("c1", "").await.unwrap();
    stage.wait("c1", "").await.unwrap();
    let request = within(api::DeleteTaskRequest { container_id: "c1".to_owned() });
    stage.tasks().delete(request).await.unwrap();

    let events = stage.published().await;
    let topics: Vec<&str> = events.iter().map(|event| event.topic.as_str()).collect();
    let life =
        ["/containers/create", "/tasks/create", "/tasks/start", "/tasks/exit", "/tasks/delete"];
    assert_eq!(topics, life);
    assert!(events.iter().all(|event| event.namespace == NAMESPACE && event.timestamp.is_some()));
    let created: TaskCreate = decode(&events[1]);
    assert_eq!((created.container_id.as_str(), created.pid), ("c1", pid));
    assert!(created.io.is_some());
    let exited: TaskExit = decode(&events[3]);
    assert_eq!((exited.id.as_str(), exited.pid, exited.exit_status), ("c1", pid, 7));
}

#[tokio::test]
async fn the_exit_is_the_same_in_event_get_wait_and_delete() {
    let mut stage = Stage::open(Profile::V1_6).await;
    stage.run("c1", &["false"]).await;
    let waited = stage.wait("c1", "").await.unwrap();
    let shown = stage.get("c1", "").await.unwrap();
    let again = stage.wait("c1", "").await.unwrap();
    let events = stage.published().await;
    let told: TaskExit = decode(events.last().unwrap());
    let request = within(api::DeleteTaskRequest { container_id: "c1".to_owned() });
    let deleted = stage.tasks().delete(request).await.unwrap().into_inner();
    for (status, at) in [
        (waited.exit_status, waited.exited_at),
        (shown.exit_status, shown.exited_at),
        (again.exit_status, again.exited_at),
        (deleted.exit_status, deleted.exited_at),
    ] {
        assert_eq!((status, at), (told.exit_status, told.exited_at));
    }
}

#[tokio::test(start_paused = true)]
async fn subscribe_sends_no_header_before_its_first_event_and_replays_nothing() {
    let stage = Stage::open(Profile::V1_6).await;
    publish(&stage, NAMESPACE, "/too/early").await.unwrap();
    let mut events = stage.events();
    let mut subscribing =
        tokio::spawn(async move { events.subscribe(api::SubscribeRequest::default()).await });
    // Time is virtual: it passes once nothing else can happen.
    let waited = tokio::time::timeout(Duration::from_secs(60), &mut subscribing).await;
    assert!(waited.is_err(), "headers came without an event");
    publish(&stage, NAMESPACE, "/first/one").await.unwrap();
    let mut stream = subscribing.await.unwrap().unwrap().into_inner();
    assert_eq!(stream.message().await.unwrap().unwrap().topic, "/first/one");
}

#[tokio::test(start_paused = true)]
async fn a_subscriber_sees_all_namespaces_and_a_filter_narrows() {
    let mut stage = Stage::open(Profile::V1_6).await;
    let filters = vec!["namespace==other,topic~=^/task".to_owned()];
    let mut events = stage.events();
    let narrow =
        tokio::spawn(async move { events.subscribe(api::SubscribeRequest { filters }).await });
    let waited = tokio::time::timeout(Duration::from_millis(1), std::future::pending::<()>());
    assert!(waited.await.is_err());
    for (namespace, topic) in [("other", "/image/one"), ("more", "/task/two"), ("other", "/task/3")]
    {
        publish(&stage, namespace, topic).await.unwrap();
    }
    let mut narrow = narrow.await.unwrap().unwrap().into_inner();
    assert_eq!(narrow.message().await.unwrap().unwrap().topic, "/task/3");
    let all = stage.published().await;
    let seen: Vec<&str> = all.iter().map(|event| event.namespace.as_str()).collect();
    assert_eq!(seen, ["other", "more", "other"]);
}

#[tokio::test]
async fn a_bad_subscription_filter_is_unknown_and_not_an_invalid_argument() {
    let stage = Stage::open(Profile::V1_6).await;
    let request = api::SubscribeRequest { filters: vec!["topic=x".to_owned()] };
    let refused = stage.events().subscribe(request).await.unwrap_err();
    assert_eq!(refused.code(), Code::Unknown);
    let begin = "subscription error: failed parsing subscription filters: filters: parse error: ";
    assert!(refused.message().starts_with(begin), "{refused}");
}

#[tokio::test]
async fn topics_are_checked_and_payloads_pass_unread() {
    let mut stage = Stage::open(Profile::V1_6).await;
    for (topic, what) in [
        ("a/b", "must start with '/'"),
        ("", "must not be empty"),
        ("/", "must have at least one component"),
        ("/a//b", "failed validation on component \"\""),
    ] {
        let refused = publish(&stage, NAMESPACE, topic).await.unwrap_err();
        assert_eq!(refused.code(), Code::InvalidArgument, "{topic:?}");
        assert!(refused.message().contains(what), "{topic:?}: {refused}");
    }
    publish(&stage, NAMESPACE, "/a/b").await.unwrap();
    let events = stage.published().await;
    let event = events[0].event.clone().unwrap();
    assert_eq!((event.type_url.as_str(), event.value), ("some.Thing", vec![1, 2, 3]));

    let event = Some(Any::default());
    let request = Request::new(api::PublishRequest { topic: "/a/b".to_owned(), event });
    let refused = stage.events().publish(request).await.unwrap_err();
    assert_eq!(refused.code(), Code::FailedPrecondition);
}

#[tokio::test]
async fn a_forwarded_envelope_passes_as_it_is() {
    let mut stage = Stage::open(Profile::V1_6).await;
    let envelope = Envelope {
        timestamp: Some(prost_types::Timestamp { seconds: 5, nanos: 6 }),
        namespace: "elsewhere".to_owned(),
        topic: "/some/thing".to_owned(),
        event: Some(Any::default()),
    };
    let forward = |envelope| Request::new(api::ForwardRequest { envelope: Some(envelope) });
    stage.events().forward(forward(envelope.clone())).await.unwrap();
    assert_eq!(stage.published().await, std::slice::from_ref(&envelope));
    let nameless = Envelope { namespace: String::new(), ..envelope.clone() };
    let timeless = Envelope { timestamp: None, ..envelope };
    for bad in [nameless, timeless] {
        let refused = stage.events().forward(forward(bad)).await.unwrap_err();
        assert_eq!(refused.code(), Code::InvalidArgument);
    }
}

#[tokio::test]
async fn a_forwarded_envelope_without_a_time_is_of_1970_since_1_7() {
    for profile in [Profile::V1_7, Profile::V2_1] {
        let mut stage = Stage::open(profile).await;
        let envelope = Envelope {
            timestamp: None,
            namespace: "elsewhere".to_owned(),
            topic: "/some/thing".to_owned(),
            event: Some(Any::default()),
        };
        let request = api::ForwardRequest { envelope: Some(envelope) };
        stage.events().forward(Request::new(request)).await.unwrap();
        let published = stage.published().await;
        assert_eq!(published[0].timestamp, Some(prost_types::Timestamp::default()));
    }
}
