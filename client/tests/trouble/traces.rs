//! The traces that the daemon sees.

use std::collections::BTreeSet;
use std::time::Duration;

use laconic_client::{Io, NewContainer, Scope};
use mock_containerd::Profile;

use crate::stage::{Stage, exec, quiet};

const TRACE: &str = "0af7651916cd43dd8448eb211c80319c";

/// The part of a `traceparent` that names the trace.
fn trace_of(traceparent: &str) -> String {
    traceparent.split('-').nth(1).unwrap().to_owned()
}

#[tokio::test(start_paused = true)]
async fn calls_carry_the_trace_of_the_scope_they_are_made_in_also_those_that_undo() {
    let mut stage = Stage::open(Profile::V2_1).await;
    let new = NewContainer::new("c0", ["sleep", "inf"]);
    let container = stage.client.create(new).await.unwrap();
    stage.count();
    let context = format!("00-{TRACE}-b7ad6b7169203331-01");
    let scope = Scope::new().traceparent(&context).unwrap();
    let given_up =
        scope.run(async { tokio::time::timeout(Duration::ZERO, container.start(Io::Null)).await });
    assert!(given_up.await.is_err());
    quiet().await;
    let calls = stage.calls();
    let made: BTreeSet<String> = calls.iter().map(|call| call.rpc.short()).collect();
    assert!(made.contains("Tasks/Delete"), "{made:?}");
    let mut traces = calls.iter().map(|call| trace_of(call.traceparent.as_deref().unwrap()));
    assert!(traces.all(|trace| trace == TRACE), "{calls:?}");
}

#[tokio::test(start_paused = true)]
async fn an_operation_without_a_scope_is_a_trace_of_its_own() {
    let mut stage = Stage::open(Profile::V2_1).await;
    let (_, task) = stage.run("c0").await;
    stage.count();
    task.exec(exec("e0", &["true"])).await.unwrap();
    task.pids().await.unwrap();
    let traces: Vec<_> =
        stage.calls().into_iter().map(|call| trace_of(&call.traceparent.unwrap())).collect();
    assert_eq!(traces.len(), 3);
    assert_eq!(traces[0], traces[1], "register and start");
    assert_ne!(traces[1], traces[2]);
}
