//! Expectations of a test: verified on demand or when dropped, and apart by namespace.

use std::panic::{AssertUnwindSafe, catch_unwind};

use containerd_client::services::v1 as api;
use mock_containerd::faults::{Faults, When};
use mock_containerd::{Expectation, MockContainerd, Profile};
use tonic::Request;

use crate::stage::{Stage, container, of_namespace, within};

async fn create(stage: &Stage, namespace: &str, id: &str) {
    let container = Some(container(id, &["true"]));
    let request = of_namespace(namespace, api::CreateContainerRequest { container });
    stage.containers().create(request).await.unwrap();
}

#[tokio::test]
async fn what_was_not_met_is_told_with_every_call_that_came() {
    let faults = Faults::default().rpc("Tasks/Create", When::After, "1*error(unavailable)");
    let stage = Stage::of(MockContainerd::builder().faults(faults.unwrap())).await;
    let expected = stage.mock().expect(Expectation::of("Tasks/Create").times(1));
    create(&stage, "stage", "c1").await;
    stage.create_task("c1").await.unwrap_err();
    stage.create_task("c1").await.unwrap_err();
    stage.containers().list(Request::new(none())).await.unwrap_err();
    let unmet = expected.within_namespace("stage").verify().unwrap_err();
    insta::assert_snapshot!(unmet, @r#"
    of Tasks/Create in namespace "stage" exactly 1 call was expected; 2 came.
    All calls that came, in order (* counted):
      Containers/Create        namespace "stage", connection 1: ok
    * Tasks/Create             namespace "stage", connection 1: unavailable (injected)
    * Tasks/Create             namespace "stage", connection 1: already-exists
      Containers/List          namespace -, connection 1: failed-precondition
    "#);
}

fn none<T: Default>() -> T {
    T::default()
}

#[tokio::test]
async fn tests_on_one_mock_are_apart_by_namespace_and_connection() {
    let stage = Stage::open(Profile::V1_6).await;
    let calls = stage.mock().calls();
    let one = calls.clone().within_namespace("one");
    let once = one.expect(Expectation::of("Containers/Create"));
    let twice = stage.mock().expect(Expectation::of("Containers/Create").times(2..=2));
    let elsewhere = Expectation::of("Containers/Create").times(0);
    let elsewhere = calls.on_connection(rpc_ledger::ConnectionId::new(9)).expect(elsewhere);
    create(&stage, "one", "c1").await;
    create(&stage, "two", "c1").await;
    once.verify().unwrap();
    twice.verify().unwrap();
    elsewhere.verify().unwrap();
    assert_eq!(one.list().len(), 1);
}

#[tokio::test]
async fn dropped_it_panics_unless_it_holds_and_counts_only_its_own_scope() {
    let stage = Stage::open(Profile::V1_6).await;
    create(&stage, "stage", "before").await;
    let list = || stage.mock().expect(Expectation::of("Containers/List").times(1..));
    let dropped = catch_unwind(AssertUnwindSafe(|| drop(list()))).unwrap_err();
    let told = dropped.downcast_ref::<String>().unwrap();
    let begin = "of Containers/List at least 1 call was expected; 0 came.\nNo call came at all.";
    assert_eq!(told, begin);
    let holds = list();
    stage.containers().list(within(none())).await.unwrap();
    drop(holds);
}

#[test]
#[should_panic(expected = "there is no method \"Tasks/Craete\"")]
fn an_expectation_of_a_method_that_does_not_exist_is_refused() {
    let _ = Expectation::of("Tasks/Craete");
}
