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

#[cfg(test)]
mod tests {
    use driver_protocol::{ErrorKind, ExitStatus, Exited, Lifecycle, Ok as Done, Started};

    use super::super::tests::{goes, refused, running, waited};
    use super::super::{KILL, Program, TERM};
    use super::*;

    const C: u8 = 0;
    const E: u8 = 0;
    const RUNNING: Option<Lifecycle> = Some(Lifecycle::Running);
    const STOPPED: Option<Lifecycle> = Some(Lifecycle::Stopped);

    fn with_exec(first: Program, process: Program) -> World {
        let mut world = running(first);
        let exec = Move::Exec { c: C, e: E, process };
        assert!(goes(&mut world, exec, Outcome::Ok(Done::Exec(Started { pid: 8 })), RUNNING));
        world
    }

    fn struck(mut world: World, signal: u32, seen: Option<Lifecycle>) -> World {
        let kill = Move::Kill { c: C, signal };
        assert!(goes(&mut world, kill, Outcome::Ok(Done::Kill {}), seen));
        world
    }

    fn deleted(outcome: u32) -> Outcome {
        let exited = Exited { status: ExitStatus::Code(outcome), at_ns: None };
        Outcome::Ok(Done::DeleteTask(exited))
    }

    #[test]
    fn an_end_is_open_where_more_than_one_is_possible() {
        let first = [(container_id(C), None)];
        let exec = [(container_id(C), Some(exec_id(E)))];
        let open = |world: &World| world.open_ends().into_iter().collect::<Vec<_>>();

        assert_eq!(open(&with_exec(Program::Sleeps, Program::ExitsWith7)), []);
        assert_eq!(open(&struck(running(Program::Sleeps), KILL, RUNNING)), []);
        assert_eq!(open(&struck(running(Program::Obeys), TERM, RUNNING)), first);
        // It may have ended by itself before it was killed.
        assert_eq!(open(&struck(running(Program::ExitsWith7), KILL, STOPPED)), first);

        let mut told = struck(running(Program::Obeys), TERM, STOPPED);
        assert!(goes(&mut told, Move::Wait { c: C }, waited(5), STOPPED));
        assert_eq!(open(&told), []);
        assert!(goes(&mut told, Move::DeleteTask { c: C }, deleted(5), None));
        assert_eq!(open(&told), []);

        let mut both = with_exec(Program::Sleeps, Program::Obeys);
        let kill = Move::ExecKill { c: C, e: E, signal: TERM };
        assert!(goes(&mut both, kill, Outcome::Ok(Done::ExecKill {}), RUNNING));
        assert_eq!(open(&both), exec);

        // Of what another client made nobody can say how it ends, while it runs.
        let mut of_another = with_exec(Program::Sleeps, Program::ExitsWith7);
        of_another.restart();
        assert_eq!(open(&of_another), exec);
        let mut of_another = with_exec(Program::Sleeps, Program::Sleeps);
        of_another.restart();
        assert_eq!(open(&of_another), []);
    }

    #[test]
    fn a_move_is_about_a_process_or_about_all() {
        let exec = Move::ExecWait { c: 1, e: E }.process();
        assert_eq!(exec, Some((container_id(1), Some(exec_id(E)))));
        assert_eq!(Move::Wait { c: 1 }.process(), Some((container_id(1), None)));
        assert_eq!(Move::StatsAll {}.process(), None);
    }

    #[test]
    fn two_outcomes_are_allowed_for_different_reasons_and_not_for_one() {
        let world = running(Program::Sleeps);
        let start = world.forecast(&Move::Start { c: C });
        let taken = || refused(ErrorKind::AlreadyExists);
        assert!(!start.allows_both(&start, &taken(), &taken()), "one reason for both");

        let ending = running(Program::ExitsWith7).forecast(&Move::ExitStatus { c: C });
        let exited = Exited { status: ExitStatus::Code(7), at_ns: None };
        let (told, none) = (Outcome::Ok(Done::ExitStatus(exited)), refused(ErrorKind::Unknown));
        assert!(ending.allows_both(&ending, &told, &none), "one had ended, and one not yet");
        assert!(!start.allows_both(&ending, &taken(), &taken()));

        let stats = world.forecast(&Move::StatsAll {});
        let found = |count| Outcome::Ok(Done::StatsAll { found: vec![container_id(C); count] });
        for (one, two, allowed) in [(1, 1, true), (1, 0, false), (0, 1, false), (0, 0, false)] {
            assert_eq!(stats.allows_both(&stats, &found(one), &found(two)), allowed);
        }
    }

    #[test]
    fn an_outcome_is_left_free_where_its_status_is_or_where_it_was_given_up() {
        let mut world = World::default();
        let create = Move::Create { c: C, process: Program::Sleeps };
        assert!(goes(&mut world, create, Outcome::Ok(Done::Create {}), None));
        let started = Outcome::Ok(Done::CreateTask(Started { pid: 7 }));
        let created = Some(Lifecycle::Created);
        assert!(goes(&mut world, Move::CreateTask { c: C }, started, created));
        let delete = world.forecast(&Move::DeleteTask { c: C });
        assert!(delete.leaves_free(&deleted(0), &deleted(137)), "of what never ran");
        assert!(!delete.leaves_free(&deleted(0), &refused(ErrorKind::Unknown)));

        let ending = running(Program::ExitsWith7);
        let cancel = ending.forecast(&Move::Cancel { c: C });
        let given_up = || refused(ErrorKind::Cancelled);
        assert!(cancel.leaves_free(&given_up(), &waited(7)), "it may have come to it before");
        assert!(!cancel.leaves_free(&given_up(), &waited(8)));
        let wait = ending.forecast(&Move::Wait { c: C });
        assert!(!wait.leaves_free(&waited(7), &waited(7)));
    }
}
