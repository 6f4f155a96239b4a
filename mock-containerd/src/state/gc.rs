//! Garbage collection: what no root reaches is forgotten. Roots are images, containers, leases,
//! fresh ingests, and what a label names so.

use std::collections::BTreeSet;

use prost_types::Timestamp;

use super::labels::Labels;
use super::snapshot::Snapshotter;
use super::{Digest, State};

const ROOT: &str = "containerd.io/gc.root";
const FLAT: &str = "containerd.io/gc.flat";
pub(super) const EXPIRE: &str = "containerd.io/gc.expire";
pub(super) const REF_CONTENT: &str = "containerd.io/gc.ref.content";
const REF_SNAPSHOT: &str = "containerd.io/gc.ref.snapshot.";
/// An ingest that no lease holds lives for a day.
const INGEST_SECONDS: i64 = 24 * 60 * 60;

/// What is on disk and belongs to nothing any more.
#[derive(Debug, Default)]
pub(crate) struct Garbage {
    pub(crate) blobs: Vec<Digest>,
    pub(crate) ingests: Vec<u64>,
    pub(crate) snapshots: Vec<(Snapshotter, u64)>,
    pub(crate) streams: Vec<super::Key>,
}

/// Something that can be reached, in its namespace.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Thing {
    Content(String),
    /// Snapshotter and key.
    Snapshot(String, String),
    Ingest(String),
}

type Node = (String, Thing);

impl State {
    /// Collects when something was deleted that may have held other things. The real one does so
    /// soon after; here it is done at once, so that no test depends on when.
    pub(crate) fn collect_if_dirty(&mut self) {
        if std::mem::take(&mut self.dirty) {
            self.collect();
        }
    }

    /// What the changes since this was last called left on disk.
    pub(crate) fn take_garbage(&mut self) -> Garbage {
        std::mem::take(&mut self.garbage)
    }

    fn collect(&mut self) {
        self.collect_streams();
        if self.blobs.is_empty() && self.ingests.is_empty() && self.snapshots.is_empty() {
            // Nothing that could be garbage: clients that only name containers pay nothing.
            return;
        }
        let now = self.clock.now();
        self.leases.retain(|_, held| !expired(&held.lease.labels, now));
        self.images.retain(|_, image| !expired(&image.labels, now));
        let reached = self.reached(now);
        let lost = |space: &String, thing: Thing| !reached.contains(&(space.clone(), thing));

        let places = self.blobs.keys();
        let blobs: Vec<_> =
            places.filter(|(space, id)| lost(space, Thing::Content(id.clone()))).cloned().collect();
        for place in blobs {
            self.forget_blob(&place);
        }
        let mut snapshots = Vec::new();
        for ((space, shelf_name), shelf) in &self.snapshots {
            let names = shelf
                .snapshots
                .keys()
                .filter(|name| lost(space, Thing::Snapshot(shelf_name.clone(), (*name).clone())));
            snapshots.extend(names.map(|name| (space.clone(), shelf_name.clone(), name.clone())));
        }
        for (space, shelf_name, name) in snapshots {
            let snapshotter =
                Snapshotter::named(&shelf_name).expect("only known ones have shelves");
            self.forget_snapshot(&space, snapshotter, &name);
        }
        let places = self.ingests.keys();
        let ingests: Vec<_> =
            places.filter(|(space, id)| lost(space, Thing::Ingest(id.clone()))).cloned().collect();
        for place in ingests {
            let gone = self.ingests.remove(&place).expect("it was listed a line ago");
            self.garbage.ingests.push(gone.file());
        }
    }

    fn reached(&self, now: Timestamp) -> BTreeSet<Node> {
        let (mut roots, mut reached) = (Vec::new(), BTreeSet::new());
        for ((space, _), held) in &self.leases {
            let things = held.resources.iter().filter_map(|(kind, id)| match kind.as_str() {
                "content" => Some(Thing::Content(id.clone())),
                "ingests" => Some(Thing::Ingest(id.clone())),
                kind => {
                    let snapshotter = kind.strip_prefix("snapshots/")?;
                    Some(Thing::Snapshot(snapshotter.to_owned(), id.clone()))
                }
            });
            let nodes = things.map(|thing| (space.clone(), thing));
            // What a flat lease holds is held alone, without what it refers to.
            if held.lease.labels.contains_key(FLAT) {
                reached.extend(nodes);
            } else {
                roots.extend(nodes);
            }
        }
        for ((space, _), image) in &self.images {
            let target = image.target.clone().unwrap_or_default().digest;
            roots.push((space.clone(), Thing::Content(target)));
            refer(&mut roots, space, &image.labels);
        }
        for ((space, _), container) in &self.containers {
            let (snapshotter, key) = (&container.snapshotter, &container.snapshot_key);
            if !snapshotter.is_empty() {
                roots.push((space.clone(), Thing::Snapshot(snapshotter.clone(), key.clone())));
            }
            refer(&mut roots, space, &container.labels);
        }
        for ((space, id), blob) in &self.blobs {
            if blob.info.labels.contains_key(ROOT) {
                roots.push((space.clone(), Thing::Content(id.clone())));
            }
        }
        for ((space, shelf_name), shelf) in &self.snapshots {
            for (name, snapshot) in &shelf.snapshots {
                if snapshot.info.labels.contains_key(ROOT) {
                    let thing = Thing::Snapshot(shelf_name.clone(), name.clone());
                    roots.push((space.clone(), thing));
                }
            }
        }
        for ((space, id), ingest) in &self.ingests {
            if !ingest.leased && ingest.started_at().seconds + INGEST_SECONDS > now.seconds {
                roots.push((space.clone(), Thing::Ingest(id.clone())));
            }
        }
        while let Some(node) = roots.pop() {
            if reached.insert(node.clone()) {
                self.follow(&mut roots, &node);
            }
        }
        reached
    }

    /// What a node refers to.
    fn follow(&self, to: &mut Vec<Node>, (space, thing): &Node) {
        match thing {
            Thing::Content(digest) => {
                if let Some(blob) = self.blobs.get(&(space.clone(), digest.clone())) {
                    refer(to, space, &blob.info.labels);
                }
            }
            Thing::Snapshot(snapshotter, name) => {
                let shelf = self.snapshots.get(&(space.clone(), snapshotter.clone()));
                if let Some(snapshot) = shelf.and_then(|shelf| shelf.snapshots.get(name)) {
                    let info = &snapshot.info;
                    if !info.parent.is_empty() {
                        let parent = Thing::Snapshot(snapshotter.clone(), info.parent.clone());
                        to.push((space.clone(), parent));
                    }
                    refer(to, space, &info.labels);
                }
            }
            Thing::Ingest(_) => {}
        }
    }
}

/// What labels refer to.
fn refer(to: &mut Vec<Node>, space: &str, labels: &Labels) {
    for (label, value) in labels {
        let thing = if let Some(snapshotter) = label.strip_prefix(REF_SNAPSHOT) {
            // A snapshotter's name may be followed by a name of the reference.
            let snapshotter = snapshotter.split('/').next().unwrap_or_default();
            Thing::Snapshot(snapshotter.to_owned(), value.clone())
        } else if label == REF_CONTENT
            || label.strip_prefix(REF_CONTENT).is_some_and(|rest| rest.starts_with(['.', '/']))
        {
            Thing::Content(value.clone())
        } else {
            continue;
        };
        to.push((space.to_owned(), thing));
    }
}

fn expired(labels: &Labels, now: Timestamp) -> bool {
    let until = labels.get(EXPIRE).and_then(|until| until.parse::<Timestamp>().ok());
    until.is_some_and(|until| (until.seconds, until.nanos) <= (now.seconds, now.nanos))
}
