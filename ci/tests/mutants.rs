//! Clients broken on purpose: one call too many must be seen, whenever it is made.

use std::time::Duration;

use containerd_client::services::v1::GetContainerRequest;
use containerd_client::services::v1::containers_client::ContainersClient;
use driver_protocol::{
    Close, Connect, ContainerId, Driver, DriverFactory, DriverFault, Hello, Notice, Operation,
    Outcome, Pending, Request,
};
use laconic_drivers::RetainedFactory;
use laconic_scenarios::budgets::own;
use laconic_scenarios::{Arm, KnownFailures, Selection, Stop, catalogue, run_arm};
use laconic_targets::{TargetSpec, start};
use mock_containerd::{MockContainerd, Profile};
use run_record::{CheckResult, DriverRef, Line, Verdict};
use tonic::transport::Channel;

/// When the call too many is made.
#[derive(Clone, Copy)]
enum Nag {
    Never,
    WithinExec,
    AfterExec,
}

/// The retained driver, asking for the container once more at every exec.
struct Nagging {
    nag: Nag,
}

struct NaggingDriver {
    inner: Box<dyn Driver>,
    channel: Channel,
    namespace: String,
    nag: Nag,
}

impl DriverFactory for Nagging {
    fn name(&self) -> &str {
        "retained"
    }

    fn open(&self, connect: Connect) -> Pending<'_, Result<Box<dyn Driver>, DriverFault>> {
        Box::pin(async move {
            let namespace = connect.namespace.clone();
            let channel = containerd_client::connect(&connect.socket).await.unwrap();
            let inner = RetainedFactory.open(connect).await?;
            let nag = self.nag;
            Ok(Box::new(NaggingDriver { inner, channel, namespace, nag }) as Box<dyn Driver>)
        })
    }
}

impl NaggingDriver {
    fn ask(&self, container: &ContainerId) -> impl Future<Output = ()> + Send + 'static {
        let mut client = ContainersClient::new(self.channel.clone());
        let message = GetContainerRequest { id: container.as_str().to_owned() };
        let mut request = tonic::Request::new(message);
        request.metadata_mut().insert("containerd-namespace", self.namespace.parse().unwrap());
        async move {
            client.get(request).await.unwrap();
        }
    }
}

impl Driver for NaggingDriver {
    fn hello(&self) -> &Hello {
        self.inner.hello()
    }

    fn perform(&self, request: Request) -> Pending<'_, Result<Outcome, DriverFault>> {
        Box::pin(async move {
            if let Operation::Exec(exec) = &request.operation {
                let call = self.ask(&exec.container);
                match self.nag {
                    Nag::Never => {}
                    Nag::WithinExec => call.await,
                    Nag::AfterExec => {
                        // Later is the point: when no step is open any more.
                        tokio::spawn(async move {
                            tokio::time::sleep(Duration::from_millis(10)).await;
                            call.await;
                        });
                    }
                }
            }
            self.inner.perform(request).await
        })
    }

    fn next_notice(&self) -> Pending<'_, Option<Notice>> {
        self.inner.next_notice()
    }

    fn close(&self, how: Close) -> Pending<'_, Result<(), DriverFault>> {
        self.inner.close(how)
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

/// Failed budget verdicts of an arm: operation (none: the case as a whole) and verdict.
async fn failures(nag: Nag, case: &str) -> Vec<(Option<String>, Verdict)> {
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
        budget: own("retained").unwrap(),
        known: KnownFailures::default(),
        scenarios: &scenarios,
    };
    let mut lines = Vec::new();
    let end = run_arm(arm, &Stop::default(), &mut |line| lines.push(line)).await.unwrap();
    assert!(end.valid, "{lines:?}");
    assert!(run_record::conserve(&lines).is_empty());
    let mut failed = Vec::new();
    for line in lines {
        let (operation, verdicts) = match line {
            Line::Step(step) => (Some(step.operation), step.verdicts),
            Line::CaseEnd(end) => {
                if matches!(nag, Nag::Never) {
                    assert_eq!(end.verdict, CheckResult::Pass);
                } else {
                    assert_eq!(end.verdict, CheckResult::Fail);
                }
                (None, end.verdicts)
            }
            _ => continue,
        };
        failed.extend(
            verdicts.into_iter().filter(Verdict::failed).map(|one| (operation.clone(), one)),
        );
    }
    failed
}

const CASE: &str = "exec-exits-with-0";

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_client_as_it_is_passes() {
    assert_eq!(failures(Nag::Never, CASE).await, vec![]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_call_too_many_within_exec_is_named_with_allowance_count_and_line() {
    let failed = failures(Nag::WithinExec, CASE).await;
    assert_eq!(failed.len(), 1, "{failed:?}");
    let (operation, verdict) = &failed[0];
    assert_eq!(operation.as_deref(), Some("exec"));
    assert_eq!(verdict.detail, "exec: Containers/Get allowed 0, saw 1 (+1)");
    assert!(verdict.at.as_deref().unwrap().starts_with("scenarios/budgets/floor.toml:"));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_same_call_made_later_is_seen_as_well() {
    let failed = failures(Nag::AfterExec, CASE).await;
    assert!(!failed.is_empty());
    for (_, verdict) in failed {
        assert!(verdict.detail.contains("Containers/Get allowed 0, saw 1"), "{verdict:?}");
    }
}
