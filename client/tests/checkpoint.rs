//! Tasks are written down and go on from there, on private real containerds.

#[path = "stand/private.rs"]
#[expect(dead_code, reason = "others want more of it")]
mod private;

use std::path::PathBuf;
use std::time::Duration;

use laconic_client::{
    CheckpointAt, CheckpointOptions, Client, Container, Error, ExitStatus, Io, Kind, NewContainer,
    RuncOptions, Status, Task,
};
use laconic_targets::daemon::PrivateDaemon;
use tempfile::TempDir;

const WHAT: &str = "checkpoints";
const LIMIT: Duration = Duration::from_secs(30);
const LOOK_EVERY: Duration = Duration::from_millis(10);
/// Who it is, and how far it has come: what nobody who began anew could say.
const COUNT: &str = "read me </proc/sys/kernel/random/uuid; i=0
while :; do i=$((i+1)); echo $me $i >>/dev/count; sleep 0.02; done";

struct Ground {
    daemon: PrivateDaemon,
    client: Client,
    folder: TempDir,
}

impl Ground {
    async fn of(version: &str) -> Option<Self> {
        let programs = private::programs(version);
        if !programs.join("criu").exists() {
            private::not_run(WHAT, version, "there is no criu beside it (ci/fetch criu)");
            return None;
        }
        let daemon = private::start(WHAT, version, Some(&programs.join("containerd"))).await?;
        let namespace = format!("laconic-{}-checkpoint", daemon.run_id().as_str());
        let client = Client::builder(namespace).connect(daemon.socket()).await.unwrap();
        Some(Self { daemon, client, folder: TempDir::new().unwrap() })
    }

    async fn container(&self, id: &str) -> Container {
        let rootfs = self.daemon.rootfs().display().to_string();
        let new = NewContainer::new(id, ["sh", "-c", COUNT]).rootfs(rootfs);
        self.client.create(new).await.unwrap()
    }

    fn folder(&self, name: &str) -> PathBuf {
        let folder = self.folder.path().join(name);
        std::fs::create_dir(&folder).unwrap();
        folder
    }

    /// CRIU waits at times in vain for a process that cgroups v1 froze to stop, and gives up after 10 s
    /// (`Unseizable non-zombie found, state D`, 3 of 60 dumps on a busy host). No client can help it.
    async fn leave_undumped(self, version: &str, container: Container, task: Task, error: &Error) {
        private::not_run(WHAT, version, &format!("CRIU gave up: {error}"));
        task.force_delete().await.unwrap();
        container.delete().await.unwrap();
        drop((container, task));
        self.leave().await;
    }

    async fn leave(self) {
        drop(self.client);
        self.daemon.stop().await.unwrap();
    }
}

/// What a counting process has said last, once it has come further than this.
async fn beyond(task: &Task, far: u64) -> (String, u64) {
    let path = format!("/proc/{}/root/dev/count", task.pid());
    let looking = async {
        let mut ticks = tokio::time::interval(LOOK_EVERY);
        loop {
            ticks.tick().await;
            let text = std::fs::read_to_string(&path).unwrap_or_default();
            let said = text.lines().last().and_then(|line| line.split_once(' '));
            if let Some((me, count)) = said.filter(|_| text.ends_with('\n')) {
                let count = count.parse().unwrap();
                if count > far {
                    return (me.to_owned(), count);
                }
            }
        }
    };
    tokio::time::timeout(LIMIT, looking).await.expect("it counts")
}

/// It goes on where it was written down, as who it was.
async fn goes_on(container: &Container, at: CheckpointAt, (me, count): &(String, u64)) -> Task {
    let task = container.create_task_from(at, Io::Null).await.unwrap();
    assert_eq!((task.status().unwrap(), task.pid()), (Status::Created, 0));
    task.start().await.unwrap();
    assert_eq!(task.status().unwrap(), Status::Running);
    assert_ne!(task.pid(), 0);
    let (still_me, _) = beyond(&task, *count).await;
    assert_eq!(&still_me, me, "it began anew");
    task
}

/// The error, if it is CRIU's giving up; any other is a failure.
fn given_up(made: Result<(), Error>) -> Option<Error> {
    let error = made.err()?;
    assert!(error.to_string().contains("criu failed: type NOTIFY"), "{error}");
    Some(error)
}

async fn tasks_go_on_where_they_were_written_down(version: &str) {
    let Some(ground) = Ground::of(version).await else { return };
    let container = ground.container("c1").await;
    let task = container.start(Io::Null).await.unwrap();
    let said = beyond(&task, 3).await;

    // It runs on, and so does the copy afterwards.
    let folder = ground.folder("runs-on");
    if let Some(error) = given_up(task.checkpoint(&folder, &CheckpointOptions::default()).await) {
        return ground.leave_undumped(version, container, task, &error).await;
    }
    assert_eq!(task.refresh().await.unwrap(), Status::Running);
    let later = beyond(&task, said.1).await;
    assert_eq!(later.0, said.0);

    // It ends with the checkpoint if it is to.
    let stopped = ground.folder("stopped");
    let options = CheckpointOptions { exit: true, ..CheckpointOptions::default() };
    if let Some(error) = given_up(task.checkpoint(&stopped, &options).await) {
        return ground.leave_undumped(version, container, task, &error).await;
    }
    let exit = tokio::time::timeout(LIMIT, task.wait()).await.expect("it ends").unwrap();
    assert_eq!(exit.status, ExitStatus::Code(137));
    task.delete().await.unwrap();

    let task = goes_on(&container, CheckpointAt::Folder(stopped), &later).await;
    let now = beyond(&task, later.1).await;
    let kept = match task.checkpoint_content(&options).await {
        Ok(kept) => kept,
        failed => {
            let error = given_up(failed.map(drop)).expect("it failed");
            return ground.leave_undumped(version, container, task, &error).await;
        }
    };
    assert!(kept.image().digest.starts_with("sha256:"), "{kept:?}");
    tokio::time::timeout(LIMIT, task.wait()).await.expect("it ends").unwrap();
    task.delete().await.unwrap();
    let task = goes_on(&container, kept.at(), &now).await;
    kept.release().await.unwrap();
    task.force_delete().await.unwrap();

    let task = goes_on(&container, CheckpointAt::Folder(folder), &said).await;
    task.force_delete().await.unwrap();
    container.delete().await.unwrap();
    ground.leave().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn tasks_of_1_6_go_on_where_they_were_written_down() {
    tasks_go_on_where_they_were_written_down("1.6").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn tasks_of_1_7_go_on_where_they_were_written_down() {
    tasks_go_on_where_they_were_written_down("1.7").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn tasks_of_2_1_go_on_where_they_were_written_down() {
    tasks_go_on_where_they_were_written_down("2.1").await;
}

/// What runc is told is kept with the record: by whoever finds it, and when it goes on, too.
async fn runtime_options_are_kept(version: &str) {
    let Some(ground) = Ground::of(version).await else { return };
    let (root, image) = (ground.folder("runc"), ground.folder("image"));
    let options = RuncOptions { root: root.display().to_string(), ..RuncOptions::default() };
    let rootfs = ground.daemon.rootfs().display().to_string();
    let new = NewContainer::new("c1", ["sleep", "600"]).rootfs(rootfs).runtime_options(options);
    ground.client.create(new).await.unwrap();
    let namespace = format!("laconic-{}-checkpoint", ground.daemon.run_id().as_str());
    let known = root.join(&namespace).join("c1/state.json");

    let other = Client::builder(namespace).connect(ground.daemon.socket()).await.unwrap();
    let container = other.load("c1").await.unwrap().container;
    let task = container.start(Io::Null).await.unwrap();
    assert!(known.exists(), "{}", known.display());
    let exits = CheckpointOptions { exit: true, ..CheckpointOptions::default() };
    if let Some(error) = given_up(task.checkpoint(&image, &exits).await) {
        drop(other);
        return ground.leave_undumped(version, container, task, &error).await;
    }
    tokio::time::timeout(LIMIT, task.wait()).await.expect("it ends").unwrap();
    task.delete().await.unwrap();
    assert!(!known.exists());

    let task = container.start_from(CheckpointAt::Folder(image), Io::Null).await.unwrap();
    assert!(known.exists(), "what it is restored with says nothing of what was said before");
    task.force_delete().await.unwrap();
    container.delete().await.unwrap();
    drop((container, other));
    ground.leave().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn runtime_options_are_kept_on_1_6() {
    runtime_options_are_kept("1.6").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn runtime_options_are_kept_on_1_7() {
    runtime_options_are_kept("1.7").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn runtime_options_are_kept_on_2_1() {
    runtime_options_are_kept("2.1").await;
}

/// Errors tell what is wrong, and nothing is left of a restore that fails.
async fn what_cannot_be_restored_leaves_nothing(version: &str) {
    let Some(ground) = Ground::of(version).await else { return };
    let container = ground.container("c1").await;
    let empty = CheckpointAt::Folder(ground.folder("empty"));
    let error = container.start_from(empty, Io::Null).await.unwrap_err();
    assert_eq!((error.kind(), error.operation()), (Kind::Internal, "start task"), "{error}");
    assert!(error.to_string().contains("descriptors.json"), "{error}");
    assert!(ground.client.load("c1").await.unwrap().task.is_none());
    let task = container.create_task(Io::Null).await.unwrap();
    let error = task.checkpoint(ground.folder("none"), &CheckpointOptions::default()).await;
    assert_eq!(error.unwrap_err().kind(), Kind::FailedPrecondition);
    task.force_delete().await.unwrap();
    container.delete().await.unwrap();
    ground.leave().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_1_6_cannot_restore_leaves_nothing() {
    what_cannot_be_restored_leaves_nothing("1.6").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_1_7_cannot_restore_leaves_nothing() {
    what_cannot_be_restored_leaves_nothing("1.7").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_2_1_cannot_restore_leaves_nothing() {
    what_cannot_be_restored_leaves_nothing("2.1").await;
}
