//! The same faults in front of a containerd that is none of the proxy's: here a mock that has none.

use std::sync::Arc;
use std::time::Duration;

use containerd_client::services::v1 as api;
use containerd_client::services::v1::content_client::ContentClient;
use containerd_client::services::v1::version_client::VersionClient;
use http::uri::PathAndQuery;
use mock_containerd::faults::{Cut, DaemonFault, EventFault, Faults, Proxy, TasksAfter, When};
use mock_containerd::{MockContainerd, Profile};
use rpc_ledger::{Code as Ending, Counts, Ended, Ledger, Rpc};
use tonic::Code;

use crate::stage::{Stage, none, within};

/// A mock, a proxy before it, and a client of the proxy.
struct Behind {
    mock: MockContainerd,
    proxy: Proxy,
    stage: Stage,
    _folder: tempfile::TempDir,
}

impl Behind {
    async fn with(faults: Faults) -> Self {
        Self::of(Profile::V1_6, faults).await
    }

    async fn of(profile: Profile, faults: Faults) -> Self {
        let mock = MockContainerd::builder().profile(profile).start().await.unwrap();
        let folder = tempfile::tempdir().unwrap();
        let socket = folder.path().join("proxy.sock");
        let proxy = Proxy::to(mock.socket()).faults(faults).daemon(Arc::new(mock.faults().clone()));
        let proxy = proxy.listen(&socket).await.unwrap();
        let channel = containerd_client::connect(proxy.socket()).await.unwrap();
        let stage = Stage::over(channel).await;
        Self { mock, proxy, stage, _folder: folder }
    }

    fn done(&self) -> Vec<String> {
        self.proxy.fired().into_iter().map(|fired| fired.done).collect()
    }
}

async fn at_rest(ledger: &Ledger) -> Counts {
    loop {
        let changed = ledger.changed();
        if ledger.in_flight() == 0 {
            return ledger.counts();
        }
        changed.await;
    }
}

fn started(counts: &Counts, short: &str) -> u64 {
    counts.started_by_short_name().get(short).copied().unwrap_or_default()
}

#[tokio::test]
async fn without_faults_it_is_as_if_nobody_stood_between() {
    let mut behind = Behind::with(Faults::default()).await;
    let stage = &mut behind.stage;
    stage.run("c1", &["sh", "-c", "exit 7"]).await;
    assert_eq!(stage.wait("c1", "").await.unwrap().exit_status, 7);
    let refused = stage.get("c2", "").await.unwrap_err();
    let direct = containerd_client::connect(behind.mock.socket()).await.unwrap();
    let direct = Stage::over(direct).await.get("c2", "").await.unwrap_err();
    assert_eq!((refused.code(), refused.message()), (direct.code(), direct.message()));
    let topics = stage.topics().await;
    let own: Vec<&str> =
        topics.iter().map(String::as_str).filter(|t| *t != "/stage/marker").collect();
    assert_eq!(own, ["/containers/create", "/tasks/create", "/tasks/start", "/tasks/exit"]);
    assert!(behind.proxy.fired().is_empty());
}

#[tokio::test]
async fn methods_that_nobody_knows_pass_with_their_metadata_and_their_refusal() {
    let behind = Behind::with(Faults::default()).await;
    let mut unknown = tonic::client::Grpc::new(behind.stage.channel.clone());
    unknown.ready().await.unwrap();
    let path = PathAndQuery::from_static("/no.such.v1.Service/Method");
    let codec = tonic_prost::ProstCodec::<(), ()>::default();
    let refused = unknown.unary(within(()), path, codec).await.unwrap_err();
    assert_eq!(refused.code(), Code::Unimplemented);
    let calls = behind.mock.ledger().calls();
    let came = calls.iter().find(|call| call.rpc.path() == "/no.such.v1.Service/Method").unwrap();
    assert_eq!(came.namespace.as_deref(), Some("stage"));
}

#[tokio::test]
async fn messages_go_both_ways_of_one_call() {
    let behind = Behind::with(Faults::default()).await;
    let mut content = ContentClient::new(behind.stage.channel.clone());
    let write = |offset: i64, data: &[u8], action| api::WriteContentRequest {
        action,
        r#ref: "r".to_owned(),
        total: 6,
        offset,
        data: data.to_vec(),
        ..none()
    };
    let (sender, messages) = tokio::sync::mpsc::channel(1);
    sender.send(write(0, b"abc", 1)).await.unwrap();
    let messages = tokio_stream::wrappers::ReceiverStream::new(messages);
    let mut answers = content.write(within(messages)).await.unwrap().into_inner();
    // The second goes when the first has been answered.
    assert_eq!(answers.message().await.unwrap().unwrap().offset, 3);
    sender.send(write(3, b"def", 2)).await.unwrap();
    drop(sender);
    let committed = answers.message().await.unwrap().unwrap();
    assert!(committed.digest.starts_with("sha256:bef57ec7f53a"), "{committed:?}");
    while answers.message().await.unwrap().is_some() {}
}

#[tokio::test]
async fn who_gives_up_gives_up_behind_it_as_well() {
    let behind = Behind::with(Faults::default()).await;
    behind.stage.run("c1", &["sleep", "inf"]).await;
    let waits = || behind.mock.ledger().counts().get(&Rpc::from_path(WAIT));
    {
        let mut waiting = std::pin::pin!(behind.stage.wait("c1", ""));
        while waits().started == 0 {
            let soon = tokio::time::timeout(Duration::from_millis(1), &mut waiting).await;
            soon.expect_err("it sleeps for ever");
        }
    }
    while waits().cancelled == 0 {
        behind.mock.ledger().changed().await;
    }
    // A deadline is told in the request, and is the server's as well.
    let mut request = within(api::WaitRequest { container_id: "c1".into(), ..none() });
    request.set_timeout(Duration::from_millis(20));
    let late = behind.stage.tasks().wait(request).await.unwrap_err();
    assert!([Code::DeadlineExceeded, Code::Cancelled].contains(&late.code()), "{late}");
}

const WAIT: &str = "/containerd.services.tasks.v1.Tasks/Wait";

#[tokio::test]
async fn refused_before_it_is_not_passed_on_and_after_it_has_taken_place() {
    let faults = Faults::default()
        .rpc("Containers/Create", When::Before, "1*error(unavailable:\"x\")")
        .and_then(|faults| faults.rpc("Tasks/Create", When::After, "1*error(unavailable)"));
    let behind = Behind::with(faults.unwrap()).await;
    let stage = &behind.stage;
    let refused = stage.create_container("c1", &["sleep", "inf"]).await.unwrap_err();
    assert_eq!((refused.code(), refused.message()), (Code::Unavailable, "x"));
    stage.create_container("c1", &["sleep", "inf"]).await.unwrap();
    assert_eq!(stage.create_task("c1").await.unwrap_err().code(), Code::Unavailable);
    assert_eq!(stage.create_task("c1").await.unwrap_err().code(), Code::AlreadyExists);

    let (front, passed) = (behind.proxy.ledger().counts(), behind.proxy.forwarded().counts());
    let of = |method| (started(&front, method), started(&passed, method));
    assert_eq!(of("Containers/Create"), (2, 1));
    assert_eq!(of("Tasks/Create"), (2, 2));
    assert_eq!(behind.mock.ledger().counts().started_by_short_name()["Containers/Create"], 1);
    let injected: Vec<_> =
        behind.proxy.ledger().calls().into_iter().filter(|call| call.injected).collect();
    assert_eq!(injected.len(), 2);
    assert!(injected.iter().all(|c| c.ended == Some(Ended::Finished(Ending::new(14)))));
}

#[tokio::test]
async fn a_cut_connection_and_a_cut_stream_end_what_they_name_on_both_sides() {
    let stream = Cut::Stream("Events/Subscribe".to_owned());
    let faults = Faults::default()
        .cut("Tasks/Create#1".parse().unwrap(), stream)
        .cut("Tasks/Start#1".parse().unwrap(), Cut::Connection);
    let mut behind = Behind::with(faults).await;
    behind.stage.create_container("c1", &["sleep", "inf"]).await.unwrap();
    behind.stage.create_task("c1").await.unwrap();
    while let Ok(event) = behind.stage.subscription().message().await {
        event.expect("a reset is no end");
    }
    behind.stage.start("c1", "").await.expect("it was answered before the cut");
    assert_eq!(behind.stage.get("c1", "").await.unwrap().status, 2, "over a new connection");
    assert_eq!(behind.done(), ["1 open Events/Subscribe reset", "connection cut"]);
    assert_eq!(behind.proxy.connections().len(), 2);
    let subscribe = |ledger: &Ledger| {
        let path = "/containerd.services.events.v1.Events/Subscribe";
        ledger.counts().get(&Rpc::from_path(path))
    };
    assert_eq!(subscribe(behind.proxy.ledger()).broken, 1);
    while subscribe(behind.mock.ledger()).cancelled == 0 {
        behind.mock.ledger().changed().await;
    }
}

#[tokio::test]
async fn events_are_lost_doubled_late_and_swapped_on_their_way() {
    let faults = Faults::default()
        .event("/tasks/create", 1, EventFault::Duplicate)
        .event("/tasks/start", 1, EventFault::SwapNext)
        .event("/tasks/exit", 1, EventFault::Lose)
        .event("/tasks/delete", 1, EventFault::Delay(Duration::from_millis(300)));
    let mut behind = Behind::with(faults).await;
    for id in ["c1", "c2"] {
        behind.stage.run(id, &["sleep", "inf"]).await;
        behind.stage.kill(id, "", 9).await.unwrap();
        behind.stage.wait(id, "").await.unwrap();
        let request = within(api::DeleteTaskRequest { container_id: id.to_owned() });
        behind.stage.tasks().delete(request).await.unwrap();
    }
    let first = ["/containers/create", "/tasks/create", "/tasks/create", "/tasks/start"];
    let second =
        ["/containers/create", "/tasks/create", "/tasks/start", "/tasks/exit", "/tasks/delete"];
    assert_eq!(behind.stage.topics().await, [&first[..], &second[..]].concat());
    assert_eq!(behind.stage.next_event().await.topic, "/tasks/delete");
    assert_eq!(behind.done(), ["duplicate", "swap-next", "lose", "delay(300ms)"]);
}

#[tokio::test]
async fn what_is_held_is_told_when_the_faults_are_taken_back() {
    let faults = Faults::default().event("/tasks/create", 1, EventFault::SwapNext);
    let mut behind = Behind::with(faults).await;
    behind.stage.create_container("c1", &["sleep", "inf"]).await.unwrap();
    behind.stage.create_task("c1").await.unwrap();
    assert_eq!(behind.stage.next_event().await.topic, "/containers/create");
    while behind.done().is_empty() {
        // It is decided when it comes.
        let none = tokio::time::timeout(Duration::from_millis(1), behind.stage.next_event());
        none.await.expect_err("it is held");
    }
    behind.proxy.clear();
    assert_eq!(behind.stage.next_event().await.topic, "/tasks/create");
}

#[tokio::test]
async fn a_shim_is_dead_before_the_answer_is_told_and_one_that_hangs_goes_on() {
    let faults = Faults::default()
        .daemon("Tasks/Start#1".parse().unwrap(), DaemonFault::KillShim("c1".into()))
        .daemon("Tasks/Get#2".parse().unwrap(), DaemonFault::KillShim("c9".into()))
        .daemon("Tasks/Start#2".parse().unwrap(), DaemonFault::HangShim("c2".into(), None));
    let behind = Behind::with(faults).await;
    behind.stage.run("c1", &["sleep", "inf"]).await;
    // An answer of headers alone, twice: the second is the occasion for a shim that there is not.
    for _ in 0..2 {
        assert_eq!(behind.stage.get("c1", "").await.unwrap_err().code(), Code::NotFound);
    }
    behind.stage.run("c2", &["sleep", "inf"]).await;
    assert_eq!(behind.done(), ["shim killed", "no such task: nothing done", "shim hung"]);
    let mut killing = std::pin::pin!(behind.stage.kill("c2", "", 9));
    let hangs = tokio::time::timeout(Duration::from_millis(50), &mut killing).await;
    hangs.expect_err("nobody answers");
    behind.proxy.leave("stage");
    killing.await.unwrap();
}

#[tokio::test]
async fn a_restart_cuts_all_and_nobody_comes_in_before_the_daemon_is_back() {
    let lost = DaemonFault::Restart(TasksAfter::Lost);
    let behind =
        Behind::with(Faults::default().daemon("Tasks/Start#1".parse().unwrap(), lost)).await;
    behind.stage.run("c1", &["sleep", "inf"]).await;
    loop {
        match behind.stage.get("c1", "").await.unwrap_err().code() {
            Code::NotFound => break,
            Code::Unavailable | Code::Unknown => {}
            other => panic!("{other:?}"),
        }
    }
    assert_eq!(behind.done(), ["daemon restarted"]);
    let subscribes = behind.proxy.ledger().calls();
    let first = subscribes.iter().find(|call| call.rpc.short() == "Events/Subscribe").unwrap();
    assert_eq!((first.ended, first.injected), (Some(Ended::Broken), true));
}

#[tokio::test]
async fn when_the_daemon_goes_so_do_its_clients_and_that_is_no_fault() {
    let behind = Behind::with(Faults::default()).await;
    behind.stage.run("c1", &["sleep", "inf"]).await;
    let waiting = behind.stage.wait("c1", "");
    let Behind { mock, proxy, stage, _folder } = &behind;
    let _ = (stage, _folder);
    let dying = async {
        while started(&mock.ledger().counts(), "Tasks/Wait") == 0 {
            mock.ledger().changed().await;
        }
        for connection in mock.connections() {
            mock.faults().cut_connection(connection);
        }
    };
    let (waited, ()) = tokio::join!(waiting, dying);
    let status = waited.unwrap_err();
    assert_ne!(status.code(), Code::Internal, "not a reset of the call: {status:?}");
    let counts = at_rest(proxy.ledger()).await;
    assert_eq!(counts.get(&Rpc::from_path(WAIT)).broken, 1);
    assert!(proxy.ledger().calls().iter().all(|call| !call.injected));
}

#[tokio::test]
async fn without_hands_on_the_daemon_it_says_that_nothing_was_done() {
    let mock = MockContainerd::builder().start().await.unwrap();
    let folder = tempfile::tempdir().unwrap();
    let restart = DaemonFault::Restart(TasksAfter::Kept);
    let faults = Faults::default().daemon("Version/Version#1".parse().unwrap(), restart);
    assert!(faults.want_a_daemon());
    let proxy = Proxy::to(mock.socket()).faults(faults);
    let proxy = proxy.listen(&folder.path().join("p.sock")).await.unwrap();
    let channel = containerd_client::connect(proxy.socket()).await.unwrap();
    VersionClient::new(channel).version(()).await.unwrap();
    assert_eq!(proxy.fired()[0].done, "no daemon in these hands: nothing done");
}
