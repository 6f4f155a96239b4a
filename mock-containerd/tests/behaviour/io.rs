//! Standard streams over FIFOs, opened, fed and closed as a shim does it.

use std::time::Duration;

use containerd_client::services::v1 as api;
use mock_containerd::Profile;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::unix::pipe;
use tonic::{Code, Status};

use crate::listener::fifo;
use crate::stage::{Stage, within};

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
