//! The client on private real containerds: what the mock cannot vouch for.

#[path = "stand/private.rs"]
mod private;

use std::path::PathBuf;
use std::time::Duration;

use laconic_client::{
    Client, Code, Connection, Container, ExitStatus, Io, Kind, NewContainer, NewExec, Process,
    Status, Task,
};
use laconic_targets::daemon::PrivateDaemon;
use rustix::process::{Pid, Signal, kill_process};
use tokio::time::timeout;

const KILLED: ExitStatus = ExitStatus::Code(137);
const LIMIT: Duration = Duration::from_secs(30);

struct Ground {
    daemon: PrivateDaemon,
    client: Client,
}

impl Ground {
    async fn of(version: &str) -> Option<Self> {
        let daemon = private::daemon("the client", version).await?;
        let namespace = format!("laconic-{}-client", daemon.run_id().as_str());
        let client = Client::builder(namespace).connect(daemon.socket()).await.unwrap();
        Some(Self { daemon, client })
    }

    async fn container(&self, id: &str, args: &[&str]) -> Container {
        let rootfs = self.daemon.rootfs().display().to_string();
        let new = NewContainer::new(id, args.iter().copied()).rootfs(rootfs);
        self.client.create(new).await.unwrap()
    }

    async fn run(&self, id: &str) -> (Container, Task) {
        let container = self.container(id, &["sleep", "inf"]).await;
        let task = container.start(Io::Null).await.unwrap();
        (container, task)
    }

    /// The exits that the client told, at least so many.
    async fn news(&self, least: usize) -> Vec<String> {
        let mut told = Vec::new();
        loop {
            let limit = if told.len() < least { LIMIT } else { Duration::from_secs(2) };
            let Ok(news) = timeout(limit, self.client.next_exit()).await else { break };
            let exec = news.exec.map(|exec| format!("/{exec}")).unwrap_or_default();
            told.push(format!("{}{exec}: {}", news.container, news.exit.status));
        }
        told.sort();
        told
    }

    async fn leave(self) {
        drop(self.client);
        self.daemon.stop().await.unwrap();
    }
}

fn exec(id: &str, args: &[&str]) -> NewExec {
    let args = args.iter().map(ToString::to_string).collect();
    NewExec { id: id.to_owned(), args, io: Io::Null, terminal: false }
}

async fn sleeping(task: &Task, id: &str) -> Process {
    task.exec(exec(id, &["sleep", "inf"])).await.unwrap()
}

/// Ends a process of the host's, and returns when its shim has noticed.
async fn end(pid: u32) {
    let process = Pid::from_raw(i32::try_from(pid).unwrap()).unwrap();
    kill_process(process, Signal::KILL).unwrap();
    let entry = PathBuf::from(format!("/proc/{pid}"));
    while entry.exists() {
        tokio::task::yield_now().await;
    }
}

async fn waited(
    waiting: impl Future<Output = Result<laconic_client::Exit, laconic_client::Error>>,
) -> ExitStatus {
    timeout(LIMIT, waiting).await.expect("it ends").unwrap().status
}

/// The daemon is killed and started again while tasks and execs live, and some end meanwhile.
async fn a_killed_daemon_is_survived(version: &str) {
    let Some(mut ground) = Ground::of(version).await else { return };
    let (stays, task) = ground.run("stays").await;
    let (ends, ending) = ground.run("ends").await;
    let (here, gone) = (sleeping(&task, "here").await, sleeping(&task, "gone").await);
    let waits = [task.clone(), ending.clone()]
        .map(|task| tokio::spawn(async move { waited(task.wait()).await }));

    ground.daemon.kill().await;
    let mut connection = ground.client.connection();
    let lost = |now: &Connection| matches!(now, Connection::Lost { .. });
    timeout(LIMIT, connection.wait_for(lost)).await.unwrap().unwrap();
    assert_eq!(task.status().unwrap_err().kind(), Kind::Unreachable);
    assert_eq!(task.pids().await.unwrap_err().kind(), Kind::Unreachable);
    end(ending.pid()).await;
    end(gone.pid()).await;
    assert!(waits.iter().all(|wait| !wait.is_finished()));

    ground.daemon.resume().await.unwrap();
    let live = |now: &Connection| *now == Connection::Live { resyncs: 1 };
    timeout(LIMIT, connection.wait_for(live)).await.unwrap().unwrap();
    assert_eq!(task.status().unwrap(), Status::Running);
    assert_eq!(here.status().unwrap(), Status::Running);
    assert_eq!(waited(gone.wait()).await, KILLED);
    // 1.6 keeps what exited while it was down; later ones forget it.
    let forgotten = if version == "1.6" { KILLED } else { ExitStatus::Unknown };
    let [of_task, of_ending] = waits;
    assert_eq!(of_ending.await.unwrap(), forgotten);
    let made = ground.daemon.metrics().await.unwrap();
    let count = |method: &str| made.get(method).copied().unwrap_or_default();
    assert_eq!(count("/containerd.services.events.v1.Events/Subscribe"), 1, "{made:?}");
    assert_eq!(count("/containerd.services.tasks.v1.Tasks/List"), 1, "{made:?}");
    let gets = if version == "1.6" { 2 } else { 3 };
    assert_eq!(count("/containerd.services.tasks.v1.Tasks/Get"), gets, "{made:?}");

    // The handles are good for what they were.
    task.pause().await.unwrap();
    task.resume().await.unwrap();
    assert_eq!(task.find_execs().await.unwrap().len(), 1);
    assert_eq!(gone.delete().await.unwrap().status, KILLED);
    assert_eq!(task.force_delete().await.unwrap().status, KILLED);
    assert_eq!(of_task.await.unwrap(), KILLED);
    stays.delete().await.unwrap();
    if version == "1.6" {
        ending.delete().await.unwrap();
    }
    ends.delete().await.unwrap();
    let ended = format!("ends: {forgotten}");
    let expected = [&*ended, "stays/gone: 137", "stays/here: 137", "stays: 137"];
    assert_eq!(ground.news(4).await, expected, "each once");
    ground.leave().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_killed_daemon_of_1_6_is_survived() {
    a_killed_daemon_is_survived("1.6").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_killed_daemon_of_1_7_is_survived() {
    a_killed_daemon_is_survived("1.7").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_killed_daemon_of_2_1_is_survived() {
    a_killed_daemon_is_survived("2.1").await;
}

/// What containerd answers without a code has its kind by the table.
async fn errors_have_their_kinds(version: &str) {
    let Some(ground) = Ground::of(version).await else { return };
    let (container, task) = ground.run("c0").await;
    let kinds = |error: laconic_client::Error| (error.kind(), error.code());
    let state = (Kind::FailedPrecondition, Some(Code::Unknown));
    assert_eq!(kinds(task.start().await.unwrap_err()), state);
    assert_eq!(kinds(task.resume().await.unwrap_err()), state);
    assert_eq!(kinds(task.delete().await.unwrap_err()), state);
    task.pause().await.unwrap();
    assert_eq!(kinds(task.pause().await.unwrap_err()), state);
    assert_eq!(kinds(task.exec(exec("e0", &["true"])).await.unwrap_err()), state);
    task.resume().await.unwrap();

    let missing = (Kind::InvalidArgument, Some(Code::Unknown));
    let error = task.exec(exec("e0", &["/no/such"])).await.unwrap_err();
    assert_eq!(kinds(error), missing);
    assert_eq!(task.attach_exec("e0").await.unwrap_err().kind(), Kind::NotFound, "nothing is left");
    let added = task.create_exec(exec("e1", &["true"])).await.unwrap();
    assert_eq!(added.kill(9).await.unwrap_err().kind(), Kind::FailedPrecondition);
    added.start().await.unwrap();
    assert_eq!(waited(added.wait()).await, ExitStatus::Code(0));

    let lacking = ground.container("c1", &["/no/such"]).await;
    assert_eq!(kinds(lacking.start(Io::Null).await.unwrap_err()), missing);
    lacking.delete().await.unwrap();
    assert_eq!(ground.client.load("nobody").await.unwrap_err().kind(), Kind::NotFound);
    task.kill(9).await.unwrap();
    waited(task.wait()).await;
    assert_eq!(kinds(task.exec(exec("e2", &["true"])).await.unwrap_err()), state);
    task.delete().await.unwrap();
    container.delete().await.unwrap();
    ground.leave().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn errors_of_1_6_have_their_kinds() {
    errors_have_their_kinds("1.6").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn errors_of_1_7_have_their_kinds() {
    errors_have_their_kinds("1.7").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn errors_of_2_1_have_their_kinds() {
    errors_have_their_kinds("2.1").await;
}

/// Starts and execs are dropped after ever longer whiles; nothing of them is left.
async fn what_is_dropped_is_undone(version: &str) {
    let Some(ground) = Ground::of(version).await else { return };
    let (stays, task) = ground.run("stays").await;
    for ms in [0, 1, 5, 20, 50, 100, 200] {
        let container = ground.container("c0", &["sleep", "inf"]).await;
        let limit = Duration::from_millis(ms);
        let started = timeout(limit, container.start(Io::Null)).await;
        let execed = timeout(limit, task.exec(exec("e0", &["sleep", "inf"]))).await;
        if let Ok(started) = started {
            started.unwrap().force_delete().await.unwrap();
        }
        if let Ok(execed) = execed {
            let process = execed.unwrap();
            process.kill(9).await.unwrap();
            waited(process.wait()).await;
            process.delete().await.unwrap();
        }
        timeout(LIMIT, ground.client.undone()).await.expect("it is undone in time");
        assert!(ground.client.load("c0").await.unwrap().task.is_none(), "after {ms} ms");
        assert_eq!(task.attach_exec("e0").await.unwrap_err().kind(), Kind::NotFound);
        container.delete().await.unwrap();
    }
    task.force_delete().await.unwrap();
    stays.delete().await.unwrap();
    ground.leave().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_dropped_on_1_6_is_undone() {
    what_is_dropped_is_undone("1.6").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_dropped_on_1_7_is_undone() {
    what_is_dropped_is_undone("1.7").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_dropped_on_2_1_is_undone() {
    what_is_dropped_is_undone("2.1").await;
}
