//! What the model knows for sure: before a move, and of how processes end. Where it does, two servers
//! have no freedom to differ.

use std::collections::BTreeSet;

use driver_protocol::{ContainerId, ExecId, Outcome};

use super::answer::{Answer, WRONG_STATE};
use super::moves::{CONTAINERS, container_id, exec_id};
use super::rules::State;
use super::state::{Container, Phase};
use super::world::later;
use super::{Forecast, Move, World};

/// The one state in which each container is that a move is about.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Certain(Vec<State>);

impl Certain {
    /// Whether a server may refuse an exec in two ways. A shim learns in two steps that the first process
    /// has ended: between them it registers an exec still and refuses to start it ("container c0 init process
    /// is not running", FAILED_PRECONDITION), after them it registers none ("cannot exec in a stopped state").
    /// Seen once on 1.7.24 (seed 25, case 1, after a kill) and once on 2.1.9 (seed 5, case 1), in 20,000 steps
    /// each; 1.6 has one step.
    pub fn refuses_in_two_ways(&self, play: &Move) -> bool {
        let stopped = |state: &State| {
            let task = state.as_ref().and_then(|container| container.task.as_ref());
            task.is_some_and(|task| matches!(task.phase, Phase::Stopped(_)))
        };
        matches!(play, Move::Exec { .. }) && self.0.iter().all(stopped)
    }
}

/// A process, by its container and exec.
pub type Process = (ContainerId, Option<ExecId>);

impl World {
    /// What a move meets, if it can only be one thing, also a little later.
    pub fn certain(&self, play: &Move) -> Option<Certain> {
        let slots = match play.container() {
            Some(slot) => slot..slot + 1,
            None => 0..CONTAINERS,
        };
        let one = |slot| {
            let states = self.closure(slot);
            (states.len() == 1).then(|| states.into_iter().next()).flatten()
        };
        slots.map(one).collect::<Option<Vec<State>>>().map(Certain)
    }

    fn closure(&self, slot: u8) -> BTreeSet<State> {
        self.of(slot).iter().flat_map(later).collect()
    }

    /// Processes of which more than one end is possible, by what was seen so far.
    pub fn open_ends(&self) -> BTreeSet<Process> {
        let mut open = BTreeSet::new();
        for slot in 0..CONTAINERS {
            let mut ends = BTreeSet::new();
            for container in self.closure(slot).iter().flatten() {
                ends.extend(ends_of(container));
            }
            let processes: Vec<Option<u8>> = ends.iter().map(|(process, _)| *process).collect();
            let several = processes.windows(2).filter(|two| two[0] == two[1]);
            open.extend(several.map(|two| (container_id(slot), two[0].map(exec_id))));
        }
        open
    }
}

/// How processes of a container have ended, or will; an exec that another client made, in no way that
/// can be said.
fn ends_of(container: &Container) -> Vec<(Option<u8>, Option<u32>)> {
    let mut ends: Vec<(Option<u8>, Option<u32>)> =
        container.past.iter().map(|(exec, status)| (Some(*exec), Some(*status))).collect();
    let Some(task) = &container.task else {
        ends.extend(container.last.map(|status| (None, Some(status))));
        return ends;
    };
    let natural = container.program.ends_with();
    ends.extend(match task.phase {
        Phase::Stopped(status) => Some((None, Some(status))),
        _ => task.doom.or(natural).map(|status| (None, Some(status))),
    });
    for (slot, exec) in &task.execs {
        let end = exec.exited.or(exec.doom).or(exec.program.ends_with());
        ends.extend(end.map(|status| (Some(*slot), Some(status))));
        if exec.exited.is_none() && !exec.held {
            ends.push((Some(*slot), None));
        }
    }
    ends
}

impl Move {
    /// The process that it is about.
    pub(crate) fn process(&self) -> Option<Process> {
        Some((container_id(self.container()?), self.exec().map(exec_id)))
    }
}

impl Forecast {
    /// Whether it allows two outcomes for different reasons, or for one that is free.
    pub fn allows_both(&self, other: &Self, one: &Outcome, two: &Outcome) -> bool {
        let answers = |forecast: &Self, outcome: &Outcome| -> Vec<Answer> {
            let all = forecast.answers().into_iter();
            all.filter(|answer| answer.is(outcome)).collect()
        };
        let (ones, twos) = (answers(self, one), answers(other, two));
        if self.play().container().is_none() {
            // It tells of all at once, each of which may be elsewhere.
            return !ones.is_empty() && !twos.is_empty();
        }
        // What succeeds in several states (pids, stats) tells of the one that it met. And of what is ending
        // just now the shim may say that it has ended, or runc that it is not running.
        let free = |answer: &Answer| {
            matches!(answer, Answer::SomeExit(_) | Answer::Ok) || *answer == WRONG_STATE
        };
        ones.iter().any(|one| twos.iter().any(|two| one != two || free(one)))
    }

    /// Whether it allows two outcomes because what they tell is free.
    pub fn leaves_free(&self, one: &Outcome, two: &Outcome) -> bool {
        // What is given up may have been answered before.
        let late = matches!(self.play(), Move::Cancel { .. });
        let fits = |outcome: &Outcome| self.answers().iter().any(|answer| answer.is(outcome));
        if late && fits(one) && fits(two) {
            return true;
        }
        let free = |answer: &Answer| matches!(answer, Answer::SomeExit(_));
        self.answers().iter().any(|answer| free(answer) && answer.is(one) && answer.is(two))
    }
}
