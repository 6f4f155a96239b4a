//! Programs that break the driver protocol, one way each: what was expected and what came is told,
//! and nothing that they started is left.

use std::path::{Path, PathBuf};
use std::time::Duration;

use driver_protocol::{
    Close, Connect, ContainerId, Driver, DriverFactory, DriverFault, Ok as Done, Operation,
    Outcome, Request, RequestId, Target,
};
use laconic_scenarios::external::{External, Patience};

const HELLO: &str =
    r#"echo '{"protocol":1,"hello":{"driver":"d","version":"1","capabilities":["cancel"]}}'"#;
const READY: &str = r#"echo '{"ready":{}}'"#;

fn external(script: &str) -> External {
    External::new(["sh", "-c", script].map(str::to_owned).to_vec())
}

/// For what is to be waited for in vain. Whatever is to come has the usual patience.
const SHORT: Patience =
    Patience { start: Duration::from_millis(800), bye: Duration::from_millis(400) };
const DEADLINE_MS: u64 = 20_000;

fn connect() -> Connect {
    Connect { socket: "/no.sock".into(), namespace: "ns".to_owned(), rootfs: None }
}

async fn open(script: &str) -> Result<Box<dyn Driver>, DriverFault> {
    external(script).open(connect()).await
}

/// Why a driver that does this does not come to be ready.
async fn refused(script: &str) -> String {
    open(script).await.err().expect("it cannot be ready").to_string()
}

/// Why nobody waits for it any longer.
async fn silent(script: &str) -> String {
    let opened = external(script).patience(SHORT).open(connect()).await;
    opened.err().expect("it says nothing").to_string()
}

/// A driver that greets, and then does what the script says.
async fn greeted(script: &str) -> Box<dyn Driver> {
    open(&format!("read hello\n{HELLO}\n{READY}\n{script}")).await.unwrap()
}

fn pause(id: u64, deadline_ms: u64) -> Request {
    let operation = Operation::Pause(Target { container: ContainerId::new("c0") });
    Request { id: RequestId(id), deadline_ms, traceparent: None, operation }
}

async fn fault_of_a_request(script: &str) -> String {
    let driver = greeted(script).await;
    driver.perform(pause(1, DEADLINE_MS)).await.unwrap_err().to_string()
}

fn ok(id: u64) -> String {
    format!(r#"echo '{{"id":{id},"outcome":{{"ok":{{"pause":{{}}}}}}}}'"#)
}

fn alive(pid: &str) -> bool {
    let stat = PathBuf::from("/proc").join(pid.trim()).join("stat");
    // A zombie has ended; whoever adopted it may reap it in its own time.
    std::fs::read_to_string(stat).is_ok_and(|stat| !stat.contains(") Z "))
}

fn pid(file: &Path) -> String {
    std::fs::read_to_string(file).unwrap()
}

async fn ends(pid: &str) -> bool {
    let waiting = async {
        while alive(pid) {
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(Duration::from_secs(5), waiting).await.is_ok()
}

#[tokio::test]
async fn a_driver_that_keeps_to_the_protocol_is_asked_answered_and_closed() {
    let driver = greeted(&format!("read request\n{}\nread bye", ok(1))).await;
    assert_eq!(driver.hello().driver, "d");
    let outcome = driver.perform(pause(1, DEADLINE_MS)).await.unwrap();
    assert_eq!(outcome, Outcome::Ok(Done::Pause {}));
    driver.close(Close::Graceful).await.unwrap();
}

#[tokio::test]
async fn it_is_told_where_to_connect() {
    let script = r#"
        test "$CONTAINERD_ADDRESS $CONTAINERD_NAMESPACE" = "/no.sock ns" || exit 9
        read bye"#;
    greeted(script).await.close(Close::Graceful).await.unwrap();
}

#[tokio::test]
async fn garbage_is_quoted() {
    let fault = fault_of_a_request("read request; echo 'Segmentation fault?'; read more").await;
    let begin = "the driver broke the protocol: expected a line of the protocol, got \
                 \"Segmentation fault?\" (";
    assert!(fault.starts_with(begin), "{fault}");
    let fault = refused("echo hello; read hello").await;
    assert!(fault.contains("got \"hello\" ("), "{fault}");
}

#[tokio::test]
async fn an_endless_line_is_cut_off() {
    let fault = fault_of_a_request("read request; head -c 2000000 /dev/zero | tr '\\0' x").await;
    let says = "expected a line of at most 1048576 bytes, got a longer one, which begins \"xxx";
    assert!(fault.contains(says), "{fault}");
    assert!(fault.len() < 500, "{}", fault.len());
}

#[tokio::test]
async fn silence_is_told_with_what_should_have_come_and_the_last_words() {
    let fault = silent("echo 'cannot import grpc' >&2; read hello; sleep 60").await;
    let says = "expected its hello within 800ms, got nothing\n  stderr: cannot import grpc";
    assert!(fault.ends_with(says), "{fault}");
    let fault = silent(&format!("read hello; {HELLO}; sleep 60")).await;
    assert!(fault.contains("expected ready within 800ms, got nothing"), "{fault}");
}

#[tokio::test]
async fn another_protocol_is_refused() {
    let other = HELLO.replace("\"protocol\":1", "\"protocol\":2");
    let fault = refused(&format!("read hello; {other}; read more")).await;
    assert!(fault.contains("expected protocol 1, got protocol 2"), "{fault}");
}

#[tokio::test]
async fn unknown_and_repeated_ids_are_faults() {
    let fault = fault_of_a_request(&format!("read request; {}; read more", ok(7))).await;
    assert!(fault.contains("expected the outcome of an open request (1)"), "{fault}");
    assert!(fault.contains("got an outcome for 7, which was not asked"), "{fault}");

    let driver = greeted(&format!("read request; {}; {}; read more", ok(1), ok(1))).await;
    driver.perform(pause(1, DEADLINE_MS)).await.unwrap();
    let fault = driver.perform(pause(2, DEADLINE_MS)).await.unwrap_err().to_string();
    assert!(fault.contains("got a second outcome for the request 1"), "{fault}");
}

#[tokio::test]
async fn an_answer_after_its_deadline_is_too_late() {
    let driver = greeted("read request; sleep 60").await;
    let fault = driver.perform(pause(1, 50)).await.unwrap_err().to_string();
    let says = "expected the outcome of pause (id 1) within 50 ms, got nothing";
    assert!(fault.contains(says), "{fault}");
}

#[tokio::test]
async fn a_request_that_nobody_waits_for_is_cancelled_and_may_be_answered() {
    let cancelled = r#"{"id":1,"outcome":{"error":{"kind":"cancelled","message":"as asked"}}}"#;
    let script = format!(
        r#"read request; read cancel
        test "$cancel" = '{{"cancel":1}}' || exit 9
        echo '{cancelled}'
        read request; {}; read bye"#,
        ok(2)
    );
    let driver = greeted(&script).await;
    let given_up =
        tokio::time::timeout(Duration::from_millis(50), driver.perform(pause(1, DEADLINE_MS)));
    assert!(given_up.await.is_err());
    driver.perform(pause(2, DEADLINE_MS)).await.unwrap();
    driver.close(Close::Graceful).await.unwrap();
}

#[tokio::test]
async fn a_driver_that_dies_is_told_with_its_status_and_last_words() {
    let fault = fault_of_a_request("read request; echo 'panic: nil' >&2; exit 2").await;
    assert_eq!(fault, "the driver ended: exit status: 2\n  stderr: panic: nil");
    assert_eq!(refused("exit 3").await, "the driver ended: exit status: 3");
    let nowhere = External::new(vec!["/no/such/program".to_owned()]);
    let fault = nowhere.open(connect()).await.err().unwrap().to_string();
    assert!(fault.contains("cannot start /no/such/program: No such file"), "{fault}");
}

#[tokio::test]
async fn a_driver_that_does_not_heed_bye_is_ended() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("pid");
    let script = format!(
        "read hello; {HELLO}; trap '' TERM INT HUP; echo $$ > {}; {READY}\n\
         while :; do sleep 60; done",
        file.display()
    );
    let impatient = Patience { bye: SHORT.bye, ..Patience::default() };
    let driver = external(&script).patience(impatient).open(connect()).await.unwrap();
    let fault = driver.close(Close::Graceful).await.unwrap_err().to_string();
    let says = "expected the end of output and exit status 0 within 400ms of bye, got a program \
                that goes on";
    assert!(fault.contains(says), "{fault}");
    assert!(ends(&pid(&file)).await);
}

#[tokio::test]
async fn a_wrong_exit_status_after_bye_is_a_fault() {
    let fault = greeted("read bye; exit 4").await.close(Close::Graceful).await.unwrap_err();
    assert!(fault.to_string().contains("got exit status: 4"), "{fault}");
}

#[tokio::test]
async fn what_a_driver_forked_ends_with_it_on_every_way_out() {
    for way in ["bye", "crash", "drop"] {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("pid");
        // Written before `ready`, so that it is there to be read.
        let fork = format!("sleep 600 </dev/null >/dev/null 2>&1 & echo $! > {}", file.display());
        let script = format!("read hello; {HELLO}; {fork}\n{READY}; read bye");
        let driver = open(&script).await.unwrap();
        let forked = pid(&file);
        assert!(alive(&forked));
        match way {
            "bye" => driver.close(Close::Graceful).await.unwrap(),
            "crash" => driver.close(Close::Crash).await.unwrap(),
            _ => drop(driver),
        }
        assert!(ends(&forked).await, "{way}");
    }
}
