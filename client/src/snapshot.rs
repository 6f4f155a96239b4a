//! The snapshot that a container made from an image writes to.

use containerd_client::services::v1::Container as Record;
use containerd_client::services::v1::snapshots::{
    MountsRequest, PrepareSnapshotRequest, RemoveSnapshotRequest,
};
use containerd_client::types::Mount;
use tokio::sync::OnceCell;

use crate::wire::{self, Doing, Wire};
use crate::{Error, Kind};

#[derive(Debug)]
pub(crate) struct Snapshot {
    snapshotter: String,
    key: String,
    /// They do not change as long as the snapshot lives, whatever becomes of the server.
    mounts: OnceCell<Vec<Mount>>,
}

impl Snapshot {
    /// One that is to be prepared for a container. Its key is nobody else's: a container of the same
    /// id that came later has another, so that removing ours cannot hit it.
    pub(crate) fn new(snapshotter: &str, container: &str) -> Self {
        let key = format!("{container}-{:016x}", fastrand::u64(..));
        Self { snapshotter: snapshotter.to_owned(), key, mounts: OnceCell::new() }
    }

    /// The one that a record names.
    pub(crate) fn of_record(record: &Record) -> Option<Self> {
        let named = !record.snapshot_key.is_empty();
        named.then(|| Self {
            snapshotter: record.snapshotter.clone(),
            key: record.snapshot_key.clone(),
            mounts: OnceCell::new(),
        })
    }

    /// From when the record is there, the server's garbage collection spares what it names.
    pub(crate) fn name_in(&self, record: &mut Record) {
        record.snapshotter.clone_from(&self.snapshotter);
        record.snapshot_key.clone_from(&self.key);
    }

    /// Snapshots/Prepare. The reply has the mounts.
    pub(crate) async fn prepare(
        &self,
        wire: &Wire,
        doing: &Doing<'_>,
        parent: &str,
    ) -> Result<(), Error> {
        let message = PrepareSnapshotRequest {
            snapshotter: self.snapshotter.clone(),
            key: self.key.clone(),
            parent: parent.to_owned(),
            ..PrepareSnapshotRequest::default()
        };
        let doing = doing.part_on("prepare snapshot", &self.key);
        let mounts = wire.call(&doing, &wire::snapshots::PREPARE, message).await?.mounts;
        // Nobody else knows this snapshot yet, so that nobody was faster.
        let _ = self.mounts.set(mounts);
        Ok(())
    }

    /// What its container's task is mounted on. Snapshots/Mounts, unless it is known.
    pub(crate) async fn mounts(&self, wire: &Wire, doing: &Doing<'_>) -> Result<Vec<Mount>, Error> {
        let ask = async || {
            let message =
                MountsRequest { snapshotter: self.snapshotter.clone(), key: self.key.clone() };
            let doing = doing.part_on("ask for the mounts of", &self.key);
            Ok(wire.call(&doing, &wire::snapshots::MOUNTS, message).await?.mounts)
        };
        self.mounts.get_or_try_init(ask).await.cloned()
    }

    /// Snapshots/Remove. Its record is gone by now, so that the server may have been faster.
    pub(crate) async fn remove(&self, wire: &Wire, doing: &Doing<'_>) -> Result<(), Error> {
        let message =
            RemoveSnapshotRequest { snapshotter: self.snapshotter.clone(), key: self.key.clone() };
        let doing = doing.part_on("remove snapshot", &self.key);
        match wire.call(&doing, &wire::snapshots::REMOVE, message).await {
            Err(error) if error.kind() != Kind::NotFound => Err(error),
            _ => Ok(()),
        }
    }
}
