//! Coverage: which operation met which state.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use super::rules::State;
use super::state::{Exec, Phase};
use super::{KILL, Move, TERM};

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

/// Signals have cells of their own, as far as servers tell them apart.
fn word(play: &Move) -> &'static str {
    match play {
        Move::Kill { signal: 0, .. } => "kill 0",
        Move::Kill { signal: TERM, .. } => "kill 15",
        Move::Kill { signal: KILL, .. } => "kill 9",
        Move::Kill { .. } => "kill 99",
        Move::KillAll { signal: KILL, .. } => "kill-all 9",
        Move::ExecKill { signal: KILL, .. } => "exec-kill 9",
        _ => play.name(),
    }
}

/// What is done to a task, and matters to its execs.
pub(crate) const TO_ALL: [&str; 4] = ["kill 9", "delete-task", "pids", "pause"];

impl Cell {
    /// What a move hits in a state: one cell, and those of the execs that a task has.
    pub(super) fn all(play: &Move, state: &State) -> BTreeSet<Self> {
        let task = state.as_ref().and_then(|container| container.task.as_ref());
        let operation = word(play);
        let state = match (state, task.map(|task| task.phase)) {
            (None, _) => "no container",
            (Some(_), None) => "no task",
            (_, Some(Phase::Created)) => "created",
            (_, Some(Phase::Running)) => "running",
            (_, Some(Phase::Paused)) => "paused",
            (_, Some(Phase::Stopped(_))) => "stopped",
        };
        let of = |exec: &Exec| if exec.exited.is_some() { "exited" } else { "running" };
        let exec = play
            .exec()
            .map(|slot| task.and_then(|task| task.execs.get(&slot)).map_or("absent", of));
        let mut cells = BTreeSet::from([Self { operation, state, exec }]);
        if TO_ALL.contains(&operation) {
            let execs = task.iter().flat_map(|task| task.execs.values());
            cells.extend(execs.map(|exec| Self { operation, state, exec: Some(of(exec)) }));
        }
        cells
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_two_runs_have_hit_is_counted_together_and_told_by_name() {
        let (operation, state) = ("kill 9", "running");
        let with_exec = Cell { operation, state, exec: Some("exited") };
        let without = Cell { operation, state, exec: None };
        let (mut one, mut other) = (Coverage::default(), Coverage::default());
        one.hit(with_exec.clone());
        one.hit(with_exec.clone());
        other.hit(with_exec);
        other.hit(without);
        one.add(&other);
        let named =
            [("kill 9 × running".to_owned(), 1), ("kill 9 × running, exec exited".to_owned(), 3)];
        assert_eq!(one.by_name(), BTreeMap::from(named));
    }
}
