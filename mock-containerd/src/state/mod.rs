//! What the mock knows, and the rules by which it changes: synchronous, without a server.

mod checkpoint;
mod container;
mod content;
mod controller;
mod creation;
mod deletion;
mod digest;
mod failure;
mod filter;
mod gc;
mod go_json;
mod identifier;
mod image;
mod ingest;
mod key;
mod labels;
mod lease;
mod manifest;
mod namespace;
mod naming;
mod pod;
mod process;
mod rootfs;
mod runtime;
mod sandbox;
mod sandbox_event;
mod sandbox_shim;
mod shim;
mod signals;
mod snapshot;
mod spec;
mod stream;
mod task;
mod tasks;
mod usage;
mod writing;

use std::collections::{BTreeMap, BTreeSet};

use containerd_client::services::v1::{Container, Image};
use containerd_client::types::Envelope;

pub(crate) use checkpoint::Restore;
pub(crate) use container::Mask;
pub(crate) use controller::{Controller, SandboxWait};
pub(crate) use digest::Digest;
pub(crate) use failure::Failure;
pub(crate) use filter::{Filter, any_passes, parse_all};
pub(crate) use gc::Garbage;
pub(crate) use identifier::check as check_identifier;
pub(crate) use ingest::{NotOpened, lock_patience};
pub(crate) use key::Key;
pub(crate) use labels::Labels;
pub(crate) use manifest::{
    Config, DOCKER_CONFIG, DOCKER_MANIFEST, Descriptor as BlobDescriptor, Index, Kind as BlobKind,
    Manifest, OCI_INDEX, Platform, references,
};
pub(crate) use naming::{annotate, familiar, names, names_of_part, normalized, object};
pub(crate) use process::{Exit, Props, Streams, Waited};
pub(crate) use runtime::Runtimes;
pub(crate) use snapshot::{Layers, NewSnapshot, Snapshotter};
pub(crate) use spec::{Wanted, missing_binary, no_such_file};
pub(crate) use task::{NewExec, NewTask};
pub(crate) use tasks::Launch;
pub(crate) use writing::Writing;

use crate::clock::Clock;
use crate::{Cgroups, Profile};
use filter::passing;
use key::{Parts, key, of_namespace};
use task::Task;

/// Everything. Changes push the events that they cause.
#[derive(Debug)]
pub(crate) struct State {
    pub(crate) profile: Profile,
    cgroups: Cgroups,
    runtimes: Runtimes,
    pub(crate) clock: Clock,
    containers: BTreeMap<Key, Container>,
    tasks: BTreeMap<Key, Task>,
    hung: shim::AllHung,
    namespaces: BTreeMap<String, BTreeMap<String, String>>,
    leases: BTreeMap<Key, lease::Held>,
    images: BTreeMap<Key, Image>,
    blobs: BTreeMap<Key, content::Blob>,
    ingests: BTreeMap<Key, ingest::Ingest>,
    /// By namespace and snapshotter.
    snapshots: BTreeMap<Key, snapshot::Shelf>,
    sandboxes: BTreeMap<Key, containerd_client::types::Sandbox>,
    /// What controllers made of them.
    sandbox_shims: BTreeMap<Key, sandbox_shim::SandboxShim>,
    /// Of shims that ended by themselves: in the way of their successors.
    left_bundles: BTreeSet<Key>,
    /// Pods of CRI, by their ids.
    pods: BTreeMap<String, pod::Metadata>,
    /// Namespaces that ever had a sandbox.
    sandboxed: BTreeSet<String>,
    /// Namespaces that ever had an image.
    imaged: BTreeSet<String>,
    /// Tasks whose sandbox's shim, which had them, is gone.
    orphans: BTreeSet<Key>,
    /// Each with the lease that it was opened under.
    streams: BTreeMap<Key, Option<String>>,
    next_lease: u32,
    next_file: u64,
    next_directory: u64,
    /// Something was deleted that may have held other things.
    dirty: bool,
    garbage: Garbage,
    happened: Vec<Envelope>,
}

impl State {
    pub(crate) fn new(profile: Profile, cgroups: Cgroups, clock: Clock) -> Self {
        Self {
            profile,
            cgroups,
            runtimes: Runtimes::default(),
            clock,
            containers: BTreeMap::new(),
            tasks: BTreeMap::new(),
            hung: BTreeMap::new(),
            namespaces: BTreeMap::new(),
            leases: BTreeMap::new(),
            images: BTreeMap::new(),
            blobs: BTreeMap::new(),
            ingests: BTreeMap::new(),
            snapshots: BTreeMap::new(),
            sandboxes: BTreeMap::new(),
            sandbox_shims: BTreeMap::new(),
            left_bundles: BTreeSet::new(),
            pods: BTreeMap::new(),
            sandboxed: BTreeSet::new(),
            imaged: BTreeSet::new(),
            orphans: BTreeSet::new(),
            streams: BTreeMap::new(),
            next_lease: 0,
            next_file: 0,
            next_directory: 0,
            dirty: false,
            garbage: Garbage::default(),
            happened: Vec::new(),
        }
    }

    /// Gives it runtimes beside runc.
    pub(crate) fn with_runtimes(self, runtimes: Runtimes) -> Self {
        Self { runtimes, ..self }
    }

    /// The events of the changes since this was last called, in order.
    pub(crate) fn take_events(&mut self) -> Vec<Envelope> {
        std::mem::take(&mut self.happened)
    }

    /// Something to send that did not come of a change here.
    pub(crate) fn publish(&mut self, envelope: Envelope) {
        self.happened.push(envelope);
    }

    fn happen<E: prost::Message + prost::Name>(&mut self, namespace: &str, topic: &str, event: &E) {
        self.happened.push(crate::events::envelope(self.clock.now(), namespace, topic, event));
    }

    /// A write in a namespace makes it; a read does not.
    fn touch_namespace(&mut self, namespace: &str) {
        self.namespaces.entry(namespace.to_owned()).or_default();
    }
}
