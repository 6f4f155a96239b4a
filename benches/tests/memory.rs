//! A mock in memory is judged as one over a socket: the same outcomes, for the same calls.

use driver_protocol::{Close, Connect, DriverFactory, Hello, Pending};
use laconic_client::{Builder, Client, Error};
use laconic_drivers::{RetainedFactory, RetainedThrough};
use laconic_scenarios::budgets::own;
use laconic_scenarios::{
    Arm, KnownFailures, Modelled, Scenario, Selection, Stop, Target, catalogue, run_arm,
};
use laconic_targets::{TargetSpec, in_memory, start};
use mock_containerd::{MockContainerd, Profile};
use run_record::{DriverRef, Line, Rpcs, conserve};

async fn hello() -> Hello {
    let mock = MockContainerd::builder().start().await.unwrap();
    let socket = mock.socket().to_owned();
    let connect = Connect { socket, namespace: "hello".to_owned(), rootfs: None };
    let driver = RetainedFactory.open(connect).await.unwrap();
    driver.close(Close::Graceful).await.unwrap();
    driver.hello().clone()
}

/// Calls by case and step, once all has passed.
async fn calls(
    factory: &dyn DriverFactory,
    target: Box<dyn Target>,
    scenarios: &[Scenario],
) -> Vec<(String, u64, Rpcs)> {
    let hello = hello().await;
    let arm = Arm {
        run: 1,
        factory,
        driver: DriverRef::new(&hello, "in-process"),
        capabilities: hello.capabilities.clone(),
        target,
        budget: own("retained").unwrap(),
        faults: None,
        known: KnownFailures::default(),
        scenarios: scenarios.iter().collect(),
        modelled: Modelled::default(),
        crew: None,
        reference: None,
    };
    let mut lines = Vec::new();
    let end = run_arm(arm, &Stop::default(), &mut |line| lines.push(line)).await.unwrap();
    assert!(end.valid && end.tally.fail == 0 && end.tally.pass == scenarios.len() as u64);
    assert_eq!(conserve(&lines), vec![]);
    let step = |line| match line {
        Line::Step(step) => Some((step.case, step.step, step.rpcs)),
        _ => None,
    };
    lines.into_iter().filter_map(step).collect()
}

#[tokio::test]
async fn what_is_played_in_memory_passes_and_costs_what_it_costs_over_a_socket() {
    let run = ["run-to-exit-*", "exec-exits-*", "pause-*", "a-restarted-client-*"];
    let run = run.map(str::to_owned).to_vec();
    let scenarios = Selection { run, skip: Vec::new() }.of(catalogue());
    assert!(scenarios.len() > 8);
    let socket = start(&TargetSpec::Mock(Profile::V1_6)).await.unwrap();
    let over_a_socket = calls(&RetainedFactory, socket, &scenarios).await;
    let (target, mock) = in_memory(Profile::V1_6).await.unwrap();
    let through =
        RetainedThrough(move |_, builder: Builder| -> Pending<'static, Result<Client, Error>> {
            let mock = mock.clone();
            Box::pin(async move { builder.with_connector(mock).await })
        });
    assert_eq!(calls(&through, target, &scenarios).await, over_a_socket);
}
