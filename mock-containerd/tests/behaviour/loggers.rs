//! `binary://`: a program of the client's that reads what a process writes.

use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use containerd_client::services::v1 as api;
use mock_containerd::{MockContainerd, Profile};
use tonic::{Code, Status};

use crate::stage::{Stage, process_spec, within};

/// Writes down how it was called, says that it is ready, and then what it reads.
const LOGGER: &str = r#"#!/bin/sh
exec >"$2"
echo "$1 $CONTAINER_NAMESPACE $CONTAINER_ID $(env | grep -c CONTAINER_)"
exec 5>&-
sed 's/^/out: /' <&3 >"$2.out" &
sed 's/^/err: /' <&4 >"$2.err"
wait
cat "$2.out" "$2.err"
"#;

fn program(folder: &Path, text: &str) -> String {
    let path = folder.join("logger");
    std::fs::write(&path, text).unwrap();
    std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o755)).unwrap();
    path.to_str().unwrap().to_owned()
}

async fn create(stage: &Stage, stdout: String) -> Result<(), Status> {
    let container_id = "c1".to_owned();
    let request = api::CreateTaskRequest { container_id, stdout, ..Default::default() };
    stage.tasks().create(within(request)).await.map(drop)
}

#[tokio::test]
async fn a_logger_reads_all_that_a_process_wrote_before_delete_returns() {
    let (_mock, stage) = Stage::on_socket(MockContainerd::builder()).await;
    let folder = tempfile::tempdir().unwrap();
    let (logger, log) = (program(folder.path(), LOGGER), folder.path().join("log"));
    let uri = format!("binary://{logger}?key={}", log.display());
    let line = "echo one; echo two >&2; echo three";
    stage.create_container("c1", &["sh", "-c", line]).await.unwrap();
    create(&stage, uri.clone()).await.unwrap();
    let begun = std::fs::read_to_string(&log).unwrap();
    assert_eq!(begun, "key stage c1 2\n", "Create waits until the logger is ready");
    stage.start("c1", "").await.unwrap();
    stage.wait("c1", "").await.unwrap();
    let container_id = "c1".to_owned();
    stage.tasks().delete(within(api::DeleteTaskRequest { container_id })).await.unwrap();
    let text = std::fs::read_to_string(&log).unwrap();
    assert_eq!(text, "key stage c1 2\nout: one\nout: three\nerr: two\n");
}

#[tokio::test]
async fn an_execs_logger_is_called_by_its_exec() {
    let (_mock, stage) = Stage::on_socket(MockContainerd::builder()).await;
    let folder = tempfile::tempdir().unwrap();
    let (logger, log) = (program(folder.path(), LOGGER), folder.path().join("log"));
    stage.run("c1", &["sleep", "inf"]).await;
    let exec = api::ExecProcessRequest {
        container_id: "c1".to_owned(),
        exec_id: "e1".to_owned(),
        stdout: format!("binary://{logger}?key={}", log.display()),
        spec: Some(process_spec(&["echo", "hi"])),
        ..Default::default()
    };
    stage.tasks().exec(within(exec)).await.unwrap();
    stage.start("c1", "e1").await.unwrap();
    stage.wait("c1", "e1").await.unwrap();
    let (container_id, exec_id) = ("c1".to_owned(), "e1".to_owned());
    let delete = api::DeleteProcessRequest { container_id, exec_id };
    stage.tasks().delete_process(within(delete)).await.unwrap();
    assert_eq!(std::fs::read_to_string(&log).unwrap(), "key stage e1 2\nout: hi\n");
}

#[tokio::test]
async fn an_absent_logger_is_refused_in_the_words_of_its_version() {
    for (profile, wanted) in [
        (
            Profile::V1_6,
            "failed to create shim task: failed to create init process I/O: 1 error \
             occurred:\n\t* failed to start binary process: fork/exec /no/such: no such file or \
             directory\n\n: unknown",
        ),
        (
            Profile::V2_1,
            "failed to create shim task: failed to create init process I/O: failed to start \
             binary process: fork/exec /no/such: no such file or directory",
        ),
    ] {
        let builder = MockContainerd::builder().profile(profile);
        let (_mock, stage) = Stage::on_socket(builder).await;
        stage.create_container("c1", &["true"]).await.unwrap();
        let refused = create(&stage, "binary:///no/such".to_owned()).await.unwrap_err();
        assert_eq!((refused.code(), refused.message()), (Code::Unknown, wanted));
        assert_eq!(stage.get("c1", "").await.unwrap_err().code(), Code::NotFound);
    }
}

#[tokio::test]
async fn a_mock_in_memory_starts_no_program() {
    let stage = Stage::open(Profile::V1_6).await;
    stage.create_container("c1", &["true"]).await.unwrap();
    let refused = create(&stage, "binary:///bin/true".to_owned()).await.unwrap_err();
    assert_eq!(refused.code(), Code::Unimplemented);
}
