//! Descriptors and folders of many execs with streams. Alone in its process: it counts what that has
//! open.

use std::path::Path;

use laconic_client::{Client, Io, NewContainer, NewExec, OutputLimit, Task};
use laconic_targets::{StandError, TargetSpec};
use tokio::task::JoinSet;

const EXECS: usize = 200;
const AT_A_TIME: usize = 20;

/// What this process has open of FIFOs, and all that it has open.
fn descriptors() -> (usize, usize) {
    let entries = std::fs::read_dir("/proc/self/fd").unwrap().flatten();
    let open: Vec<_> = entries.filter_map(|entry| std::fs::read_link(entry.path()).ok()).collect();
    let fifos = open.iter().filter(|link| link.to_string_lossy().contains("laconic-fifo-"));
    (fifos.count(), open.len())
}

async fn run(task: &Task, number: usize) {
    let args = ["sh", "-c", "cat; echo out"].map(str::to_owned).into();
    let io = Io::Streams { stdin: true };
    let new = NewExec { id: format!("e{number}"), args, io, terminal: false };
    let exec = task.exec(new).await.unwrap();
    match number % 4 {
        0 => {
            let all = exec.wait_with_output(OutputLimit::default()).await.unwrap();
            assert_eq!(all.stdout, b"out\n");
        }
        1 => drop(exec.take_streams()),
        2 => exec.close_stdin().await.unwrap(),
        // Nobody closes it.
        _ => exec.kill(9).await.unwrap(),
    }
    exec.wait().await.unwrap();
    exec.delete().await.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_hundred_execs_leave_no_descriptor_and_no_folder_on_real_containerd() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap();
    let binary = root.join("target/daemons/1.7/bin/containerd");
    let target = match laconic_targets::start(&TargetSpec::Real(Some(binary))).await {
        Ok(target) => target,
        Err(StandError::Unavailable(lack)) => {
            eprintln!("NOT RUN on 1.7: {lack}");
            return;
        }
        Err(error) => panic!("{error}"),
    };
    let folder = tempfile::tempdir().unwrap();
    let builder = Client::builder(target.namespace(0)).io_root(folder.path());
    let client = builder.connect(target.socket()).await.unwrap();
    let rootfs = target.rootfs().unwrap().to_str().unwrap();
    let new = NewContainer::new("c1", ["sleep", "inf"]).rootfs(rootfs);
    let container = client.create(new).await.unwrap();
    let task = container.start(Io::Streams { stdin: true }).await.unwrap();
    // Two of the task's outputs; of its input there is none before somebody writes.
    assert_eq!(descriptors().0, 2);
    run(&task, 0).await;

    let before = descriptors();
    // Some of each kind at a time: the shim waits two seconds for outputs that `cat` has kept open.
    for first in (1..=EXECS).step_by(AT_A_TIME) {
        let mut running = JoinSet::new();
        for number in first..first + AT_A_TIME {
            let task = task.clone();
            running.spawn(async move { run(&task, number).await });
        }
        running.join_all().await;
    }
    assert_eq!(descriptors(), before);
    assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 1, "only the task's is left");

    // What was taken stays with whoever took it, and nothing else.
    let streams = task.take_streams();
    task.force_delete().await.unwrap();
    assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 0);
    assert_eq!(descriptors().0, 2);
    drop(streams);
    assert_eq!(descriptors().0, 0);
    container.delete().await.unwrap();
    drop((task, container, client));
    target.clean_up(&target.namespace(0)).await.unwrap();
    target.close().await.unwrap();
}
