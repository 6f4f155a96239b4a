//! Faults: calls that fail before or after they did something, connections and streams that are
//! cut, events that are lost, doubled, late or swapped, and what the ledger says of it all.

use std::time::Duration;

use containerd_client::services::v1 as api;
use containerd_client::services::v1::version_client::VersionClient;
use mock_containerd::faults::{Cut, EventFault, Faults, When};
use mock_containerd::{MockContainerd, Profile};
use rpc_ledger::{CallRecord, Ended};
use tokio::time::Instant;
use tonic::Code;

use crate::stage::{Stage, within};

async fn stage(faults: Faults) -> Stage {
    Stage::of(MockContainerd::builder().faults(faults)).await
}

/// The calls of one method that the ledger has, in order.
fn calls(stage: &Stage, short: &str) -> Vec<CallRecord> {
    let calls = stage.mock().ledger().calls();
    calls.into_iter().filter(|call| call.rpc.short() == short).collect()
}

#[tokio::test]
async fn an_error_before_the_call_leaves_the_state_and_one_after_it_loses_the_reply() {
    let text = r#"
        [[rpc]]
        on = "Containers/Create"
        plan = '1*error(unavailable:"before")->off'
        [[rpc]]
        on = "Tasks/Create"
        plan = '1*error(unavailable:"after")->off'
        when = "after"
    "#;
    let mut stage = stage(Faults::parse("f.toml", text).unwrap()).await;
    let refused = stage.create_container("c1", &["sleep", "inf"]).await.unwrap_err();
    assert_eq!((refused.code(), refused.message()), (Code::Unavailable, "before"));
    stage.create_container("c1", &["sleep", "inf"]).await.unwrap();

    let refused = stage.create_task("c1").await.unwrap_err();
    assert_eq!((refused.code(), refused.message()), (Code::Unavailable, "after"));
    let again = stage.create_task("c1").await.unwrap_err();
    assert_eq!(again.code(), Code::AlreadyExists, "the lost reply was that of a task");
    assert_eq!(stage.topics().await, ["/containers/create", "/tasks/create"]);

    for (method, injected) in
        [("Containers/Create", [true, false]), ("Tasks/Create", [true, false])]
    {
        let made: Vec<bool> = calls(&stage, method).iter().map(|call| call.injected).collect();
        assert_eq!(made, injected, "{method}");
    }
    let counted: u64 = stage.mock().ledger().counts().iter().map(|(_, count)| count.injected).sum();
    assert_eq!(counted, 2);
    let fired: Vec<String> = stage.mock().faults().fired().iter().map(|f| f.to_string()).collect();
    assert_eq!(
        fired,
        [
            "Containers/Create#1 in namespace \"stage\" on connection 1: error(unavailable:\
             \"before\") before the call (f.toml:2: 1*error(unavailable:\"before\")->off before \
             Containers/Create)",
            "Tasks/Create#1 in namespace \"stage\" on connection 1: error(unavailable:\"after\") \
             after the state changed (f.toml:5: 1*error(unavailable:\"after\")->off after \
             Tasks/Create)",
        ]
    );
}

#[tokio::test(start_paused = true)]
async fn delays_pass_in_virtual_time_and_count_by_namespace() {
    let faults = Faults::default().rpc("Version/Version", When::Before, "1*off->delay(1h)->off");
    let stage = stage(faults.unwrap()).await;
    let mut version = VersionClient::new(stage.channel.clone());
    let begin = Instant::now();
    let mut hours = Vec::new();
    for _ in 0..3 {
        version.version(within(())).await.unwrap();
        hours.push(begin.elapsed().as_secs() / 3600);
    }
    assert_eq!(hours, [0, 1, 1]);
}

#[tokio::test]
async fn a_cut_connection_takes_everything_with_it_but_the_reply_that_came_before() {
    let faults = Faults::default().cut("Tasks/Start#2".parse().unwrap(), Cut::Connection);
    let stage = stage(faults).await;
    stage.run("c1", &["sleep", "inf"]).await;
    stage.create_container("c2", &["sleep", "inf"]).await.unwrap();
    stage.create_task("c2").await.unwrap();
    let (waited, started) = tokio::join!(stage.wait("c1", ""), stage.start("c2", ""));
    started.expect("it was answered before the cut");
    waited.expect_err("nobody waits across a cut");

    // The channel connects anew by itself; the task is as it was.
    assert_eq!(stage.get("c1", "").await.unwrap().status, 2);
    let waits = calls(&stage, "Tasks/Wait");
    assert_eq!((waits[0].ended, waits[0].injected), (Some(Ended::Broken), true));
    let subscribes = calls(&stage, "Events/Subscribe");
    assert_eq!((subscribes[0].ended, subscribes[0].injected), (Some(Ended::Broken), true));
    assert_eq!(stage.mock().ledger().in_flight(), 0);
    assert_eq!(stage.mock().faults().fired()[0].done, "connection cut");
}

#[tokio::test]
async fn a_cut_stream_is_reset_and_nothing_else_is() {
    let what = Cut::Stream("Events/Subscribe".to_owned());
    let faults = Faults::default().cut("Tasks/Create#1".parse().unwrap(), what);
    let mut stage = stage(faults).await;
    stage.create_container("c1", &["sleep", "inf"]).await.unwrap();
    assert_eq!(stage.topics().await, ["/containers/create"]);
    stage.create_task("c1").await.unwrap();
    stage.start("c1", "").await.unwrap();
    let connection = calls(&stage, "Tasks/Start")[0].connection;
    assert_eq!(connection, calls(&stage, "Tasks/Create")[0].connection);
    let subscribes = calls(&stage, "Events/Subscribe");
    assert_eq!((subscribes[0].ended, subscribes[0].injected), (Some(Ended::Broken), true));
    assert_eq!(stage.mock().faults().fired()[0].done, "1 open Events/Subscribe reset");
    loop {
        match stage.subscription().message().await {
            Ok(Some(event)) => assert_eq!(event.topic, "/tasks/create"),
            Ok(None) => panic!("a reset is no end"),
            Err(_) => break,
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn over_a_socket_too_the_reply_before_a_cut_always_arrives() {
    let faults = Faults::default().rpc("Version/Version", When::After, "delay(1ms)").unwrap();
    let faults = (1..=40).fold(faults, |faults, nth| {
        faults.cut(format!("Version/Version#{nth}").parse().unwrap(), Cut::Connection)
    });
    let mock = MockContainerd::builder().faults(faults).start().await.unwrap();
    for _ in 0..40 {
        let channel = containerd_client::connect(mock.socket()).await.unwrap();
        VersionClient::new(channel).version(within(())).await.unwrap();
    }
    assert_eq!(mock.faults().fired().iter().filter(|f| f.done == "connection cut").count(), 40);
}

#[tokio::test(start_paused = true)]
async fn events_are_lost_doubled_late_and_swapped() {
    let faults = Faults::default()
        .event("/tasks/create", 1, EventFault::Duplicate)
        .event("/tasks/start", 1, EventFault::SwapNext)
        .event("/tasks/exit", 1, EventFault::Lose)
        .event("/tasks/delete", 1, EventFault::Delay(Duration::from_secs(5)));
    let mut stage = stage(faults).await;
    for id in ["c1", "c2"] {
        stage.run(id, &["sleep", "inf"]).await;
        stage.kill(id, "", 9).await.unwrap();
        let request = within(api::DeleteTaskRequest { container_id: id.to_owned() });
        stage.tasks().delete(request).await.unwrap();
    }
    // The exit that is lost lets the start pass that waited for it.
    let first = ["/containers/create", "/tasks/create", "/tasks/create", "/tasks/start"];
    let second =
        ["/containers/create", "/tasks/create", "/tasks/start", "/tasks/exit", "/tasks/delete"];
    assert_eq!(stage.topics().await, [&first[..], &second[..]].concat());
    let begin = Instant::now();
    assert_eq!(stage.next_event().await.topic, "/tasks/delete");
    assert_eq!(begin.elapsed().as_secs(), 5);
    assert_eq!(stage.mock().faults().fired().len(), 4);
}

#[tokio::test]
async fn faults_of_a_running_mock_count_from_when_they_were_added() {
    let stage = Stage::open(Profile::V1_6).await;
    stage.create_container("c1", &["true"]).await.unwrap();
    let plan = "1*error(aborted)->off";
    let faults = || Faults::default().rpc("Containers/Create", When::Before, plan).unwrap();
    stage.mock().faults().add(faults());
    let refused = stage.create_container("c2", &["true"]).await.unwrap_err();
    assert_eq!(refused.code(), Code::Aborted);
    stage.create_container("c2", &["true"]).await.unwrap();
    stage.mock().faults().add(faults());
    stage.mock().faults().clear();
    stage.create_container("c3", &["true"]).await.unwrap();
    assert_eq!(stage.mock().faults().fired().len(), 1);
}

#[tokio::test]
async fn who_watches_is_neither_touched_nor_counted_nor_cut_and_is_told_every_event() {
    let folder = tempfile::tempdir().unwrap();
    let faults = Faults::default()
        .rpc("Containers/Create", When::Before, "2*off->error(unavailable)")
        .unwrap()
        .event("/containers/create", 1, EventFault::Lose);
    let watch = folder.path().join("watch.sock");
    let builder = MockContainerd::builder().faults(faults).watch_socket(&watch);
    let mock = builder.start().await.unwrap();
    let channel = containerd_client::connect(&watch).await.unwrap();
    let mut watcher = api::events_client::EventsClient::new(channel.clone());
    let listening = tokio::spawn(async move {
        let request = api::SubscribeRequest::default();
        let mut events = watcher.subscribe(request).await.unwrap().into_inner();
        events.message().await.unwrap().unwrap().topic
    });
    while mock.events().subscribers() == 0 {
        tokio::task::yield_now().await;
    }
    let mut watcher = api::containers_client::ContainersClient::new(channel);
    for id in ["w0", "w1", "w2"] {
        let runtime =
            api::container::Runtime { name: "io.containerd.runc.v2".into(), options: None };
        let container = api::Container {
            id: id.into(),
            runtime: Some(runtime),
            spec: Some(prost_types::Any::default()),
            ..Default::default()
        };
        let request = api::CreateContainerRequest { container: Some(container) };
        watcher.create(within(request)).await.unwrap();
    }
    assert_eq!(listening.await.unwrap(), "/containers/create", "it was lost to clients alone");
    mock.faults().restart(mock_containerd::faults::TasksAfter::Kept);
    watcher.list(within(api::ListContainersRequest::default())).await.unwrap();
    assert_eq!(mock.connections(), []);
    assert!(!mock.ledger().calls().iter().any(|call| call.injected));
}
