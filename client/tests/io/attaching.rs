//! A client that comes after another one's death finds the streams again.

use std::os::unix::fs::PermissionsExt;

use laconic_client::{Io, Kind, Streams};
use tokio::io::{AsyncReadExt, AsyncWriteExt};

use crate::arm::{Arm, code, on_daemons, on_mocks, sh};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_restarted_client_attaches_to_what_runs_on_the_mock() {
    on_mocks(attach).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_restarted_client_attaches_to_what_runs_on_real_containerds() {
    on_daemons(attach).await;
}

async fn attach(arm: &Arm) {
    let first = arm.client().await;
    let new = arm.new_container("c1", &["sh", "-c", "cat; exit 5"]);
    let task = first.create(new).await.unwrap().start(Io::Streams { stdin: true }).await.unwrap();
    let exec = task.exec(sh("e1", "cat; exit 6", Io::Streams { stdin: true })).await.unwrap();
    // As when it dies: nobody is told, and its ends are closed.
    drop((task, exec, first));

    let folders = arm.folders();
    assert_eq!(folders.len(), 2, "{}: {folders:?}", arm.name());
    for folder in &folders {
        let mode = std::fs::metadata(folder).unwrap().permissions().mode() & 0o777;
        assert_eq!(mode, 0o700);
        let name = folder.file_name().unwrap().to_str().unwrap();
        assert!(name.starts_with(&format!("laconic-fifo-{}-", std::process::id())), "{name}");
    }

    let client = arm.client().await;
    let loaded = client.load("c1").await.unwrap();
    let task = loaded.task.unwrap();
    let (calls, streams) = arm.cost(task.attach_streams()).await;
    assert_eq!(calls, Vec::<String>::new(), "load has told the paths");
    let own = streams.unwrap();
    let again = task.attach_streams().await.unwrap_err();
    assert_eq!(again.kind(), Kind::FailedPrecondition);

    let found = task.find_execs().await.unwrap();
    let exec = found.iter().find(|exec| exec.id() == "e1").unwrap();
    let (calls, streams) = arm.cost(exec.attach_streams()).await;
    assert_eq!(calls, ["Tasks/Get"], "ListPids tells no paths");
    echo(streams.unwrap()).await;

    assert_eq!(code(exec.wait().await.unwrap()), 6, "{}", arm.name());
    exec.delete().await.unwrap();
    echo(own).await;
    assert_eq!(code(task.wait().await.unwrap()), 5, "{}", arm.name());
    task.delete().await.unwrap();
    assert!(arm.folders().is_empty(), "{}", arm.name());
    loaded.container.delete().await.unwrap();
}

/// What is written comes back, and is all that comes.
async fn echo(streams: Streams) {
    let mut stdin = streams.stdin.unwrap();
    stdin.write_all(b"after the restart").await.unwrap();
    stdin.shutdown().await.unwrap();
    let mut text = String::new();
    streams.stdout.unwrap().read_to_string(&mut text).await.unwrap();
    assert_eq!(text, "after the restart");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn output_of_what_has_exited_is_at_its_end_and_null_has_no_streams() {
    on_mocks(too_late).await;
    on_daemons(too_late).await;
}

async fn too_late(arm: &Arm) {
    let first = arm.client().await;
    let task = arm.sleeping(&first).await;
    let exec = task.exec(sh("e1", "exit 3", Io::Streams { stdin: true })).await.unwrap();
    exec.wait().await.unwrap();

    let client = arm.client().await;
    let again = client.load("c1").await.unwrap().task.unwrap();
    let null = again.attach_streams().await.unwrap_err();
    assert_eq!(null.kind(), Kind::FailedPrecondition, "{null}");
    let found = again.attach_exec("e1").await.unwrap();
    let streams = found.attach_streams().await.unwrap();
    let mut text = String::new();
    streams.stdout.unwrap().read_to_string(&mut text).await.unwrap();
    assert_eq!(text, "");
    streams.stdin.unwrap().write_all(b"nobody").await.unwrap_err();
    assert_eq!(code(found.delete().await.unwrap()), 3);
}
