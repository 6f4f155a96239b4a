//! What goes in and what comes out.

use laconic_client::{FifoPaths, Io, Status};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::unix::pipe;

use crate::arm::{Arm, code, on_daemons, on_mocks, sh};

/// 10.9 MB.
const LINES: usize = 1_500_000;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_written_comes_back_until_it_is_closed_on_the_mock() {
    on_mocks(echo).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_written_comes_back_until_it_is_closed_on_real_containerds() {
    on_daemons(echo).await;
}

async fn echo(arm: &Arm) {
    let client = arm.client().await;
    let container = arm.container(&client, arm.new_container("c1", &["cat"])).await;
    let work = async {
        let task = container.start(Io::Streams { stdin: true }).await.unwrap();
        let mut streams = task.take_streams();
        let (mut stdin, mut stdout) = (streams.stdin.take().unwrap(), streams.stdout.unwrap());
        let mut text = [0; 6];
        for line in [b"one  \n", b"two  \n"] {
            stdin.write_all(line).await.unwrap();
            stdout.read_exact(&mut text).await.unwrap();
            assert_eq!(&text, line, "{}", arm.name());
        }
        stdin.write_all(b"last").await.unwrap();
        stdin.shutdown().await.unwrap();
        stdin.write_all(b"more").await.unwrap_err();
        task.close_stdin().await.unwrap();
        let mut rest = String::new();
        stdout.read_to_string(&mut rest).await.unwrap();
        assert_eq!(rest, "last");
        assert_eq!(streams.stderr.unwrap().read_to_string(&mut rest).await.unwrap(), 0);
        assert!(task.take_streams().stdin.is_none(), "it was taken");
        assert_eq!(code(task.wait().await.unwrap()), 0);
        task.delete().await.unwrap();
    };
    let (calls, ()) = arm.cost(work).await;
    let wanted = ["Tasks/Create", "Tasks/Start", "Tasks/CloseIO", "Tasks/Delete"];
    assert_eq!(calls, wanted, "{}", arm.name());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_slow_reader_gets_all_of_much_and_holds_the_process_up_on_the_mock() {
    on_mocks(slow_reader).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_slow_reader_gets_all_of_much_and_holds_the_process_up_on_real_containerds() {
    on_daemons(slow_reader).await;
}

async fn slow_reader(arm: &Arm) {
    let client = arm.client().await;
    let task = arm.sleeping(&client).await;
    let line = format!("seq {LINES}; exit 3");
    let exec = task.exec(sh("e1", &line, Io::Streams { stdin: false })).await.unwrap();
    let mut stdout = exec.take_streams().stdout.unwrap();
    let wanted: String = (1..=LINES).map(|number| format!("{number}\n")).collect();
    let (mut read, mut chunk) = (Vec::new(), vec![0; 4096]);
    loop {
        match stdout.read(&mut chunk).await.unwrap() {
            0 => break,
            some => read.extend_from_slice(&chunk[..some]),
        }
        // Pipes of 64 KiB lie between: far from the end it cannot have exited.
        if read.len() < wanted.len() / 2 {
            assert_eq!(exec.status().unwrap(), Status::Running, "{}", arm.name());
        }
    }
    assert_eq!(read.len(), wanted.len(), "{}", arm.name());
    assert!(read == wanted.as_bytes(), "other bytes: {}", arm.name());
    assert_eq!(code(exec.wait().await.unwrap()), 3);
    exec.delete().await.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_terminal_has_one_stream_and_a_size_on_real_containerds() {
    on_daemons(async |arm: &Arm| {
        let client = arm.client().await;
        let line = "read x; stty size; echo $x >&2; tty";
        let new = arm.new_container("c1", &["sh", "-c", line]).terminal(true);
        let container = arm.container(&client, new).await;
        let task = container.start(Io::Terminal).await.unwrap();
        task.resize(101, 43).await.unwrap();
        let mut streams = task.take_streams();
        assert!(streams.stderr.is_none());
        streams.stdin.as_mut().unwrap().write_all(b"word\n").await.unwrap();
        let mut text = String::new();
        streams.stdout.unwrap().read_to_string(&mut text).await.unwrap();
        assert_eq!(text, "word\r\n43 101\r\nword\r\n/dev/pts/0\r\n", "{}", arm.name());
        task.wait().await.unwrap();
        task.delete().await.unwrap();
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_execs_terminal_has_one_stream_on_the_mock() {
    on_mocks(terminal_of_an_exec).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_execs_terminal_has_one_stream_on_real_containerds() {
    on_daemons(terminal_of_an_exec).await;
}

async fn terminal_of_an_exec(arm: &Arm) {
    let client = arm.client().await;
    let task = arm.sleeping(&client).await;
    let exec = task.exec(sh("e1", "read x; echo $x; echo err >&2", Io::Terminal)).await.unwrap();
    exec.resize(80, 24).await.unwrap();
    let mut streams = exec.take_streams();
    assert!(streams.stderr.is_none());
    streams.stdin.as_mut().unwrap().write_all(b"word\n").await.unwrap();
    let mut text = String::new();
    streams.stdout.unwrap().read_to_string(&mut text).await.unwrap();
    assert!(text.ends_with("word\r\nerr\r\n"), "{}: {text:?}", arm.name());
    exec.wait().await.unwrap();
    exec.delete().await.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn fifos_of_the_callers_own_are_used_and_left_alone_on_the_mock() {
    on_mocks(own_fifos).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn fifos_of_the_callers_own_are_used_and_left_alone_on_real_containerds() {
    on_daemons(own_fifos).await;
}

async fn own_fifos(arm: &Arm) {
    let client = arm.client().await;
    let folder = tempfile::tempdir().unwrap();
    let paths = ["out", "err"].map(|name| {
        let path = folder.path().join(name);
        let mode = rustix::fs::Mode::RWXU;
        rustix::fs::mknodat(rustix::fs::CWD, &path, rustix::fs::FileType::Fifo, mode, 0).unwrap();
        path
    });
    let [mut out, mut err] =
        paths.each_ref().map(|path| pipe::OpenOptions::new().open_receiver(path).unwrap());
    let [stdout, stderr] = paths.clone().map(Some);
    let new = arm.new_container("c1", &["sh", "-c", "echo out; echo err >&2"]);
    let container = arm.container(&client, new).await;
    let io = Io::Fifos(FifoPaths { stdin: None, stdout, stderr });
    let task = container.start(io).await.unwrap();
    let mut text = String::new();
    out.read_to_string(&mut text).await.unwrap();
    err.read_to_string(&mut text).await.unwrap();
    assert_eq!(text, "out\nerr\n", "{}", arm.name());
    task.wait().await.unwrap();
    task.delete().await.unwrap();
    assert!(paths.iter().all(|path| path.exists()));
}
