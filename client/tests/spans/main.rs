//! What a subscriber of `tracing` and the daemon see of an operation: one span and one trace, with
//! the calls below it.

mod keeper;

use std::time::Duration;

use laconic_client::{Client, Connection, Io, Kind, NewContainer, NewExec, Scope, Task};
use mock_containerd::faults::{Faults, When};
use mock_containerd::{InMemory, MockContainerd, Profile};

use crate::keeper::{Keeper, Span};

const TRACE: &str = "0af7651916cd43dd8448eb211c80319c";
const PARENT: &str = "b7ad6b7169203331";

async fn stage(faults: Faults) -> (InMemory, Client, Task) {
    Keeper::set();
    let mock = MockContainerd::builder().profile(Profile::V2_1).faults(faults).in_memory();
    let client = Client::builder("spans").with_connector(mock.clone()).await.unwrap();
    let new = NewContainer::new("c0", ["sleep", "inf"]);
    let task = client.create(new).await.unwrap().start(Io::Null).await.unwrap();
    (mock, client, task)
}

fn missing(id: &str) -> NewExec {
    NewExec { id: id.to_owned(), args: vec!["/no/such".to_owned()], io: Io::Null, terminal: false }
}

/// Operations, in order, with their calls: `operation outcome: Service/Method code, …`.
fn shown(spans: &[Span]) -> Vec<String> {
    let operations = spans.iter().enumerate().filter(|(_, span)| span.name == "operation");
    let show = |(place, operation): (usize, &Span)| {
        let calls = spans.iter().filter(|span| span.parent == Some(place));
        let calls = calls.map(|call| {
            let method = call.field("method").rsplit('.').next().unwrap();
            format!("{method} {}", call.field("code"))
        });
        let (name, outcome) = (operation.field("operation"), operation.field("outcome"));
        format!("{name} {outcome}: {}", calls.collect::<Vec<_>>().join(", "))
    };
    operations.map(show).collect()
}

#[tokio::test(start_paused = true)]
async fn an_operation_is_the_parent_of_its_calls_and_says_what_came_of_it() {
    let (_, _, task) = stage(Faults::default()).await;
    task.exec(missing("e0")).await.unwrap_err();
    task.force_delete().await.unwrap();
    let spans = Keeper::spans();
    let expected = [
        "connect ok: Events/Subscribe Ok, Events/Publish Ok",
        "create ok: Containers/Create Ok",
        "start ok: Tasks/Create Ok, Tasks/Start Ok",
        "exec invalid-argument: Tasks/Exec Ok, Tasks/Start Unknown, Tasks/DeleteProcess Ok",
        "force-delete ok: Tasks/Kill Ok, Tasks/Delete Ok",
    ];
    let mut told = shown(&spans);
    // Which of the first two leaves first is not said.
    told[0] = told[0].replace("Publish Ok, Events/Subscribe Ok", "Subscribe Ok, Events/Publish Ok");
    assert_eq!(told, expected);
    let exec = spans.iter().find(|span| span.field("operation") == "exec").unwrap();
    assert_eq!((exec.field("container"), exec.field("exec")), ("c0", "e0"));
    let register = spans.iter().find(|span| span.field("operation") == "register").unwrap();
    assert_eq!((register.field("container"), register.field("exec")), ("c0", "e0"));
}

#[tokio::test(start_paused = true)]
async fn a_call_carries_the_trace_of_its_operation_and_the_name_of_its_own_span() {
    let (mock, client, task) = stage(Faults::default()).await;
    let scope = Scope::new().traceparent(&format!("00-{TRACE}-{PARENT}-01")).unwrap();
    scope.run(task.exec(missing("e0"))).await.unwrap_err();
    client.version().await.unwrap();
    let spans = Keeper::spans();
    let calls: Vec<&Span> = spans.iter().filter(|span| span.name == "rpc").collect();
    let heard: Vec<String> =
        mock.ledger().calls().into_iter().map(|call| call.traceparent.unwrap()).collect();
    let told = |call: &&Span| {
        let operation = &spans[call.parent.unwrap()];
        let flags = if operation.field("trace") == TRACE { "01" } else { "00" };
        format!("00-{}-{}-{flags}", operation.field("trace"), call.field("span"))
    };
    let mut expected: Vec<String> = calls.iter().map(told).collect();
    let mut sorted = heard.clone();
    expected.sort();
    sorted.sort();
    assert_eq!(sorted, expected);
    let given = heard.iter().filter(|context| context.contains(TRACE)).count();
    assert_eq!(given, 3, "the exec's, and only those: {heard:?}");
    let exec = spans.iter().find(|span| span.field("operation") == "exec").unwrap();
    assert_eq!((exec.field("trace"), exec.field("parent_span")), (TRACE, PARENT));
    let version = spans.iter().find(|span| span.field("operation") == "version").unwrap();
    assert_eq!(version.field("parent_span"), "");
}

#[tokio::test(start_paused = true)]
async fn an_operation_that_is_given_up_says_so_and_is_undone_as_part_of_it() {
    let faults = Faults::default().rpc("Tasks/Exec", When::After, "1*delay(5s)").unwrap();
    let (_, client, task) = stage(faults).await;
    let given_up = tokio::time::timeout(Duration::from_secs(1), task.exec(missing("e0"))).await;
    assert!(given_up.is_err());
    client.undone().await;
    let told = shown(&Keeper::spans());
    assert_eq!(told[3], "exec given-up: Tasks/Exec Ok, Tasks/DeleteProcess Ok");
}

#[tokio::test(start_paused = true)]
async fn each_attempt_at_a_call_is_a_span_of_its_own() {
    let faults = Faults::default().rpc("Tasks/ListPids", When::Before, "1*delay(10s)").unwrap();
    let (mock, client, task) = stage(faults).await;
    let cut = async {
        tokio::time::sleep(Duration::from_secs(1)).await;
        let line = mock.ledger().calls()[0].connection;
        mock.faults().cut_connection(line);
    };
    let (pids, ()) = tokio::join!(task.pids(), cut);
    pids.unwrap();
    let back = |now: &Connection| matches!(now, Connection::Live { resyncs: 1 });
    client.connection().wait_for(back).await.unwrap();
    let told = shown(&Keeper::spans());
    let pids = told.iter().find(|operation| operation.starts_with("pids")).unwrap();
    assert!(pids.starts_with("pids ok: Tasks/ListPids "), "{pids}");
    assert!(pids.ends_with(", Tasks/ListPids Ok"), "{pids}");
    let refused = task.attach_exec("e9").await.unwrap_err();
    assert_eq!(refused.kind(), Kind::NotFound);
    assert!(shown(&Keeper::spans()).contains(&"attach-exec not-found: Tasks/Get NotFound".into()));
    let resync = told.iter().find(|operation| operation.starts_with("resync")).unwrap();
    assert!(resync.ends_with("Tasks/List Ok"), "{resync}");
}
