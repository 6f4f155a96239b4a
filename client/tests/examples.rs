//! The examples run, and say what they are to say.

#[path = "images/archive.rs"]
#[expect(dead_code, reason = "of what images are made of here one kind is enough")]
mod archive;

use std::io::Write;
use std::path::PathBuf;
use std::process::{Command, Output, Stdio};

use laconic_client::{Client, Io, NewContainer};
use mock_containerd::{MockContainerd, Profile};

use crate::archive::{Layout, layout_tar};

/// Cargo builds examples with all tests, beside them; not with one that is named.
fn path_of(example: &str) -> PathBuf {
    let mut path = std::env::current_exe().unwrap();
    path.pop();
    path.pop();
    let path = path.join("examples").join(example);
    if !path.is_file() {
        let build = ["build", "-q", "-p", "laconic-client", "--example", example];
        assert!(Command::new(env!("CARGO")).args(build).status().unwrap().success());
    }
    path
}

fn said(example: &str) -> String {
    let ran = Command::new(path_of(example)).output().unwrap();
    assert!(ran.status.success(), "{ran:?}");
    String::from_utf8(ran.stdout).unwrap()
}

/// Runs one with this on its standard input, to its end.
async fn ran(example: &'static str, args: Vec<String>, input: &'static [u8]) -> Output {
    let run = move || {
        let mut command = Command::new(path_of(example));
        command.args(args).stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut running = command.spawn().unwrap();
        running.stdin.take().unwrap().write_all(input).unwrap();
        running.wait_with_output().unwrap()
    };
    tokio::task::spawn_blocking(run).await.unwrap()
}

fn words(words: &[&str]) -> Vec<String> {
    words.iter().map(ToString::to_string).collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_image_is_run_to_nothing_left() {
    for profile in [Profile::V1_6, Profile::V1_7, Profile::V2_1] {
        let mock = MockContainerd::builder().profile(profile).start().await.unwrap();
        let folder = tempfile::tempdir().unwrap();
        let archive = folder.path().join("image.tar");
        let (blobs, index) = Layout::named("tiny").parts();
        std::fs::write(&archive, layout_tar(&blobs, &index)).unwrap();
        let [socket, archive] = [mock.socket(), &archive].map(|path| path.display().to_string());
        let args = words(&[&socket, &archive, "sh", "-c", "exit 7"]);
        let ran = ran("run_image", args, b"").await;
        let told = String::from_utf8_lossy(&ran.stderr);
        assert!(ran.status.success() && told.ends_with("it ended with Code(7)\n"), "{told}");
        let client = Client::builder("laconic-example").connect(mock.socket()).await.unwrap();
        assert!(client.images().await.unwrap().is_empty());
        assert!(client.restore().await.unwrap().is_empty());
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_exec_has_the_streams_of_the_program() {
    for profile in [Profile::V1_6, Profile::V1_7, Profile::V2_1] {
        let mock = MockContainerd::builder().profile(profile).start().await.unwrap();
        let client = Client::builder("examples").connect(mock.socket()).await.unwrap();
        let new = NewContainer::new("c1", ["sleep", "inf"]);
        let task = client.create(new).await.unwrap().start(Io::Null).await.unwrap();
        let socket = mock.socket().display().to_string();
        let script = "cat; echo mind >&2; exit 7";
        let args = words(&[&socket, "examples", "c1", "sh", "-c", script]);
        let ran = ran("exec_with_streams", args, b"one\ntwo\n").await;
        assert_eq!(ran.status.code(), Some(7), "{ran:?}");
        assert_eq!((&ran.stdout[..], &ran.stderr[..]), (&b"one\ntwo\n"[..], &b"mind\n"[..]));
        assert!(task.find_execs().await.unwrap().is_empty());
        task.force_delete().await.unwrap();
    }
}

#[test]
fn quickstart_runs_on_the_mock() {
    assert_eq!(said("quickstart"), "the exec exited with 7; all took 9 RPCs\n");
}

#[test]
fn a_daemon_restart_is_survived() {
    let said = said("daemon_restart");
    let (first, rest) = said.split_once('\n').unwrap();
    assert_eq!(first, "Lost { attempts: 0 }; the task's state: Err(Unreachable)");
    assert!(
        rest.ends_with(
            "Live { resyncs: 1 }; the task's state: Ok(Running)\nthe wait ended with 137\n"
        ),
        "{rest}"
    );
}

#[test]
fn exits_are_watched() {
    assert_eq!(said("watch_exits"), "c1: 1\nc2: 2\nc3: 3\n");
}
