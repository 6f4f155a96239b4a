//! Terminals: one stream, ends of lines, echo, keys that are signals, and their size.

use std::time::Duration;

use containerd_client::services::v1 as api;
use mock_containerd::Profile;
use serde_json::json;
use tokio::io::{AsyncReadExt, AsyncWriteExt};

use crate::listener::{Listener, heard};
use crate::stage::{PATH, Stage, within};

/// A process at a terminal.
async fn seated(stage: &Stage, args: &[&str]) -> Listener {
    let listener = Listener::new();
    let process = json!({ "args": args, "env": [PATH], "terminal": true });
    listener.create(stage, "c1", process).await.unwrap();
    listener
}

/// As many bytes as `wanted` has, which must be those.
async fn expect(listener: &mut Listener, wanted: &str) {
    let mut read = vec![0; wanted.len()];
    let reading = listener.out.read_exact(&mut read);
    // A limit for a test that would otherwise hang: what is printed wrong may be too short.
    let read_all = tokio::time::timeout(Duration::from_secs(30), reading).await.is_ok();
    assert!(read_all, "not as many bytes as {wanted:?}");
    assert_eq!(String::from_utf8_lossy(&read), wanted);
}

#[tokio::test]
async fn all_goes_to_one_stream_with_both_ends_of_line() {
    let stage = Stage::open(Profile::V1_6).await;
    let args = ["sh", "-c", "echo out; echo err >&2; exit 3"];
    let heard = heard(&stage, "c1", json!({ "args": args, "env": [PATH], "terminal": true })).await;
    assert_eq!((heard.out.as_str(), heard.err.as_str()), ("out\r\nerr\r\n", ""));
    assert_eq!(heard.status, 3);
}

#[tokio::test]
async fn what_is_typed_is_echoed_and_read_by_the_line() {
    let stage = Stage::open(Profile::V1_6).await;
    let mut listener = seated(&stage, &["cat"]).await;
    let mut keyboard = listener.input();
    stage.start("c1", "").await.unwrap();
    keyboard.write_all(b"abc\r").await.unwrap();
    expect(&mut listener, "abc\r\nabc\r\n").await;
    keyboard.write_all(b"x\x7fy\n").await.unwrap();
    expect(&mut listener, "x\x08 \x08y\r\ny\r\n").await;
    keyboard.write_all(b"\x04").await.unwrap();
    assert_eq!(stage.wait("c1", "").await.unwrap().exit_status, 0);
}

#[tokio::test]
async fn ctrl_c_is_a_signal_to_the_process() {
    let stage = Stage::open(Profile::V1_6).await;
    let line = "trap 'echo got; exit 5' INT; echo ready; sleep inf & wait";
    let mut listener = seated(&stage, &["sh", "-c", line]).await;
    let mut keyboard = listener.input();
    stage.start("c1", "").await.unwrap();
    expect(&mut listener, "ready\r\n").await;
    keyboard.write_all(b"\x03").await.unwrap();
    expect(&mut listener, "^Cgot\r\n").await;
    assert_eq!(stage.wait("c1", "").await.unwrap().exit_status, 5);
}

#[tokio::test]
async fn a_terminal_has_the_size_of_its_spec_until_it_is_resized() {
    let stage = Stage::open(Profile::V1_6).await;
    let mut listener = Listener::new();
    let line = "stty size; trap 'stty size; exit' WINCH; sleep inf & wait";
    let size = json!({ "height": 24, "width": 80 });
    let process = json!({ "args": ["/bin/sh", "-c", line], "terminal": true, "consoleSize": size });
    listener.create(&stage, "c1", process).await.unwrap();
    stage.start("c1", "").await.unwrap();
    expect(&mut listener, "24 80\r\n").await;
    let (container_id, exec_id) = ("c1".to_owned(), String::new());
    let resize = api::ResizePtyRequest { container_id, exec_id, width: 91, height: 37 };
    // The shell prints before it traps: only what is asked until it answers is sure to be seen.
    let resized = async {
        loop {
            stage.tasks().resize_pty(within(resize.clone())).await.unwrap();
            tokio::task::yield_now().await;
        }
    };
    tokio::select! {
        () = resized => unreachable!("it has no end"),
        () = expect(&mut listener, "37 91\r\n") => {}
    }
    assert_eq!(stage.wait("c1", "").await.unwrap().exit_status, 0);
}

#[tokio::test]
async fn a_shell_at_a_terminal_reads_lines_and_prompts() {
    let stage = Stage::open(Profile::V1_6).await;
    let mut listener = seated(&stage, &["/bin/sh"]).await;
    let mut keyboard = listener.input();
    stage.start("c1", "").await.unwrap();
    expect(&mut listener, "/ # ").await;
    keyboard.write_all(b"echo hi\r").await.unwrap();
    expect(&mut listener, "echo hi\r\nhi\r\n/ # ").await;
    keyboard.write_all(b"exit 4\r").await.unwrap();
    expect(&mut listener, "exit 4\r\n").await;
    assert_eq!(stage.wait("c1", "").await.unwrap().exit_status, 4);
}

#[tokio::test]
async fn an_exec_has_a_terminal_if_its_request_says_so() {
    let stage = Stage::open(Profile::V1_6).await;
    stage.run("c1", &["sleep", "inf"]).await;
    let mut listener = Listener::new();
    let spec = json!({ "args": ["/bin/sh", "-c", "stty size; sleep inf"], "terminal": false });
    let exec = api::ExecProcessRequest {
        container_id: "c1".to_owned(),
        exec_id: "e1".to_owned(),
        stdin: listener.path("in"),
        stdout: listener.path("out"),
        terminal: true,
        spec: Some(crate::stage::json(&spec)),
        ..Default::default()
    };
    stage.tasks().exec(within(exec)).await.unwrap();
    let container_id = "c1".to_owned();
    // Before it is started it can be resized already, as ctr does.
    let resize =
        api::ResizePtyRequest { container_id, exec_id: "e1".to_owned(), width: 10, height: 5 };
    stage.tasks().resize_pty(within(resize)).await.unwrap();
    stage.start("c1", "e1").await.unwrap();
    expect(&mut listener, "5 10\r\n").await;
    // It is no process 1: it dies of what nobody handles.
    listener.input().write_all(b"\x03").await.unwrap();
    assert_eq!(stage.wait("c1", "e1").await.unwrap().exit_status, 130);
}
