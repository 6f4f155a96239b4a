//! One server under test, behind a tap that counts.

use std::future::Future;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use laconic_client::{Archive, Client, Collect};
use rpc_ledger::{CallRecord, Ledger};
use tempfile::TempDir;
use tonic::transport::Channel;

use crate::archive::Layout;
use crate::inventory;
use crate::stand::{self, Stand};

/// A call that has not come by then does not come.
const SEEN_LIMIT: Duration = Duration::from_secs(20);

pub(crate) struct Arm {
    stand: Stand,
    pub(crate) real: bool,
    /// Of a real one: an archive with programs in it.
    archive: Option<(PathBuf, TempDir)>,
    /// Of a real one: containerd's own client of the same version.
    pub(crate) ctr: Option<PathBuf>,
}

/// On the mock, as every version; afterwards nothing is left.
pub(crate) async fn on_mocks(case: impl AsyncFn(&Arm)) {
    for stand in stand::mocks().await {
        let arm = Arm { stand, real: false, archive: None, ctr: None };
        case(&arm).await;
        arm.end().await;
    }
}

/// On real ones, of those versions that can run here; afterwards nothing is left.
pub(crate) async fn on_daemons(case: impl AsyncFn(&Arm)) {
    for arm in daemons().await {
        case(&arm).await;
        arm.end().await;
    }
}

/// Real ones, of those versions that can run here; loudly of the others.
async fn daemons() -> Vec<Arm> {
    let archive = match tiny_image() {
        Ok(archive) => archive,
        Err(why) => {
            eprintln!("NOT RUN on real containerds: {why}");
            return Vec::new();
        }
    };
    let mut arms = Vec::new();
    for version in stand::VERSIONS {
        let Some(stand) = stand::daemon(version).await else { continue };
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("tiny.tar");
        std::fs::copy(&archive.0, &path).unwrap();
        let (archive, ctr) = (Some((path, folder)), Some(stand::programs(version).join("ctr")));
        arms.push(Arm { stand, real: true, archive, ctr });
    }
    arms
}

/// Done when a ledger has such a call.
async fn call_seen(ledger: &Ledger, such: impl Fn(&CallRecord) -> bool) {
    let looking = async {
        loop {
            let changed = ledger.changed();
            if ledger.calls().iter().any(&such) {
                return;
            }
            changed.await;
        }
    };
    let seen = tokio::time::timeout(SEEN_LIMIT, looking).await;
    let calls = || ledger.calls().iter().map(|call| call.rpc.short()).collect::<Vec<_>>();
    seen.unwrap_or_else(|_| panic!("no such call within {SEEN_LIMIT:?}, only {:?}", calls()));
}

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap().to_owned()
}

fn tiny_image() -> Result<(PathBuf, TempDir), String> {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("tiny.tar");
    let mut command = Command::new(root().join("ci/tiny-image"));
    let made = command.arg("tiny").arg(&path).output().map_err(|error| error.to_string())?;
    match made.status.success() {
        true => Ok((path, folder)),
        false => Err(format!("ci/tiny-image: {}", String::from_utf8_lossy(&made.stderr))),
    }
}

impl Arm {
    pub(crate) fn name(&self) -> String {
        self.stand.name()
    }

    pub(crate) fn namespace(&self) -> String {
        self.stand.namespace()
    }

    /// One of another's.
    pub(crate) fn other_namespace(&self) -> String {
        self.stand.target.namespace(1)
    }

    pub(crate) fn archive_path(&self) -> Option<&Path> {
        self.archive.as_ref().map(|(path, _)| path.as_path())
    }

    pub(crate) fn socket(&self) -> &Path {
        self.stand.target.socket()
    }

    pub(crate) async fn client(&self) -> Client {
        Client::builder(self.namespace()).connect(self.socket()).await.unwrap()
    }

    /// Another client, of bare stubs.
    pub(crate) async fn rival(&self) -> Channel {
        containerd_client::connect(self.socket()).await.unwrap()
    }

    /// An image of two layers that runs `sh`, under a name.
    pub(crate) fn archive(&self, name: &str) -> Archive {
        match &self.archive {
            Some((path, _)) => Archive::at(path).named(name),
            None => Layout::named(name).archive(),
        }
    }

    /// Ends with 7 if it runs on both layers, in the image's environment and directory.
    pub(crate) fn proof(&self) -> [&'static str; 3] {
        match self.real {
            true => [
                "sh",
                "-c",
                "read id </etc/os-release && test $id = ID=tiny && test $DAY = fine && test $(pwd) = / && exit 7",
            ],
            // A mock has no files.
            false => ["sh", "-c", "test $DAY = fine && exit 7"],
        }
    }

    /// The calls that some work makes, in order.
    pub(crate) async fn cost<T>(&self, work: impl Future<Output = T>) -> (Vec<String>, T) {
        self.stand.cost(work).await
    }

    /// Done when the tap has seen such a call.
    pub(crate) async fn seen(&self, such: impl Fn(&CallRecord) -> bool) {
        call_seen(self.stand.target.ledger(), such).await;
    }

    /// All that is in the namespace, in words.
    pub(crate) async fn inventory(&self) -> Vec<String> {
        inventory::of(&self.rival().await, &self.namespace()).await
    }

    /// Whatever nothing holds any more goes now.
    pub(crate) async fn sweep(&self) {
        let client = self.client().await;
        let image = client.import(self.archive("sweep")).await.unwrap().remove(0);
        image.remove(Collect::Now).await.unwrap();
    }

    /// Nothing is left, and the counts of tap and server agree.
    async fn end(self) {
        assert_eq!(self.inventory().await, Vec::<String>::new(), "{}", self.name());
        self.stand.target.clean_up(&self.other_namespace()).await.unwrap();
        self.stand.end().await;
    }
}
