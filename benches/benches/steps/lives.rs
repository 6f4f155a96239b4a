//! Lives of a container in which nobody waits for anything but answers: 20 steps, after most of which the
//! observer looks.

use std::path::PathBuf;
use std::time::Duration;

use driver_protocol::{
    Close, Connect, DriverFactory, Hello,
    Lifecycle::{Created, Paused, Running, Stopped},
    Operation, Pending,
};
use laconic_client::{Builder, Client, Error};
use laconic_drivers::{RetainedFactory, RetainedThrough};
use laconic_scenarios::budgets::own;
use laconic_scenarios::{Arm, KnownFailures, Modelled, Scenario, Stop, Target, run_arm};
use laconic_targets::{TargetSpec, start};
use mock_containerd::{InMemory, MockContainerd, Profile};
use run_record::{DriverRef, Line, StepLine};
use serde_json::{Value, json};

fn on(operation: &str, more: Value) -> Operation {
    let mut arguments = json!({ "container": "c0" });
    for (name, value) in more.as_object().into_iter().flatten() {
        arguments[name] = value.clone();
    }
    serde_json::from_value(json!({ operation: arguments })).expect("it is one of the protocol's")
}

fn plain(operation: &str) -> Operation {
    on(operation, json!({}))
}

/// One life.
fn life() -> Scenario {
    let exec = |operation: &str, more: Value| {
        let mut more = more;
        more["exec"] = "e0".into();
        on(operation, more)
    };
    let sleep = || json!(["sleep", "600"]);
    Scenario::new("a-life")
        .then(on("create", json!({ "args": sleep(), "terminal": false })))
        .leaves_no_task("c0")
        .then(on("create-task", json!({ "stdin": false })))
        .leaves("c0", Created)
        .then(plain("start-task"))
        .leaves("c0", Running)
        .then(plain("status"))
        .leaves("c0", Running)
        .then(plain("pause"))
        .leaves("c0", Paused)
        .then(plain("resume"))
        .leaves("c0", Running)
        .then(on("update", json!({ "memory_limit_bytes": 268_435_456 })))
        .leaves("c0", Running)
        .then(plain("pids"))
        .leaves("c0", Running)
        .then(plain("stats"))
        .leaves("c0", Running)
        .then(exec("exec", json!({ "args": sleep(), "stdin": false, "terminal": false })))
        .leaves("c0", Running)
        .then(exec("exec-resize", json!({ "width": 120, "height": 40 })))
        .leaves("c0", Running)
        .then(exec("exec-kill", json!({ "signal": 9 })))
        .leaves("c0", Running)
        .then(exec("exec-wait", json!({})))
        .leaves("c0", Running)
        .then(exec("delete-exec", json!({})))
        .leaves("c0", Running)
        .then(on("kill", json!({ "signal": 15 })))
        .leaves("c0", Running)
        .then(on("kill", json!({ "signal": 9 })))
        .then(plain("wait"))
        .leaves("c0", Stopped)
        .then(plain("exit-status"))
        .leaves("c0", Stopped)
        .then(plain("delete-task"))
        .leaves_no_task("c0")
        .then(plain("delete"))
}

/// Of a life.
pub(crate) fn steps() -> usize {
    life().steps.len()
}

/// What lives took, but for their last steps: where a step ends is where the next begins.
#[derive(Debug, Default)]
pub(crate) struct Lives {
    taken: Duration,
    steps: u32,
    rpcs: u64,
}

impl Lives {
    pub(crate) fn step(&self) -> Duration {
        self.taken / self.steps
    }

    /// The player's and the observer's.
    pub(crate) fn rpcs_per_step(&self) -> f64 {
        self.rpcs as f64 / f64::from(self.steps)
    }

    fn add(&mut self, life: &Scenario, lines: &[StepLine]) {
        for (pair, step) in lines.windows(2).zip(&life.steps) {
            self.taken += Duration::from_micros(pair[1].started_us - pair[0].started_us);
            self.steps += 1;
            self.rpcs += pair[0].rpcs_total() + u64::from(step.leaves.is_some());
        }
    }
}

/// An arm of the retained driver that is judged by its budget.
pub(crate) fn arm<'a>(
    factory: &'a dyn DriverFactory,
    hello: &Hello,
    target: Box<dyn Target>,
    scenarios: &'a [Scenario],
    modelled: Modelled<'a>,
) -> Arm<'a> {
    Arm {
        run: 1,
        factory,
        driver: DriverRef::new(hello, "in-process"),
        capabilities: hello.capabilities.clone(),
        target,
        budget: own("retained").expect("it has one"),
        faults: None,
        known: KnownFailures::default(),
        scenarios: scenarios.iter().collect(),
        modelled,
        crew: None,
        reference: None,
    }
}

/// What the retained driver says of itself.
pub(crate) async fn hello() -> Hello {
    let mock = MockContainerd::builder().start().await.expect("a socket");
    let socket = mock.socket().to_owned();
    let connect = Connect { socket, namespace: "hello".to_owned(), rootfs: None };
    let driver = RetainedFactory.open(connect).await.expect("it listens");
    let hello = driver.hello().clone();
    driver.close(Close::Graceful).await.expect("it ends");
    hello
}

async fn play(
    factory: &dyn DriverFactory,
    hello: &Hello,
    target: Box<dyn Target>,
    lives: usize,
) -> Lives {
    let life = life();
    let scenarios = vec![life.clone(); lives];
    let arm = arm(factory, hello, target, &scenarios, Modelled::default());
    let (mut sum, mut open) = (Lives::default(), Vec::new());
    let mut tell = |line| match line {
        Line::Step(step) => open.push(*step),
        Line::CaseEnd(_) => sum.add(&life, &std::mem::take(&mut open)),
        _ => {}
    };
    let end = run_arm(arm, &Stop::default(), &mut tell).await.expect("nothing goes wrong");
    assert_eq!((end.tally.pass, end.valid), (lives as u64, true), "what is timed is right");
    sum
}

pub(crate) async fn over_the_socket(hello: &Hello, lives: usize) -> Lives {
    let target = start(&TargetSpec::Mock(Profile::V1_6)).await.expect("a socket");
    play(&RetainedFactory, hello, target, lives).await
}

/// Connects clients to a mock in memory.
pub(crate) fn through(
    mock: InMemory,
) -> RetainedThrough<
    impl Fn(PathBuf, Builder) -> Pending<'static, Result<Client, Error>> + Send + Sync,
> {
    RetainedThrough(move |_, builder: Builder| -> Pending<'static, Result<Client, Error>> {
        let mock = mock.clone();
        Box::pin(async move { builder.with_connector(mock).await })
    })
}

pub(crate) async fn in_memory(hello: &Hello, lives: usize) -> Lives {
    let (target, mock) = laconic_targets::in_memory(Profile::V1_6).await.expect("nothing can fail");
    play(&through(mock), hello, target, lives).await
}
