//! What a container may be in, and what becomes of it without anybody's doing.

use std::collections::{BTreeMap, BTreeSet};

use driver_protocol::Lifecycle;

use super::Program;

/// A container record, and all that hangs on it.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) struct Container {
    /// What its tasks run.
    pub program: Program,
    /// Its task.
    pub task: Option<Task>,
    /// How execs that are gone had ended: a client may still tell.
    pub past: BTreeMap<u8, u32>,
    /// And how its last task had, that is gone.
    pub last: Option<u32>,
    /// Its last task, that is gone, had not exited as far as was seen: how it ended is free.
    pub free: bool,
    /// The client was told of its tasks by nothing but a list, which leaves out those whose state
    /// cannot be read.
    pub listed: bool,
}

/// A task.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) struct Task {
    /// Where it stands.
    pub phase: Phase,
    /// The status with which a signal that was sent will end it.
    pub doom: Option<u32>,
    /// It is said to be paused, and runs: runc thaws whom it signals with all others.
    pub thawed: bool,
    /// Its execs.
    pub execs: BTreeMap<u8, Exec>,
}

/// Where a task stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) enum Phase {
    /// Made, not started.
    Created,
    /// Running.
    Running,
    /// Frozen.
    Paused,
    /// Exited, with a status.
    Stopped(u32),
}

impl Phase {
    /// As the server tells it.
    pub(super) fn told(self) -> Lifecycle {
        match self {
            Self::Created => Lifecycle::Created,
            Self::Running => Lifecycle::Running,
            Self::Paused => Lifecycle::Paused,
            Self::Stopped(_) => Lifecycle::Stopped,
        }
    }
}

/// An exec that was registered and started.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) struct Exec {
    /// What it runs.
    pub program: Program,
    /// Its status, once it has exited.
    pub exited: Option<u32>,
    /// The status with which a signal that was sent will end it.
    pub doom: Option<u32>,
    /// Whether the client that is there now has made it, or an earlier one.
    pub held: bool,
}

/// What became of the last process that a task had: the others of its pid namespace are killed.
const KILLED: u32 = 128 + super::program::KILL;

impl Task {
    /// Made, not started.
    pub(super) fn created() -> Self {
        Self { phase: Phase::Created, doom: None, thawed: false, execs: BTreeMap::new() }
    }

    /// Ended, and its execs with it.
    pub(super) fn stop(&self, status: u32) -> Self {
        let mut stopped = self.clone();
        (stopped.phase, stopped.doom, stopped.thawed) = (Phase::Stopped(status), None, false);
        for exec in stopped.execs.values_mut().filter(|exec| exec.exited.is_none()) {
            (exec.exited, exec.doom) = (Some(KILLED), None);
        }
        stopped
    }

    /// The first process of a pid namespace ends when all others of it have been killed: until then it
    /// is shown as it was, and of each of them the end may be told.
    fn dying(&self, status: u32) -> impl Iterator<Item = Self> {
        let living = self.execs.iter().filter(|(_, exec)| exec.exited.is_none());
        living.map(move |(slot, exec)| {
            let mut dying = self.clone();
            dying.doom = Some(status);
            dying.execs.insert(*slot, Exec { exited: Some(KILLED), doom: None, ..exec.clone() });
            dying
        })
    }

    /// Whether its processes can do anything.
    fn goes_on(&self) -> bool {
        self.phase == Phase::Running || self.thawed
    }

    /// What may happen next by itself.
    fn next(&self, program: Program) -> Vec<Self> {
        let natural = program.ends_with().filter(|_| self.goes_on());
        let mut next = Vec::new();
        if !matches!(self.phase, Phase::Stopped(_)) {
            let ends = self.doom.into_iter().chain(natural);
            next.extend(ends.flat_map(|status| self.dying(status).chain([self.stop(status)])));
        }
        for (slot, exec) in self.execs.iter().filter(|(_, exec)| exec.exited.is_none()) {
            // What is frozen goes on once it is thawed.
            let natural = exec.program.ends_with();
            let natural = natural.filter(|_| self.phase != Phase::Paused || self.thawed);
            for status in exec.doom.into_iter().chain(natural) {
                let mut later = self.clone();
                later
                    .execs
                    .insert(*slot, Exec { exited: Some(status), doom: None, ..exec.clone() });
                next.push(later);
            }
        }
        next
    }

    /// In which ways it may be frozen: what was ending by itself may have ended before, and be told
    /// later.
    pub(super) fn frozen(&self, program: Program) -> Vec<Self> {
        let ways = |doom: Option<u32>, natural: Option<u32>| match (doom, natural) {
            (None, Some(end)) => vec![None, Some(end)],
            (doom, _) => vec![doom],
        };
        let mut frozen: Vec<Self> = ways(self.doom, program.ends_with())
            .into_iter()
            .map(|doom| Self { phase: Phase::Paused, doom, ..self.clone() })
            .collect();
        for (slot, exec) in self.execs.iter().filter(|(_, exec)| exec.exited.is_none()) {
            let dooms = ways(exec.doom, exec.program.ends_with());
            frozen = frozen
                .iter()
                .flat_map(|task| {
                    dooms.iter().map(|doom| {
                        let mut task = task.clone();
                        task.execs.insert(*slot, Exec { doom: *doom, ..exec.clone() });
                        task
                    })
                })
                .collect();
        }
        frozen
    }

    /// Whether its end will come without anybody's doing.
    pub(super) fn will_end(&self, program: Program) -> bool {
        match self.phase {
            Phase::Stopped(_) => true,
            Phase::Created => self.doom.is_some(),
            Phase::Running => self.doom.is_some() || program.ends_with().is_some(),
            // A signal may have come before the freezing, and wait.
            Phase::Paused => false,
        }
    }
}

impl Container {
    /// All that it may be in a little later, itself among them.
    pub(super) fn later(self) -> BTreeSet<Self> {
        let mut seen = BTreeSet::new();
        let mut open = vec![self];
        while let Some(one) = open.pop() {
            let next = one.task.as_ref().map(|task| task.next(one.program)).unwrap_or_default();
            open.extend(next.into_iter().map(|task| Self { task: Some(task), ..one.clone() }));
            seen.insert(one);
        }
        seen
    }

    /// Forgets the task; what its execs had come to may still be told.
    pub(super) fn without_task(&self) -> Self {
        let mut rest = self.clone();
        if let Some(task) = rest.task.take() {
            rest.last = match task.phase {
                Phase::Stopped(status) => Some(status),
                _ => None,
            };
            rest.free = rest.last.is_none();
            for (slot, exec) in task.execs.into_iter().filter(|(_, exec)| exec.held) {
                rest.past.insert(slot, exec.exited.unwrap_or(KILLED));
            }
        }
        rest
    }

    /// With a task that differs.
    pub(super) fn with(&self, change: impl FnOnce(&mut Task)) -> Self {
        let mut changed = self.clone();
        if let Some(task) = &mut changed.task {
            change(task);
        }
        changed
    }
}
