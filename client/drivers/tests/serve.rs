//! The door: a driver behind JSON Lines answers as the protocol says, in any order, and is closed.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use driver_protocol::{
    Close, Connect, ContainerId, Driver, DriverFactory, DriverFault, ExitStatus, Hello, Notice,
    Ok as Done, Operation, Outcome, Pending, Request, Version,
};
use laconic_drivers::{ServeError, serve};
use serde_json::{Value, json};
use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader, DuplexStream, Lines, ReadHalf};
use tokio::task::JoinHandle;

/// Answers `version` at once and `wait` never.
struct Fake {
    hello: Hello,
    closed: Arc<AtomicBool>,
    told: AtomicBool,
}

impl Driver for Fake {
    fn hello(&self) -> &Hello {
        &self.hello
    }

    fn perform(&self, request: Request) -> Pending<'_, Result<Outcome, DriverFault>> {
        Box::pin(async move {
            match request.operation {
                Operation::Version {} => {
                    let (version, revision) = ("1".to_owned(), "r".to_owned());
                    Ok(Outcome::Ok(Done::Version(Version { version, revision })))
                }
                Operation::Wait(_) => std::future::pending().await,
                _ => Err(DriverFault::Gone { cause: "it was asked too much".to_owned() }),
            }
        })
    }

    fn next_notice(&self) -> Pending<'_, Option<Notice>> {
        Box::pin(async move {
            if self.told.swap(true, Ordering::SeqCst) {
                return std::future::pending().await;
            }
            Some(Notice::Exit {
                container: ContainerId::new("c0"),
                exec: None,
                status: ExitStatus::Unknown,
                at_ns: None,
            })
        })
    }

    fn close(&self, how: Close) -> Pending<'_, Result<(), DriverFault>> {
        Box::pin(async move {
            assert_eq!(how, Close::Graceful);
            self.closed.store(true, Ordering::SeqCst);
            Ok(())
        })
    }
}

struct FakeFactory {
    closed: Arc<AtomicBool>,
    reachable: bool,
}

impl DriverFactory for FakeFactory {
    fn name(&self) -> &str {
        "fake"
    }

    fn open(&self, _: Connect) -> Pending<'_, Result<Box<dyn Driver>, DriverFault>> {
        Box::pin(async move {
            if !self.reachable {
                return Err(DriverFault::Connect { cause: "nobody listens".to_owned() });
            }
            let (driver, version) = ("fake".to_owned(), "9".to_owned());
            let hello = Hello { driver, version, capabilities: [].into() };
            let (closed, told) = (self.closed.clone(), AtomicBool::new(false));
            Ok(Box::new(Fake { hello, closed, told }) as Box<dyn Driver>)
        })
    }
}

/// The harness's side of the pipe.
struct Harness {
    lines: Lines<BufReader<ReadHalf<DuplexStream>>>,
    write: tokio::io::WriteHalf<DuplexStream>,
    serving: JoinHandle<Result<(), ServeError>>,
    closed: Arc<AtomicBool>,
}

impl Harness {
    fn start(reachable: bool) -> Self {
        let closed = Arc::new(AtomicBool::new(false));
        let factory = FakeFactory { closed: closed.clone(), reachable };
        let (ours, theirs) = tokio::io::duplex(1 << 16);
        let serving = tokio::spawn(async move {
            let connect = Connect { socket: "/s".into(), namespace: "n".to_owned(), rootfs: None };
            let (input, output) = tokio::io::split(theirs);
            serve(&factory, connect, BufReader::new(input), output).await
        });
        let (read, write) = tokio::io::split(ours);
        Self { lines: BufReader::new(read).lines(), write, serving, closed }
    }

    async fn greeted() -> Self {
        let mut harness = Self::start(true);
        harness.say(&hello(1)).await;
        let said = harness.hear().await;
        assert_eq!(said["protocol"], 1);
        assert_eq!(said["hello"]["driver"], "fake");
        assert_eq!(harness.hear().await, json!({"ready": {}}));
        let exit = json!({"notice": {"exit": {"container": "c0", "status": "unknown"}}});
        assert_eq!(harness.hear().await, exit);
        harness
    }

    async fn say(&mut self, line: &Value) {
        self.write.write_all(format!("{line}\n").as_bytes()).await.unwrap();
    }

    async fn hear(&mut self) -> Value {
        let line = self.lines.next_line().await.unwrap().expect("the driver goes on");
        serde_json::from_str(&line).unwrap()
    }

    async fn ended(mut self) -> Result<(), ServeError> {
        // It may have hung up already.
        let _ = self.write.shutdown().await;
        self.serving.await.unwrap()
    }
}

fn hello(protocol: u32) -> Value {
    let limits = json!({"line_bytes_max": 1_048_576, "in_flight_max": 64});
    json!({"protocol": protocol, "hello": {"laconic": "0.1.0", "limits": limits}})
}

fn request(id: u64, operation: &Value) -> Value {
    json!({"id": id, "deadline_ms": 1000, "operation": operation})
}

#[tokio::test]
async fn requests_are_answered_by_id_while_others_stay_open() {
    let mut harness = Harness::greeted().await;
    harness.say(&request(1, &json!({"wait": {"container": "c0"}}))).await;
    harness.say(&request(2, &json!({"version": {}}))).await;
    let answer = harness.hear().await;
    let ok = json!({"ok": {"version": {"version": "1", "revision": "r"}}});
    assert_eq!(answer, json!({"id": 2, "outcome": ok}));
}

#[tokio::test]
async fn a_cancelled_request_is_answered_once_and_says_so() {
    let mut harness = Harness::greeted().await;
    harness.say(&request(1, &json!({"wait": {"container": "c0"}}))).await;
    harness.say(&json!({"cancel": 1})).await;
    // Nothing is open under this id any more, or ever was under that one.
    harness.say(&json!({"cancel": 1})).await;
    harness.say(&json!({"cancel": 99})).await;
    harness.say(&request(2, &json!({"version": {}}))).await;
    let cancelled = harness.hear().await;
    assert_eq!(cancelled["id"], 1);
    assert_eq!(cancelled["outcome"]["error"]["kind"], "cancelled");
    assert_eq!(harness.hear().await["id"], 2);
}

#[tokio::test]
async fn bye_and_the_end_of_input_both_close_the_driver() {
    for say_bye in [true, false] {
        let mut harness = Harness::greeted().await;
        let closed = harness.closed.clone();
        if say_bye {
            harness.say(&json!({"bye": {}})).await;
        }
        harness.ended().await.unwrap();
        assert!(closed.load(Ordering::SeqCst), "bye: {say_bye}");
    }
}

#[tokio::test]
async fn a_fault_of_the_driver_is_told_as_internal() {
    let mut harness = Harness::greeted().await;
    harness.say(&request(5, &json!({"pause": {"container": "c0"}}))).await;
    let answer = harness.hear().await;
    assert_eq!(answer["outcome"]["error"]["kind"], "internal");
    assert!(answer["outcome"]["error"]["message"].as_str().unwrap().contains("asked too much"));
}

#[tokio::test]
async fn another_version_of_the_protocol_is_refused() {
    let mut harness = Harness::start(true);
    harness.say(&hello(2)).await;
    let refused = harness.ended().await.unwrap_err().to_string();
    assert!(refused.starts_with("protocol error: expected the harness's hello"), "{refused}");
}

#[tokio::test]
async fn a_driver_that_cannot_connect_ends_the_serving_with_its_reason() {
    let mut harness = Harness::start(false);
    harness.say(&hello(1)).await;
    let refused = harness.ended().await.unwrap_err().to_string();
    assert_eq!(refused, "the driver could not connect: nobody listens");
}

#[tokio::test]
async fn garbage_and_endless_lines_are_protocol_errors_that_quote_them() {
    let mut harness = Harness::greeted().await;
    harness.say(&json!({"what": "is this"})).await;
    let refused = harness.ended().await.unwrap_err().to_string();
    assert!(refused.contains(r#"got {"what":"is this"}"#), "{refused}");

    let mut harness = Harness::greeted().await;
    let endless = vec![b'x'; (1 << 20) + 1];
    // It is cut off before its end: the rest of it has nowhere to go.
    let _ = harness.write.write_all(&endless).await;
    let refused = harness.ended().await.unwrap_err().to_string();
    assert!(refused.contains("expected a line of at most 1 MiB"), "{refused}");
}
