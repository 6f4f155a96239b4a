//! What the mock knows, and the rules by which it changes: synchronous, without a server.

mod container;
mod failure;
mod filter;
mod identifier;
mod lease;
mod namespace;
mod process;
mod spec;
mod task;
mod tasks;

use std::collections::BTreeMap;

use containerd_client::services::v1::{Container, Lease};
use containerd_client::types::Envelope;

pub(crate) use container::Mask;
pub(crate) use failure::Failure;
pub(crate) use filter::{Filter, any_passes, parse_all};
pub(crate) use identifier::check as check_identifier;
pub(crate) use process::{Exit, Streams, Waited};
pub(crate) use spec::{Argv, missing_binary, no_such_file};
pub(crate) use task::{NewExec, NewTask};
pub(crate) use tasks::Launch;

use crate::Profile;
use task::Task;

/// Namespace and id.
type Key = (String, String);

/// One more than the kernel's largest: whoever kills by what we show hits nobody.
const FIRST_PID: u32 = (1 << 22) + 1;

/// Everything. Changes push the events that they cause.
#[derive(Debug)]
pub(crate) struct State {
    pub(crate) profile: Profile,
    containers: BTreeMap<Key, Container>,
    tasks: BTreeMap<Key, Task>,
    namespaces: BTreeMap<String, BTreeMap<String, String>>,
    leases: BTreeMap<Key, (Lease, Vec<containerd_client::services::v1::Resource>)>,
    next_pid: u32,
    next_lease: u32,
    happened: Vec<Envelope>,
}

impl State {
    pub(crate) fn new(profile: Profile) -> Self {
        Self {
            profile,
            containers: BTreeMap::new(),
            tasks: BTreeMap::new(),
            namespaces: BTreeMap::new(),
            leases: BTreeMap::new(),
            next_pid: FIRST_PID,
            next_lease: 0,
            happened: Vec::new(),
        }
    }

    /// The events of the changes since this was last called, in order.
    pub(crate) fn take_events(&mut self) -> Vec<Envelope> {
        std::mem::take(&mut self.happened)
    }

    fn happen<E: prost::Message + prost::Name>(&mut self, namespace: &str, topic: &str, event: &E) {
        self.happened.push(crate::events::envelope(namespace, topic, event));
    }

    /// A write in a namespace makes it; a read does not.
    fn touch_namespace(&mut self, namespace: &str) {
        self.namespaces.entry(namespace.to_owned()).or_default();
    }

    fn take_pid(&mut self) -> u32 {
        self.next_pid += 1;
        self.next_pid - 1
    }
}

fn key(namespace: &str, id: &str) -> Key {
    (namespace.to_owned(), id.to_owned())
}
