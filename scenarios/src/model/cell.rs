//! Coverage: which operation met which state.

use std::collections::BTreeMap;
use std::fmt;

use super::Move;
use super::rules::State;
use super::state::Phase;

/// An operation and the states of the task, and of the exec where it is about one.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Cell {
    /// What was asked.
    pub operation: &'static str,
    /// Of what.
    pub state: &'static str,
    /// Of which exec.
    pub exec: Option<&'static str>,
}

impl Cell {
    pub(super) fn of(play: &Move, state: &State) -> Self {
        let task = state.as_ref().and_then(|container| container.task.as_ref());
        let word = match (state, task.map(|task| task.phase)) {
            (None, _) => "no container",
            (Some(_), None) => "no task",
            (_, Some(Phase::Created)) => "created",
            (_, Some(Phase::Running)) => "running",
            (_, Some(Phase::Paused)) => "paused",
            (_, Some(Phase::Stopped(_))) => "stopped",
        };
        let exec = play.exec().map(|slot| match task.and_then(|task| task.execs.get(&slot)) {
            None => "absent",
            Some(exec) if exec.exited.is_some() => "exited",
            Some(_) => "running",
        });
        Self { operation: play.name(), state: word, exec }
    }
}

impl fmt::Display for Cell {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} × {}", self.operation, self.state)?;
        self.exec.map_or(Ok(()), |exec| write!(f, ", exec {exec}"))
    }
}

/// How often each cell was hit.
#[derive(Clone, Debug, Default)]
pub struct Coverage {
    hits: BTreeMap<Cell, u64>,
}

impl Coverage {
    /// One more.
    pub fn hit(&mut self, cell: Cell) {
        *self.hits.entry(cell).or_default() += 1;
    }

    /// All of another run's.
    pub fn add(&mut self, other: &Self) {
        for (cell, hits) in &other.hits {
            *self.hits.entry(cell.clone()).or_default() += hits;
        }
    }

    /// By the cell's name.
    pub fn by_name(&self) -> BTreeMap<String, u64> {
        self.hits.iter().map(|(cell, hits)| (cell.to_string(), *hits)).collect()
    }

    /// By cell.
    pub fn hits(&self) -> &BTreeMap<Cell, u64> {
        &self.hits
    }
}
