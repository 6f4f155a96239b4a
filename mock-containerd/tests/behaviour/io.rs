//! Standard streams over FIFOs, opened, fed and closed as a shim does it.

use std::os::unix::fs::PermissionsExt;
use std::time::Duration;

use containerd_client::services::v1 as api;
use mock_containerd::Profile;
use serde_json::json;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::unix::pipe;
use tonic::{Code, Status};

use crate::listener::{Listener, fifo};
use crate::stage::{Stage, process_spec, within};

async fn create_task(stage: &Stage, streams: [&str; 3]) -> Result<(), Status> {
    let [stdin, stdout, stderr] = streams.map(str::to_owned);
    let container_id = "c1".to_owned();
    let request =
        api::CreateTaskRequest { container_id, stdin, stdout, stderr, ..Default::default() };
    stage.tasks().create(within(request)).await.map(drop)
}

#[tokio::test]
async fn output_reaches_its_reader_and_ends_with_the_process() {
    let folder = tempfile::tempdir().unwrap();
    let (stdout, stderr) = (fifo(folder.path(), "out"), fifo(folder.path(), "err"));
    let stage = Stage::open(Profile::V1_6).await;
    stage.create_container("c1", &["echo", "hello", "there"]).await.unwrap();
    let mut out = pipe::OpenOptions::new().open_receiver(&stdout).unwrap();
    let mut err = pipe::OpenOptions::new().open_receiver(&stderr).unwrap();
    create_task(&stage, ["", &stdout, &stderr]).await.unwrap();
    stage.start("c1", "").await.unwrap();
    let mut text = String::new();
    out.read_to_string(&mut text).await.unwrap();
    assert_eq!(text, "hello there\n");
    text.clear();
    err.read_to_string(&mut text).await.unwrap();
    assert_eq!(text, "");
}

#[tokio::test]
async fn create_waits_until_each_output_has_a_reader() {
    let folder = tempfile::tempdir().unwrap();
    let (stdout, stderr) = (fifo(folder.path(), "out"), fifo(folder.path(), "err"));
    let stage = Stage::open(Profile::V1_6).await;
    stage.create_container("c1", &["true"]).await.unwrap();
    let creating = create_task(&stage, ["", &stdout, &stderr]);
    tokio::pin!(creating);
    let early = tokio::time::timeout(Duration::from_millis(30), &mut creating).await;
    assert!(early.is_err(), "created without a reader");
    let _out = pipe::OpenOptions::new().open_receiver(&stdout).unwrap();
    let _err = pipe::OpenOptions::new().open_receiver(&stderr).unwrap();
    creating.await.unwrap();
}

#[tokio::test]
async fn stdin_ends_only_when_it_is_closed_by_the_api_and_by_the_client() {
    let folder = tempfile::tempdir().unwrap();
    let stdin = fifo(folder.path(), "in");
    let (stdout, stderr) = (fifo(folder.path(), "out"), fifo(folder.path(), "err"));
    let stage = Stage::open(Profile::V1_6).await;
    stage.create_container("c1", &["cat"]).await.unwrap();
    let mut out = pipe::OpenOptions::new().open_receiver(&stdout).unwrap();
    let _err = pipe::OpenOptions::new().open_receiver(&stderr).unwrap();
    create_task(&stage, [&stdin, &stdout, &stderr]).await.unwrap();
    let mut input = pipe::OpenOptions::new().open_sender(&stdin).unwrap();
    stage.start("c1", "").await.unwrap();
    input.write_all(b"through").await.unwrap();
    let mut seven = [0; 7];
    out.read_exact(&mut seven).await.unwrap();
    assert_eq!(&seven, b"through");

    // The shim holds a writer of its own: the client's end alone is not the end.
    drop(input);
    let early = tokio::time::timeout(Duration::from_millis(30), stage.wait("c1", "")).await;
    assert!(early.is_err(), "ended without CloseIO");
    let container_id = "c1".to_owned();
    let close = api::CloseIoRequest { container_id, exec_id: String::new(), stdin: true };
    stage.tasks().close_io(within(close)).await.unwrap();
    assert_eq!(stage.wait("c1", "").await.unwrap().exit_status, 0);
}

#[tokio::test]
async fn one_output_without_the_other_and_an_absent_path_are_refused() {
    let folder = tempfile::tempdir().unwrap();
    let stdout = fifo(folder.path(), "out");
    let stage = Stage::open(Profile::V1_6).await;
    stage.create_container("c1", &["true"]).await.unwrap();
    let _out = pipe::OpenOptions::new().open_receiver(&stdout).unwrap();
    let absent = folder.path().join("absent");
    for stderr in ["", absent.to_str().unwrap()] {
        let refused = create_task(&stage, ["", &stdout, stderr]).await.unwrap_err();
        assert_eq!(refused.code(), Code::Unknown);
        let wanted = format!("opening file {stderr:?} failed: open {stderr}: no such file");
        assert!(refused.message().contains(&wanted), "{refused}");
        assert_eq!(stage.get("c1", "").await.unwrap_err().code(), Code::NotFound);
    }
}

/// dockerd waits for the end of its streams before it deletes a task that could not be started.
#[tokio::test]
async fn output_ends_with_a_process_that_was_killed_before_its_start() {
    let folder = tempfile::tempdir().unwrap();
    let (stdout, stderr) = (fifo(folder.path(), "out"), fifo(folder.path(), "err"));
    let stage = Stage::open(Profile::V2_1).await;
    stage.create_container("c1", &["sleep", "inf"]).await.unwrap();
    let mut out = pipe::OpenOptions::new().open_receiver(&stdout).unwrap();
    let _err = pipe::OpenOptions::new().open_receiver(&stderr).unwrap();
    create_task(&stage, ["", &stdout, &stderr]).await.unwrap();
    // Signal 0 only asks.
    stage.kill("c1", "", 0).await.unwrap();
    let early = tokio::time::timeout(Duration::from_millis(30), out.read_u8()).await;
    assert!(early.is_err(), "its output ended while it lived");
    stage.kill("c1", "", 9).await.unwrap();
    let mut text = String::new();
    out.read_to_string(&mut text).await.unwrap();
    assert_eq!(text, "");
}

/// A pipe and a FIFO of Linux hold 64 KiB each, and the one who copies between them a little.
const HELD_BYTES_MAX: usize = 3 * 64 * 1024;

#[tokio::test]
async fn a_full_pipe_blocks_the_process_until_it_is_drained() {
    let stage = Stage::open(Profile::V1_6).await;
    let listener = Listener::new();
    let much = "x".repeat(HELD_BYTES_MAX + 1);
    let args = ["/bin/sh", "-c", &format!("echo {much}; exit 6")];
    listener.create(&stage, "c1", json!({ "args": args })).await.unwrap();
    stage.start("c1", "").await.unwrap();
    let early = tokio::time::timeout(Duration::from_millis(50), stage.wait("c1", "")).await;
    assert!(early.is_err(), "it ended with its output unread");
    let heard = listener.hear(&stage, "c1").await;
    assert_eq!((heard.out.len(), heard.status), (much.len() + 1, 6));
}

#[tokio::test]
async fn what_a_process_left_in_the_pipe_can_be_read_after_its_end() {
    let stage = Stage::open(Profile::V1_6).await;
    let mut listener = Listener::new();
    let left = "x".repeat(100_000);
    let args = ["/bin/sh", "-c", &format!("printf {left}; exit 6")];
    listener.create(&stage, "c1", json!({ "args": args })).await.unwrap();
    stage.start("c1", "").await.unwrap();
    assert_eq!(stage.wait("c1", "").await.unwrap().exit_status, 6);
    let container_id = "c1".to_owned();
    let mut tasks = stage.tasks();
    let delete = tasks.delete(within(api::DeleteTaskRequest { container_id }));
    let mut read = String::new();
    let (deleted, _) = tokio::join!(delete, listener.out.read_to_string(&mut read));
    assert_eq!(deleted.unwrap().into_inner().exit_status, 6);
    assert_eq!(read.len(), left.len());
}

#[tokio::test(start_paused = true)]
async fn delete_gives_up_on_a_reader_after_ten_seconds() {
    let stage = Stage::open(Profile::V1_6).await;
    let listener = Listener::new();
    let args = ["/bin/sh", "-c", &format!("printf {}", "x".repeat(100_000))];
    listener.create(&stage, "c1", json!({ "args": args })).await.unwrap();
    stage.start("c1", "").await.unwrap();
    stage.wait("c1", "").await.unwrap();
    let began = tokio::time::Instant::now();
    let container_id = "c1".to_owned();
    stage.tasks().delete(within(api::DeleteTaskRequest { container_id })).await.unwrap();
    assert_eq!(began.elapsed().as_secs(), 10);
}

#[tokio::test]
async fn a_file_is_made_and_both_outputs_are_appended_to_it() {
    let folder = tempfile::tempdir().unwrap();
    let log = folder.path().join("deep/er/log");
    let stage = Stage::open(Profile::V1_6).await;
    let uri = format!("file://{}", log.display());
    for id in ["c1", "c2"] {
        let args = ["sh", "-c", "echo out; sleep 0.01; echo err >&2"];
        stage.create_container(id, &args).await.unwrap();
        let (container_id, stdout) = (id.to_owned(), uri.clone());
        let request = api::CreateTaskRequest { container_id, stdout, ..Default::default() };
        stage.tasks().create(within(request)).await.unwrap();
        stage.start(id, "").await.unwrap();
        stage.wait(id, "").await.unwrap();
        let container_id = id.to_owned();
        stage.tasks().delete(within(api::DeleteTaskRequest { container_id })).await.unwrap();
    }
    let text = std::fs::read_to_string(&log).unwrap();
    let mut lines: Vec<&str> = text.lines().collect();
    lines.sort_unstable();
    assert_eq!(lines, ["err", "err", "out", "out"]);
    assert_eq!(std::fs::metadata(&log).unwrap().permissions().mode() & 0o777, 0o644);
}

#[tokio::test]
async fn a_regular_file_is_appended_to_and_not_made() {
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name).to_str().unwrap().to_owned();
    let (out, err) = (path("out"), path("err"));
    for file in [&out, &err] {
        std::fs::write(file, "before\n").unwrap();
    }
    let stage = Stage::open(Profile::V1_6).await;
    stage.create_container("c1", &["echo", "after"]).await.unwrap();
    create_task(&stage, ["", &out, &err]).await.unwrap();
    stage.start("c1", "").await.unwrap();
    stage.wait("c1", "").await.unwrap();
    let container_id = "c1".to_owned();
    stage.tasks().delete(within(api::DeleteTaskRequest { container_id })).await.unwrap();
    assert_eq!(std::fs::read_to_string(&out).unwrap(), "before\nafter\n");
    assert_eq!(std::fs::read_to_string(&err).unwrap(), "before\n");
}

#[tokio::test]
async fn an_unknown_scheme_and_an_absent_stdin_are_refused_in_its_own_words() {
    let stage = Stage::open(Profile::V2_1).await;
    stage.create_container("c1", &["true"]).await.unwrap();
    let refused = create_task(&stage, ["", "foo://x", ""]).await.unwrap_err();
    assert_eq!(
        refused.message(),
        "failed to create shim task: failed to create init process I/O: unknown STDIO scheme foo"
    );
    let refused = create_task(&stage, ["/no/such", "/no/out", "/no/err"]).await.unwrap_err();
    assert!(refused.message().contains("failed to open stdin fifo /no/such"), "{refused}");
    assert_eq!(stage.get("c1", "").await.unwrap_err().code(), Code::NotFound);
}

#[tokio::test]
async fn an_execs_streams_are_opened_when_it_starts() {
    let stage = Stage::open(Profile::V1_6).await;
    stage.run("c1", &["sleep", "inf"]).await;
    let exec = |exec: &str, stdout: &str| api::ExecProcessRequest {
        container_id: "c1".to_owned(),
        exec_id: exec.to_owned(),
        stdout: stdout.to_owned(),
        spec: Some(process_spec(&["true"])),
        ..Default::default()
    };
    stage.tasks().exec(within(exec("e1", "foo://x"))).await.unwrap();
    let refused = stage.start("c1", "e1").await.unwrap_err();
    let wanted = "failed to create init process I/O: unknown STDIO scheme foo: unknown";
    assert_eq!((refused.code(), refused.message()), (Code::Unknown, wanted));
    stage.tasks().exec(within(exec("e2", "/no/such"))).await.unwrap();
    let refused = stage.start("c1", "e2").await.unwrap_err();
    assert!(refused.message().starts_with("failed to start io pipe copy: "), "{refused}");
}
