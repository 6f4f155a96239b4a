//! One server under test, behind a tap that counts.

use std::future::Future;
use std::path::{Path, PathBuf};
use std::sync::Mutex;

use laconic_client::{Client, Container, Exit, ExitStatus, Io, NewContainer, NewExec, Task};
use tempfile::TempDir;

use crate::stand::{self, Stand};

pub(crate) struct Arm {
    stand: Stand,
    /// The client makes its FIFOs here.
    io_root: TempDir,
    made: Mutex<Vec<Container>>,
}

/// On the mock, as every version; afterwards nothing is left.
pub(crate) async fn on_mocks(case: impl AsyncFn(&Arm)) {
    for stand in stand::mocks().await {
        play(stand, &case).await;
    }
}

/// On real ones, of those versions that can run here; loudly of the others.
pub(crate) async fn on_daemons(case: impl AsyncFn(&Arm)) {
    for version in stand::VERSIONS {
        if let Some(stand) = stand::daemon(version).await {
            play(stand, &case).await;
        }
    }
}

async fn play(stand: Stand, case: &impl AsyncFn(&Arm)) {
    let arm = Arm { stand, io_root: tempfile::tempdir().unwrap(), made: Mutex::default() };
    case(&arm).await;
    let made = std::mem::take(&mut *arm.made.lock().unwrap());
    for container in made {
        if let Ok(task) = container.running_task() {
            task.force_delete().await.unwrap();
        }
        container.delete().await.unwrap();
    }
    arm.end().await;
}

/// An exec of `sh -c`.
pub(crate) fn sh(id: &str, line: &str, io: Io) -> NewExec {
    let args = ["sh", "-c", line].map(str::to_owned).into();
    NewExec { id: id.to_owned(), args, io, terminal: false }
}

pub(crate) fn code(exit: Exit) -> u32 {
    match exit.status {
        ExitStatus::Code(code) => code,
        ExitStatus::Unknown => panic!("nobody knows how it ended"),
    }
}

impl Arm {
    pub(crate) fn name(&self) -> String {
        self.stand.name()
    }

    pub(crate) fn namespace(&self) -> String {
        self.stand.namespace()
    }

    pub(crate) async fn client(&self) -> Client {
        self.client_in(self.io_root.path()).await
    }

    /// One that makes its FIFOs elsewhere.
    pub(crate) async fn client_in(&self, io_root: &Path) -> Client {
        let builder = Client::builder(self.namespace()).io_root(io_root);
        builder.connect(self.stand.target.socket()).await.unwrap()
    }

    pub(crate) fn new_container(&self, id: &str, args: &[&str]) -> NewContainer {
        let new = NewContainer::new(id, args.iter().copied());
        match self.stand.target.rootfs() {
            Some(rootfs) => new.rootfs(rootfs.to_str().unwrap()),
            None => new,
        }
    }

    /// A container; it and its task are gone after the case.
    pub(crate) async fn container(&self, client: &Client, new: NewContainer) -> Container {
        let container = client.create(new).await.unwrap();
        self.made.lock().unwrap().push(container.clone());
        container
    }

    /// A task to run execs in.
    pub(crate) async fn sleeping(&self, client: &Client) -> Task {
        let container = self.container(client, self.new_container("c1", &["sleep", "inf"])).await;
        container.start(Io::Null).await.unwrap()
    }

    /// The calls that some work makes, in order.
    pub(crate) async fn cost<T>(&self, work: impl Future<Output = T>) -> (Vec<String>, T) {
        self.stand.cost(work).await
    }

    /// Done when the tap has seen so many of these calls.
    pub(crate) async fn seen_times(&self, rpc: &str, times: usize) {
        let ledger = self.stand.target.ledger();
        loop {
            let changed = ledger.changed();
            let calls = ledger.calls();
            if calls.iter().filter(|call| call.rpc.short() == rpc).count() >= times {
                return;
            }
            changed.await;
        }
    }

    /// Folders of FIFOs that are there.
    pub(crate) fn folders(&self) -> Vec<PathBuf> {
        let entries = std::fs::read_dir(self.io_root.path()).unwrap();
        entries.map(|entry| entry.unwrap().path()).collect()
    }

    /// Done when they are gone.
    pub(crate) async fn no_folders(&self) {
        while !self.folders().is_empty() {
            tokio::task::yield_now().await;
        }
    }

    /// Nothing is left, and the counts of tap and server agree.
    async fn end(self) {
        assert_eq!(self.folders(), Vec::<PathBuf>::new(), "{}", self.name());
        let left = self.stand.target.leftovers(&self.namespace()).await.unwrap();
        assert_eq!(left, Vec::<String>::new(), "{}", self.name());
        self.stand.end().await;
    }
}
