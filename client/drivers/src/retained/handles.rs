//! The handles that the retained driver keeps, by the names that the protocol has for them.

use std::collections::{BTreeMap, BTreeSet};

use driver_protocol::{ContainerId, ErrorKind, ExecId, Refusal};
use laconic_client::{Container, Image, Process, Task};

use super::streams::{Held, Wanted};

/// A task has its container's name; an exec one of its own.
pub(super) type Name = (ContainerId, Option<ExecId>);

/// Which handle of a name it is: whoever ends what has one lets go of that, and not of the next one, which
/// may have come meanwhile.
pub(super) type Turn = u64;

#[derive(Default)]
pub(super) struct Handles {
    turns: Turn,
    containers: BTreeMap<ContainerId, (Turn, Container)>,
    tasks: BTreeMap<ContainerId, (Turn, Task)>,
    processes: BTreeMap<(ContainerId, ExecId), (Turn, Process)>,
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
    fn turn(&mut self) -> Turn {
        self.turns += 1;
        self.turns
    }

    pub(super) fn keep_container(&mut self, id: ContainerId, container: Container) {
        let turn = self.turn();
        self.containers.insert(id, (turn, container));
    }

    pub(super) fn keep_task(&mut self, id: ContainerId, task: Task) {
        let turn = self.turn();
        self.tasks.insert(id, (turn, task));
    }

    pub(super) fn keep_process(&mut self, id: ContainerId, exec: ExecId, process: Process) {
        let turn = self.turn();
        self.processes.insert((id, exec), (turn, process));
    }

    pub(super) fn container(&self, id: &ContainerId) -> Result<(Turn, Container), Refusal> {
        self.containers.get(id).cloned().ok_or_else(|| unknown(format!("container {id}")))
    }

    pub(super) fn task(&self, id: &ContainerId) -> Result<(Turn, Task), Refusal> {
        self.tasks.get(id).cloned().ok_or_else(|| unknown(format!("task of {id}")))
    }

    pub(super) fn process(
        &self,
        id: &ContainerId,
        exec: &ExecId,
    ) -> Result<(Turn, Process), Refusal> {
        let found = self.processes.get(&(id.clone(), exec.clone())).cloned();
        found.ok_or_else(|| unknown(format!("exec {exec} of {id}")))
    }

    /// The next of that name has none of its processes.
    pub(super) fn container_is_gone(&mut self, id: &ContainerId, turn: Turn) {
        if self.containers.get(id).is_none_or(|(kept, _)| *kept != turn) {
            return;
        }
        self.containers.remove(id);
        self.terminals.remove(id);
        if let Some((task, _)) = self.tasks.get(id) {
            self.task_is_gone(id, *task);
        }
        self.processes.retain(|(container, _), _| container != id);
        self.held.retain(|(container, _), _| container != id);
    }

    pub(super) fn task_is_gone(&mut self, id: &ContainerId, turn: Turn) {
        if self.tasks.get(id).is_some_and(|(kept, _)| *kept == turn) {
            self.tasks.remove(id);
            self.wanted.remove(id);
            self.held.remove(&(id.clone(), None));
        }
    }

    pub(super) fn exec_is_gone(&mut self, id: ContainerId, exec: ExecId, turn: Turn) {
        let name = (id, exec);
        if self.processes.get(&name).is_some_and(|(kept, _)| *kept == turn) {
            self.processes.remove(&name);
            self.held.remove(&(name.0, Some(name.1)));
        }
    }
}
