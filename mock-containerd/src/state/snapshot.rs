//! Snapshots: by namespace and snapshotter, each a directory on disk, parents below children.

use std::collections::BTreeMap;

use containerd_client::events::{SnapshotCommit, SnapshotPrepare, SnapshotRemove};
use containerd_client::services::v1::snapshots::{Info, Kind};
use tonic::Code;

use super::identifier::check_labels;
use super::labels::{self, Labels};
use super::{Failure, Mask, State, key, parse_all, passing};
use crate::Profile;

/// Which snapshotters there are.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Snapshotter {
    Overlayfs,
    Native,
}

impl Snapshotter {
    pub(crate) fn named(name: &str) -> Result<Self, Failure> {
        match name {
            "" => Err(Failure::invalid("snapshotter argument missing")),
            "overlayfs" => Ok(Self::Overlayfs),
            "native" => Ok(Self::Native),
            other => Err(Failure::invalid(format!("snapshotter not loaded: {other}"))),
        }
    }

    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Overlayfs => "overlayfs",
            Self::Native => "native",
        }
    }
}

/// The snapshots of one namespace and snapshotter.
#[derive(Debug, Default)]
pub(super) struct Shelf {
    /// Numbers keys: containerd shows it in some errors.
    sequence: u64,
    pub(super) snapshots: BTreeMap<String, Snapshot>,
}

#[derive(Clone, Debug)]
pub(super) struct Snapshot {
    number: u64,
    directory: u64,
    pub(super) info: Info,
}

/// Where a snapshot's files are: its own directory, and those below it, nearest first.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Layers {
    pub(crate) snapshotter: Snapshotter,
    pub(crate) writable: bool,
    pub(crate) directory: u64,
    pub(crate) parents: Vec<u64>,
}

/// What is asked for of a new snapshot.
#[derive(Debug)]
pub(crate) struct NewSnapshot {
    pub(crate) snapshotter: Snapshotter,
    pub(crate) key: String,
    pub(crate) parent: String,
    pub(crate) labels: Labels,
    pub(crate) kind: Kind,
}

impl State {
    fn shelf(&mut self, namespace: &str, snapshotter: Snapshotter) -> &mut Shelf {
        self.snapshots.entry(key(namespace, snapshotter.name())).or_default()
    }

    fn snapshot(
        &self,
        namespace: &str,
        snapshotter: Snapshotter,
        name: &str,
    ) -> Result<&Snapshot, Failure> {
        let shelf = self.snapshots.get(&key(namespace, snapshotter.name()));
        shelf.and_then(|shelf| shelf.snapshots.get(name)).ok_or_else(|| no_snapshot(name))
    }

    /// Enters a snapshot; its directories are to be made.
    pub(crate) fn create_snapshot(
        &mut self,
        namespace: &str,
        lease: Option<&str>,
        new: NewSnapshot,
    ) -> Result<Layers, Failure> {
        let NewSnapshot { snapshotter, key, parent, labels, kind } = new;
        check_labels(self.profile, "info.Labels: ", labels.iter())?;
        let directory = self.next_directory + 1;
        let shelf = self.shelf(namespace, snapshotter);
        let number = shelf.sequence + 1;
        shelf.free(&key)?;
        let full = |shelf: &Shelf, name: &str| shelf.full_key(namespace, name);
        if !parent.is_empty() {
            let found = shelf.snapshots.get(&parent).ok_or_else(|| {
                Failure::not_found(format!("parent snapshot {parent} does not exist"))
            })?;
            if found.info.kind() != Kind::Committed {
                let parent = full(shelf, &parent);
                return Err(Failure::invalid(format!(
                    "failed to create snapshot: parent {parent:?} is not committed snapshot"
                )));
            }
        }
        self.check_lease(namespace, lease)?;
        let now = Some(self.clock.now());
        let mut info = Info {
            name: key.clone(),
            parent: parent.clone(),
            kind: kind.into(),
            created_at: now,
            updated_at: now,
            labels,
        };
        info.labels.retain(|_, value| !value.is_empty());
        self.next_directory = directory;
        let shelf = self.shelf(namespace, snapshotter);
        shelf.sequence = number;
        shelf.snapshots.insert(key.clone(), Snapshot { number, directory, info });
        self.touch_namespace(namespace);
        let resource = format!("snapshots/{}", snapshotter.name());
        self.lease_resource(namespace, lease, &resource, &key);
        if kind == Kind::Active {
            let snapshotter = snapshotter.name().to_owned();
            let event = SnapshotPrepare { key: key.clone(), parent, snapshotter };
            self.happen(namespace, "/snapshot/prepare", &event);
        }
        self.layers(namespace, snapshotter, &key)
    }

    /// Where the files of a snapshot are.
    pub(crate) fn layers(
        &self,
        namespace: &str,
        snapshotter: Snapshotter,
        name: &str,
    ) -> Result<Layers, Failure> {
        let snapshot = self.snapshot(namespace, snapshotter, name)?;
        let mut parents = Vec::new();
        let mut below = snapshot.info.parent.as_str();
        while let Ok(parent) = self.snapshot(namespace, snapshotter, below) {
            parents.push(parent.directory);
            below = parent.info.parent.as_str();
        }
        let writable = snapshot.info.kind() == Kind::Active;
        Ok(Layers { snapshotter, writable, directory: snapshot.directory, parents })
    }

    /// The same, of a snapshot that can be mounted.
    pub(crate) fn mountable(
        &self,
        namespace: &str,
        snapshotter: Snapshotter,
        name: &str,
    ) -> Result<Layers, Failure> {
        let snapshot = self.snapshot(namespace, snapshotter, name)?;
        if snapshot.info.kind() == Kind::Committed {
            let what = format!(
                "failed to get active mount: snapshot {:?} not active or view",
                format!("{namespace}/{}/{name}", snapshot.number)
            );
            return Err(Failure::precondition(what));
        }
        self.layers(namespace, snapshotter, name)
    }

    pub(crate) fn snapshot_info(
        &self,
        namespace: &str,
        snapshotter: Snapshotter,
        name: &str,
    ) -> Result<Info, Failure> {
        Ok(self.snapshot(namespace, snapshotter, name)?.info.clone())
    }

    /// Makes an active snapshot a parent for others, under a new name.
    pub(crate) fn commit_snapshot(
        &mut self,
        namespace: &str,
        lease: Option<&str>,
        snapshotter: Snapshotter,
        (name, active): (&str, &str),
        labels: Labels,
    ) -> Result<(), Failure> {
        check_labels(self.profile, "info.Labels: ", labels.iter())?;
        self.check_lease(namespace, lease)?;
        let (profile, now) = (self.profile, Some(self.clock.now()));
        if name.is_empty() && profile == Profile::V1_6 {
            return Err(Failure::plain(Code::Unknown, "bucket name required"));
        }
        let shelf = self.shelf(namespace, snapshotter);
        shelf.free(name)?;
        let found = shelf.snapshots.get(active).ok_or_else(|| no_snapshot(active))?;
        let bare = found.info.kind() == Kind::View && !found.info.parent.is_empty();
        if bare && snapshotter == Snapshotter::Native {
            // It measures the snapshot's directory before it looks at its kind, and a view upon a
            // parent has none. Where the directory would be is the store's to know.
            let message = format!(
                "lstat …/root/io.containerd.snapshotter.v1.native/snapshots/{}: no such file or \
                 directory",
                found.directory
            );
            return Err(Failure::plain(Code::Unknown, message));
        }
        if found.info.kind() != Kind::Active {
            let full = shelf.full_key(namespace, active);
            let which = if profile == Profile::V1_6 { String::new() } else { format!(" {full}") };
            return Err(Failure::precondition(format!(
                "failed to commit snapshot{which}: snapshot {full:?} is not active"
            )));
        }
        let mut snapshot = shelf.snapshots.remove(active).expect("it was there a line ago");
        shelf.sequence += 1;
        snapshot.number = shelf.sequence;
        snapshot.info = Info {
            name: name.to_owned(),
            parent: snapshot.info.parent,
            kind: Kind::Committed.into(),
            created_at: now,
            updated_at: now,
            labels,
        };
        snapshot.info.labels.retain(|_, value| !value.is_empty());
        shelf.snapshots.insert(name.to_owned(), snapshot);
        let resource = format!("snapshots/{}", snapshotter.name());
        self.unlease_resource(namespace, &resource, active);
        self.lease_resource(namespace, lease, &resource, name);
        let event = SnapshotCommit {
            key: active.to_owned(),
            name: name.to_owned(),
            snapshotter: snapshotter.name().to_owned(),
        };
        self.happen(namespace, "/snapshot/commit", &event);
        Ok(())
    }

    pub(crate) fn remove_snapshot(
        &mut self,
        namespace: &str,
        snapshotter: Snapshotter,
        name: &str,
    ) -> Result<(), Failure> {
        self.snapshot(namespace, snapshotter, name)?;
        let shelf = self.shelf(namespace, snapshotter);
        if shelf.snapshots.values().any(|snapshot| snapshot.info.parent == name) {
            return Err(Failure::precondition("cannot remove snapshot with child"));
        }
        self.forget_snapshot(namespace, snapshotter, name);
        let event =
            SnapshotRemove { key: name.to_owned(), snapshotter: snapshotter.name().to_owned() };
        self.happen(namespace, "/snapshot/remove", &event);
        self.dirty = true;
        Ok(())
    }

    /// Without a word: so does the garbage collector.
    pub(super) fn forget_snapshot(
        &mut self,
        namespace: &str,
        snapshotter: Snapshotter,
        name: &str,
    ) {
        let Some(gone) = self.shelf(namespace, snapshotter).snapshots.remove(name) else { return };
        self.garbage.snapshots.push((snapshotter, gone.directory));
        self.unlease_resource(namespace, &format!("snapshots/{}", snapshotter.name()), name);
    }

    pub(crate) fn update_snapshot(
        &mut self,
        namespace: &str,
        snapshotter: Snapshotter,
        given: Option<Info>,
        mask: &Mask,
    ) -> Result<Info, Failure> {
        // Without it 1.7 and 2.1 crash; a mock must not.
        let given = given.unwrap_or_default();
        let (profile, now) = (self.profile, Some(self.clock.now()));
        if given.name.is_empty() {
            return Err(Failure::plain(Code::InvalidArgument, "invalid argument"));
        }
        let shelf = self.shelf(namespace, snapshotter);
        let found = shelf.snapshots.get_mut(&given.name);
        let info = &mut found.ok_or_else(|| no_snapshot(&given.name))?.info;
        let mut next = info.labels.clone();
        labels::update(&mut next, &given.labels, mask).map_err(|field| {
            Failure::invalid(format!("cannot update {field:?} field on snapshot {:?}", given.name))
        })?;
        check_labels(profile, "info.Labels: ", next.iter())?;
        info.labels = next;
        info.updated_at = now;
        Ok(info.clone())
    }

    pub(crate) fn list_snapshots(
        &self,
        namespace: &str,
        snapshotter: Snapshotter,
        filters: &[String],
    ) -> Result<Vec<Info>, Failure> {
        // A bad filter is UNKNOWN here, not INVALID_ARGUMENT.
        let filters = parse_all(filters).map_err(|error| Failure::plain(Code::Unknown, error))?;
        let shelf = self.snapshots.get(&key(namespace, snapshotter.name()));
        let snapshots = shelf.into_iter().flat_map(|shelf| shelf.snapshots.values());
        Ok(passing(&filters, snapshots.map(|snapshot| &snapshot.info), field))
    }
}

impl Shelf {
    /// Whether a key can be given to a new snapshot.
    fn free(&self, name: &str) -> Result<(), Failure> {
        if name.is_empty() {
            return Err(Failure::plain(Code::Unknown, "key required"));
        }
        if self.snapshots.contains_key(name) {
            return Err(Failure::already_exists(format!("snapshot {name:?}")));
        }
        Ok(())
    }

    fn full_key(&self, namespace: &str, name: &str) -> String {
        let number = self.snapshots.get(name).map_or(0, |snapshot| snapshot.number);
        format!("{namespace}/{number}/{name}")
    }
}

fn no_snapshot(name: &str) -> Failure {
    Failure::not_found(format!("snapshot {name} does not exist"))
}

fn field(info: &Info, path: &[&str]) -> Option<String> {
    match path {
        ["kind"] => Some(info.kind().as_str_name().to_lowercase()),
        ["name"] => Some(info.name.clone()),
        ["parent"] => Some(info.parent.clone()),
        ["labels", label @ ..] => info.labels.get(&label.join(".")).cloned(),
        _ => None,
    }
    .filter(|value| !value.is_empty())
}
