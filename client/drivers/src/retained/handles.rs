//! The handles that the retained driver keeps, by the names that the protocol has for them.

use std::collections::{BTreeMap, BTreeSet};

use driver_protocol::{ContainerId, ErrorKind, ExecId, Refusal};
use laconic_client::{Container, Image, Process, Task};

use super::streams::{Held, Wanted};

/// A task has its container's name; an exec one of its own.
pub(super) type Name = (ContainerId, Option<ExecId>);

#[derive(Default)]
pub(super) struct Handles {
    pub(super) containers: BTreeMap<ContainerId, Container>,
    pub(super) tasks: BTreeMap<ContainerId, Task>,
    pub(super) processes: BTreeMap<(ContainerId, ExecId), Process>,
    pub(super) images: BTreeMap<String, Image>,
    /// Containers whose tasks have a terminal.
    pub(super) terminals: BTreeSet<ContainerId>,
    /// Of tasks that are created and not started.
    pub(super) wanted: BTreeMap<ContainerId, Wanted>,
    pub(super) held: BTreeMap<Name, Held>,
}

pub(super) fn unknown(what: String) -> Refusal {
    Refusal {
        kind: ErrorKind::NotFound,
        code: None,
        message: format!("this client holds no {what}"),
    }
}

impl Handles {
    pub(super) fn container(&self, id: &ContainerId) -> Result<Container, Refusal> {
        self.containers.get(id).cloned().ok_or_else(|| unknown(format!("container {id}")))
    }

    pub(super) fn task(&self, id: &ContainerId) -> Result<Task, Refusal> {
        self.tasks.get(id).cloned().ok_or_else(|| unknown(format!("task of {id}")))
    }

    pub(super) fn process(&self, id: &ContainerId, exec: &ExecId) -> Result<Process, Refusal> {
        let found = self.processes.get(&(id.clone(), exec.clone())).cloned();
        found.ok_or_else(|| unknown(format!("exec {exec} of {id}")))
    }

    /// The next of that name has none of its processes.
    pub(super) fn container_is_gone(&mut self, id: &ContainerId) {
        self.task_is_gone(id);
        self.containers.remove(id);
        self.terminals.remove(id);
        self.processes.retain(|(container, _), _| container != id);
        self.held.retain(|(container, _), _| container != id);
    }

    pub(super) fn task_is_gone(&mut self, id: &ContainerId) {
        self.tasks.remove(id);
        self.wanted.remove(id);
        self.held.remove(&(id.clone(), None));
    }

    pub(super) fn exec_is_gone(&mut self, id: ContainerId, exec: ExecId) {
        self.held.remove(&(id.clone(), Some(exec.clone())));
        self.processes.remove(&(id, exec));
    }
}
