//! Layers become snapshots.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use containerd_client::services::v1::ApplyRequest;
use containerd_client::services::v1::snapshots::{
    CommitSnapshotRequest, ListSnapshotsRequest, PrepareSnapshotRequest, RemoveSnapshotRequest,
    StatSnapshotRequest,
};

use super::content;
use super::handle::Image;
use super::lease::Lease;
use super::manifest::Descriptor;
use crate::wire::{self, Doing, Wire, operation};
use crate::{Error, Kind};

const REF_SNAPSHOT: &str = "containerd.io/gc.ref.snapshot.";
const UNCOMPRESSED: &str = "containerd.io/uncompressed";
/// The server reads, expands and writes a whole layer meanwhile.
const APPLY_LIMIT_MS: u64 = 20 * 60 * 1000;

/// One layer on its way.
struct Step<'s> {
    layer: &'s Descriptor,
    diff_id: &'s str,
    /// The chain id of all below; empty: it is the lowest.
    parent: &'s str,
    chain_id: &'s str,
}

impl Image {
    /// Unpacks its layers, so that containers can be made of it. Whatever is there already is used,
    /// whichever image brought it.
    ///
    /// First comes the label by which the configuration keeps the snapshot, then the look whether
    /// that is there: in this order nothing can collect what was just seen. The rest is under a lease.
    ///
    /// `NotFound` when the image's content is not there any more, `DataLoss` when a layer is not what
    /// the configuration says. A layer may take 20 minutes. What failed or was dropped half-way is
    /// collected by the server; layers that were finished are found again.
    ///
    /// RPCs: 2 (Content/Update, Snapshots/Stat) when all of it is there; 5 + 4m (Content/Update,
    /// Snapshots/Stat, Leases/Create, Snapshots/List, m × Snapshots/Prepare, m × Diff/Apply,
    /// m × Snapshots/Commit, m × Content/Update, Leases/Delete) when m of several layers are missing
    /// and compressed; 5 + 3m (Content/Update, Snapshots/Stat, Leases/Create, Snapshots/List,
    /// m × Snapshots/Prepare, m × Diff/Apply, m × Snapshots/Commit, Leases/Delete) when they are plain
    /// tars; 8 (Content/Update, Snapshots/Stat, Leases/Create, Snapshots/Prepare, Diff/Apply,
    /// Snapshots/Commit, Content/Update, Leases/Delete) when its only layer is missing; 0 of an image
    /// without layers.
    pub async fn unpack(&self, snapshotter: &str) -> Result<(), Error> {
        operation("unpack", self.name(), None, async {
            let Some(top) = self.chain_id() else { return Ok(()) };
            let wire = &self.shared.wire;
            let kept = BTreeMap::from([(format!("{REF_SNAPSHOT}{snapshotter}"), top.to_owned())]);
            let doing = Doing::begin("unpack", self.name());
            content::label(wire, &doing, &self.known.manifest.config.digest, kept).await?;
            let message =
                StatSnapshotRequest { snapshotter: snapshotter.to_owned(), key: top.to_owned() };
            match wire.call(&doing.part_on("look for", top), &wire::snapshots::STAT, message).await
            {
                Ok(_) => return Ok(()),
                Err(error) if error.kind() == Kind::NotFound => {}
                Err(error) => return Err(error),
            }
            let lease = Lease::begin(&self.shared, &doing).await?;
            let unpacked = self.unpack_under(&lease, &doing, snapshotter).await;
            lease.end(&doing, unpacked).await
        })
        .await
    }

    async fn unpack_under(
        &self,
        lease: &Lease,
        doing: &Doing<'_>,
        snapshotter: &str,
    ) -> Result<(), Error> {
        let known = &self.known;
        let there = self.there(doing, snapshotter).await?;
        let from = known.chain.iter().rposition(|id| there.contains(id)).map_or(0, |at| at + 1);
        for at in from..known.chain.len() {
            let step = Step {
                layer: &known.manifest.layers[at],
                diff_id: &known.config.diff_ids[at],
                parent: at.checked_sub(1).map_or("", |below| &known.chain[below]),
                chain_id: &known.chain[at],
            };
            step.unpack(lease, doing, snapshotter).await?;
        }
        Ok(())
    }

    /// Which of its snapshots are there; the topmost is known not to be.
    async fn there(&self, doing: &Doing<'_>, snapshotter: &str) -> Result<BTreeSet<String>, Error> {
        let below = &self.known.chain[..self.known.chain.len() - 1];
        if below.is_empty() {
            return Ok(BTreeSet::new());
        }
        let filters = below.iter().map(|id| format!("name==\"{id}\"")).collect();
        let message = ListSnapshotsRequest { snapshotter: snapshotter.to_owned(), filters };
        let doing = doing.part("list snapshots of");
        let listed = self.shared.wire.collect(&doing, &wire::snapshots::LIST, message).await?;
        Ok(listed.into_iter().flat_map(|some| some.info).map(|info| info.name).collect())
    }
}

impl Step<'_> {
    async fn unpack(
        &self,
        lease: &Lease,
        doing: &Doing<'_>,
        snapshotter: &str,
    ) -> Result<(), Error> {
        let wire = lease.wire();
        let doing = doing.part_on("unpack", &self.layer.digest).under(lease.header());
        let key = format!("extract-{}-{}", lease.id(), self.chain_id);
        if let Err(error) = self.apply(wire, &doing, snapshotter, &key).await {
            let message = RemoveSnapshotRequest { snapshotter: snapshotter.to_owned(), key };
            // What is not removed goes with the lease.
            let _ = wire.call(&doing, &wire::snapshots::REMOVE, message).await;
            // Somebody else was faster: theirs is as good.
            return if error.kind() == Kind::AlreadyExists { Ok(()) } else { Err(error) };
        }
        if self.layer.is_compressed() {
            let labels = BTreeMap::from([(UNCOMPRESSED.to_owned(), self.diff_id.to_owned())]);
            content::label(wire, &doing, &self.layer.digest, labels).await?;
        }
        Ok(())
    }

    async fn apply(
        &self,
        wire: &Wire,
        doing: &Doing<'_>,
        snapshotter: &str,
        key: &str,
    ) -> Result<(), Error> {
        let message = PrepareSnapshotRequest {
            snapshotter: snapshotter.to_owned(),
            key: key.to_owned(),
            parent: self.parent.to_owned(),
            ..PrepareSnapshotRequest::default()
        };
        let mounts = wire.call(doing, &wire::snapshots::PREPARE, message).await?.mounts;
        let message =
            ApplyRequest { diff: Some(self.layer.wire()), mounts, ..ApplyRequest::default() };
        let long = doing.clone().within(Duration::from_millis(APPLY_LIMIT_MS));
        let applied = wire.call(&long, &wire::diff::APPLY, message).await?.applied;
        let found = applied.unwrap_or_default().digest;
        if found != self.diff_id {
            let what = format!("the tar in it is {found}, not {}", self.diff_id);
            return Err(Error::refusal(doing, Kind::DataLoss, what));
        }
        let message = CommitSnapshotRequest {
            snapshotter: snapshotter.to_owned(),
            name: self.chain_id.to_owned(),
            key: key.to_owned(),
            ..CommitSnapshotRequest::default()
        };
        wire.call(doing, &wire::snapshots::COMMIT, message).await
    }
}
