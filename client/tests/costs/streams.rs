//! Streams of tasks and execs, and attaching to them.

use laconic_client::{FifoPaths, Io, NewContainer, OutputLimit, Task};
use rustix::fs::{CWD, Mode};
use tokio::io::AsyncWriteExt;

use crate::stage::{Stage, sh};

const STREAMS: Io = Io::Streams { stdin: true };
const BEFORE: &str = "when it was closed before";

pub(crate) async fn play(stage: &mut Stage<'_>) {
    gathered(stage).await;
    closed(stage).await;
    taken(stage).await;
    attached(stage).await;
}

async fn started(stage: &Stage<'_>, id: &str, line: &str, io: Io) -> Task {
    let new = NewContainer::new(id, ["sh", "-c", line]);
    stage.client.create(new).await.unwrap().start(io).await.unwrap()
}

async fn gathered(stage: &mut Stage<'_>) {
    let limit = OutputLimit::default;
    let task = started(stage, "s1", "echo out", Io::Streams { stdin: false }).await;
    let method = "Task::wait_with_output";
    let all = stage.play(method, "", task.wait_with_output(limit())).await.unwrap();
    assert_eq!(all.stdout, b"out\n");
    let task = started(stage, "s2", "cat", STREAMS).await;
    stage.play(method, "with standard input", task.wait_with_output(limit())).await.unwrap();

    let task = stage.sleeping("s3").await;
    let method = "Process::wait_with_output";
    let exec = task.exec(sh("e1", "echo out", Io::Streams { stdin: false })).await.unwrap();
    stage.play(method, "", exec.wait_with_output(limit())).await.unwrap();
    let exec = task.exec(sh("e2", "cat", STREAMS)).await.unwrap();
    stage.play(method, "with standard input", exec.wait_with_output(limit())).await.unwrap();
}

async fn closed(stage: &mut Stage<'_>) {
    let task = started(stage, "s4", "cat", STREAMS).await;
    stage.play("Task::close_stdin", "", task.close_stdin()).await.unwrap();
    stage.play("Task::close_stdin", BEFORE, task.close_stdin()).await.unwrap();
    task.wait().await.unwrap();
    let new = NewContainer::new("s5", ["cat"]);
    let task = stage.client.create(new).await.unwrap().create_task(STREAMS).await.unwrap();
    let early = "before its start is answered";
    stage.play("Task::close_stdin", early, task.close_stdin()).await.unwrap();
    let late = "when its input was closed before";
    stage.play("Task::start", late, task.start()).await.unwrap();

    let task = stage.sleeping("s6").await;
    let exec = task.exec(sh("e1", "cat", STREAMS)).await.unwrap();
    stage.play("Process::close_stdin", "", exec.close_stdin()).await.unwrap();
    stage.play("Process::close_stdin", BEFORE, exec.close_stdin()).await.unwrap();
    exec.wait().await.unwrap();
    let exec = task.create_exec(sh("e2", "cat", STREAMS)).await.unwrap();
    stage.play("Process::close_stdin", early, exec.close_stdin()).await.unwrap();
    stage.play("Process::start", late, exec.start()).await.unwrap();
}

async fn taken(stage: &mut Stage<'_>) {
    let task = started(stage, "s7", "cat", STREAMS).await;
    let mut stdin = task.take_streams().stdin.unwrap();
    stage.play("Stdin", "", stdin.shutdown()).await.unwrap();
    let task = started(stage, "s8", "cat", STREAMS).await;
    let mut stdin = task.take_streams().stdin.unwrap();
    task.kill(9).await.unwrap();
    task.wait().await.unwrap();
    stage.play("Stdin", "when its process has exited", stdin.shutdown()).await.unwrap();
}

async fn attached(stage: &mut Stage<'_>) {
    let task = started(stage, "s9", "sleep inf", STREAMS).await;
    let execs = ["e1", "e2"].map(|id| task.exec(sh(id, "sleep inf", STREAMS)));
    for exec in execs {
        exec.await.unwrap();
    }
    let client = stage.restarted().await;
    let task = client.load("s9").await.unwrap().task.unwrap();
    // Kept: whoever drops them tells the server.
    let kept = stage.play("Task::attach_streams", "", task.attach_streams()).await.unwrap();
    let mut inputs = vec![kept.stdin];
    let exec = task.attach_exec("e1").await.unwrap();
    let kept = stage.play("Process::attach_streams", "", exec.attach_streams()).await.unwrap();
    inputs.push(kept.stdin);
    let found = task.find_execs().await.unwrap();
    let exec = found.iter().find(|exec| exec.id() == "e2").unwrap();
    let when = "when it was not [`Task::attach_exec`] that found it";
    let kept = stage.play("Process::attach_streams", when, exec.attach_streams()).await.unwrap();
    inputs.push(kept.stdin);
    for input in inputs {
        input.unwrap().shutdown().await.unwrap();
    }

    // One whose FIFOs the caller has made, reads, and gives back.
    let fifo = |name| {
        let path = stage.folder().join(name);
        rustix::fs::mkfifoat(CWD, &path, Mode::RUSR | Mode::WUSR).unwrap();
        let reader = tokio::net::unix::pipe::OpenOptions::new().open_receiver(&path).unwrap();
        (Some(path), reader)
    };
    let ((stdout, out), (stderr, err)) = (fifo("out"), fifo("err"));
    let paths = FifoPaths { stdout, stderr, ..FifoPaths::default() };
    let task = started(stage, "s10", "sleep inf", Io::Fifos(paths)).await;
    drop((out, err));
    let when = "when neither [`crate::Client::load`] nor [`crate::Client::restore`] found it";
    stage.play("Task::attach_streams", when, task.attach_streams()).await.unwrap();
}
