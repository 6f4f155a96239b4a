//! The retained driver, broken on purpose: it asks for containers that it knows.

use std::sync::Mutex;

use containerd_client::services::v1::GetContainerRequest;
use containerd_client::services::v1::containers_client::ContainersClient;
use driver_protocol::{
    Close, Connect, ContainerId, Driver, DriverFactory, DriverFault, Hello, Notice, Operation,
    Outcome, Pending, Request,
};
use laconic_drivers::RetainedFactory;
use laconic_scenarios::budgets::Budget;
use laconic_scenarios::{Arm, KnownFailures, Modelled, Selection, Stop, catalogue, run_arm};
use laconic_targets::{TargetSpec, start};
use mock_containerd::{MockContainerd, Profile};
use run_record::{DriverRef, Line};
use tonic::transport::Channel;

/// When the call too many is made.
#[derive(Clone, Copy)]
pub(crate) enum Nag {
    Never,
    WithinExec,
    TwiceWithinExec,
    AfterExec,
    /// For each of several.
    OneByOne,
}

/// The retained driver, asking too much.
pub(crate) struct Nagging {
    pub(crate) nag: Nag,
}

struct NaggingDriver {
    inner: Box<dyn Driver>,
    /// Until it is closed.
    channel: Mutex<Option<Channel>>,
    namespace: String,
    nag: Nag,
    /// What it asks for at its end: no step is open any more.
    owed: Mutex<Vec<ContainerId>>,
}

impl DriverFactory for Nagging {
    fn name(&self) -> &str {
        "retained"
    }

    fn open(&self, connect: Connect) -> Pending<'_, Result<Box<dyn Driver>, DriverFault>> {
        Box::pin(async move {
            let namespace = connect.namespace.clone();
            let channel = containerd_client::connect(&connect.socket).await.unwrap();
            let channel = Mutex::new(Some(channel));
            let inner = RetainedFactory.open(connect).await?;
            let (nag, owed) = (self.nag, Mutex::default());
            Ok(Box::new(NaggingDriver { inner, channel, namespace, nag, owed }) as Box<dyn Driver>)
        })
    }
}

impl NaggingDriver {
    /// The containers that it asks for at an operation.
    fn asks_for(&self, operation: &Operation) -> Vec<ContainerId> {
        match (self.nag, operation) {
            (Nag::WithinExec | Nag::AfterExec, Operation::Exec(exec)) => {
                vec![exec.container.clone()]
            }
            (Nag::TwiceWithinExec, Operation::Exec(exec)) => vec![exec.container.clone(); 2],
            (Nag::OneByOne, Operation::StatsAll(many)) => many.containers.clone(),
            _ => Vec::new(),
        }
    }

    async fn ask(&self, containers: Vec<ContainerId>) {
        let channel = self.channel.lock().unwrap().clone();
        let mut client = ContainersClient::new(channel.expect("nothing is asked of a closed one"));
        for container in containers {
            let message = GetContainerRequest { id: container.as_str().to_owned() };
            let mut request = tonic::Request::new(message);
            request.metadata_mut().insert("containerd-namespace", self.namespace.parse().unwrap());
            // At the end there may be none any more.
            let _ = client.get(request).await;
        }
    }
}

impl Driver for NaggingDriver {
    fn hello(&self) -> &Hello {
        self.inner.hello()
    }

    fn perform(&self, request: Request) -> Pending<'_, Result<Outcome, DriverFault>> {
        Box::pin(async move {
            let asked = self.asks_for(&request.operation);
            match self.nag {
                Nag::AfterExec => self.owed.lock().unwrap().extend(asked),
                _ => self.ask(asked).await,
            }
            self.inner.perform(request).await
        })
    }

    fn next_notice(&self) -> Pending<'_, Option<Notice>> {
        self.inner.next_notice()
    }

    fn close(&self, how: Close) -> Pending<'_, Result<(), DriverFault>> {
        Box::pin(async move {
            let owed = std::mem::take(&mut *self.owed.lock().unwrap());
            self.ask(owed).await;
            self.channel.lock().unwrap().take();
            self.inner.close(how).await
        })
    }
}

/// As the command does it: on a mock of its own.
async fn introduced(factory: &Nagging) -> Hello {
    let mock = MockContainerd::builder().start().await.unwrap();
    let socket = mock.socket().to_owned();
    let connect = Connect { socket, namespace: "hello".to_owned(), rootfs: None };
    let driver = factory.open(connect).await.unwrap();
    driver.hello().clone()
}

/// Runs one case on the mock; the lines of its record.
pub(crate) async fn run(nag: Nag, case: &str, budget: Budget) -> Vec<Line> {
    let factory = Nagging { nag };
    let selection = Selection { run: vec![case.to_owned()], skip: Vec::new() };
    let scenarios = selection.of(catalogue());
    assert_eq!(scenarios.len(), 1);
    let hello = introduced(&factory).await;
    let arm = Arm {
        run: 1,
        factory: &factory,
        driver: DriverRef::new(&hello, "in-process"),
        capabilities: hello.capabilities.clone(),
        target: start(&TargetSpec::Mock(Profile::V1_6)).await.unwrap(),
        budget,
        faults: None,
        known: KnownFailures::default(),
        scenarios: scenarios.iter().collect(),
        modelled: Modelled::default(),
        crew: None,
        reference: None,
    };
    let mut lines = Vec::new();
    let end = run_arm(arm, &Stop::default(), &mut |line| lines.push(line)).await.unwrap();
    assert!(end.valid, "{lines:?}");
    assert!(run_record::conserve(&lines).is_empty());
    lines
}
