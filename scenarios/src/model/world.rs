//! The world of a case: all that its containers may be in, by what was seen so far.

use std::collections::{BTreeMap, BTreeSet};

use driver_protocol::{ExitStatus, Lifecycle, Outcome};
use run_record::Verdict;

use super::answer::Answer;
use super::moves::CONTAINERS;
use super::rules::{self, State};
use super::state::{Exec, Task};
use super::{Cell, Move};

/// More states than this are a fault of the model: it would take anything for right.
const STATES_MAX: usize = 64;

type States = BTreeSet<State>;

/// What each container may be in.
#[derive(Clone, Debug)]
pub struct World {
    containers: BTreeMap<u8, States>,
    /// Those of which nobody can say any more what is right, after what was made to go wrong.
    doubted: BTreeSet<u8>,
}

/// What may come of a move.
#[derive(Clone, Debug)]
pub struct Forecast {
    play: Move,
    outcomes: Vec<(Answer, State)>,
    /// Of a move on all containers: the answers, each of which leaves everything as it is.
    sums: Vec<Answer>,
}

/// What was made to go wrong, and what it excuses.
#[derive(Clone, Debug, Default)]
pub struct Excuse {
    /// In words.
    pub why: String,
    /// A call of this move was made to fail.
    pub call: bool,
    /// A connection or a stream ended.
    pub link: bool,
    /// An event came late.
    pub late: bool,
    /// The daemon or a shim is not what it was.
    pub world: bool,
}

impl Excuse {
    /// Whether an answer may be one that is right for no other reason.
    pub fn takes(&self, play: &Move, outcome: &Outcome) -> bool {
        let news = matches!(
            play,
            Move::Status { .. } | Move::ExitStatus { .. } | Move::ExecExitStatus { .. }
        );
        let of_all = play.container().is_none();
        let unsure = match outcome {
            Outcome::Error(_) => true,
            Outcome::Ok(done) => done.exited().is_some_and(|one| one.status == ExitStatus::Unknown),
        };
        ((self.call || self.link || self.world) && (unsure || of_all))
            || ((self.late || self.link || self.world) && news)
    }
}

impl Default for World {
    fn default() -> Self {
        let containers = (0..CONTAINERS).map(|slot| (slot, States::from([None]))).collect();
        Self { containers, doubted: BTreeSet::new() }
    }
}

impl World {
    pub(super) fn of(&self, slot: u8) -> &States {
        self.containers.get(&slot).expect("moves name slots that there are")
    }

    /// Whether a move would be awaited for ever, in some state that is possible.
    pub fn waits_for_ever(&self, play: &Move) -> bool {
        let waits = matches!(play, Move::Wait { .. } | Move::ExecWait { .. });
        play.container().is_some_and(|slot| {
            (waits && self.doubted.contains(&slot))
                || self.of(slot).iter().any(|one| rules::waits_for_ever(play, one))
        })
    }

    /// Whether a client must ask for what it is about to take for granted.
    pub fn may_ask(&self, play: &Move) -> bool {
        let listed = |state: &State| state.as_ref().is_some_and(|container| container.listed);
        match play {
            Move::Delete { c } => self.of(*c).iter().any(listed),
            _ => false,
        }
    }

    /// What may come of a move.
    pub fn forecast(&self, play: &Move) -> Forecast {
        let mut forecast = Forecast { play: play.clone(), outcomes: Vec::new(), sums: Vec::new() };
        match play.container() {
            None => forecast.sums = self.sums(play),
            Some(slot) => {
                let mut outcomes = BTreeSet::new();
                for state in self.of(slot).iter().flat_map(later) {
                    for (answer, left) in rules::answers(play, &state) {
                        outcomes.extend(later(&left).into_iter().map(|left| (answer, left)));
                    }
                }
                forecast.outcomes = outcomes.into_iter().collect();
            }
        }
        forecast
    }

    fn sums(&self, play: &Move) -> Vec<Answer> {
        let count = |has: fn(&State) -> bool| {
            // Records and tasks come and go by moves alone: all states of a slot agree.
            self.containers.values().filter(|states| states.iter().all(has)).count()
        };
        match play {
            Move::Restart {} => vec![Answer::Found(count(|state| state.is_some()))],
            Move::StatsAll {} => vec![Answer::Found(count(|state| {
                state.as_ref().is_some_and(|container| container.task.is_some())
            }))],
            _ => vec![Answer::Ok],
        }
    }

    /// The client is gone: the next one has made none of what is there.
    pub fn restart(&mut self) {
        let forgotten = |state: &State| -> State {
            let mut state = state.clone()?;
            (state.past, state.last, state.free) = Default::default();
            state.listed = state.task.is_none();
            if let Some(task) = &mut state.task {
                task.execs.values_mut().for_each(|exec: &mut Exec| exec.held = false);
            }
            Some(state)
        };
        for states in self.containers.values_mut() {
            *states = states.iter().map(forgotten).flat_map(without_input).collect();
        }
    }

    /// The daemon or a shim is not what it was: tasks may be gone. What is seen next tells.
    pub fn shake(&mut self) {
        for states in self.containers.values_mut() {
            let gone: Vec<State> =
                states.iter().map(|state| Some(state.as_ref()?.without_task())).collect();
            states.extend(gone);
        }
    }

    /// Learns what came of a move after something was made to go wrong: that excuses an error, an exit
    /// that is not known, and news that is old. It never excuses another success; and what was excused
    /// leaves its container in doubt until it is deleted.
    pub fn learn_after(
        &mut self,
        forecast: &Forecast,
        outcome: &Outcome,
        seen: Option<Option<Lifecycle>>,
        excuse: &Excuse,
    ) -> Vec<Verdict> {
        let slot = forecast.play.container();
        let unjudged = |what: &str, check: &str| {
            Verdict::skip(check, format!("{what} not judged after {}", excuse.why))
        };
        if slot.map_or(!self.doubted.is_empty(), |slot| self.doubted.contains(&slot)) {
            if let (Move::Delete { c }, Outcome::Ok(_)) = (&forecast.play, outcome) {
                self.containers.insert(*c, States::from([None]));
                self.doubted.remove(c);
            }
            return vec![unjudged("in doubt:", "outcome")];
        }
        let verdicts = self.learn(forecast, outcome, seen);
        let wrong =
            |check: &str| verdicts.iter().any(|verdict| verdict.check == check && verdict.failed());
        // Whether it was carried out, half of it or nothing an error does not say, also where it is right.
        let unsure = excuse.call && matches!(outcome, Outcome::Error(_));
        let excused = match wrong("outcome") {
            true => excuse.takes(&forecast.play, outcome),
            false => unsure || excuse.world && wrong("state"),
        };
        if !excused || wrong("model") {
            return verdicts;
        }
        self.doubted.extend(slot);
        let told = |verdict: Verdict| match verdict.failed() {
            true => unjudged(&format!("{};", verdict.detail), &verdict.check),
            false => verdict,
        };
        verdicts.into_iter().map(told).collect()
    }

    /// What is left of a container nobody can say.
    pub fn doubt(&mut self, slot: u8) {
        self.doubted.insert(slot);
    }

    /// Whether there is any container of which nobody can say what is right.
    pub fn is_in_doubt(&self) -> bool {
        !self.doubted.is_empty()
    }

    /// Whether what is asked of a container cannot be judged.
    pub fn doubts(&self, play: &Move) -> bool {
        play.container().map_or(!self.doubted.is_empty(), |slot| self.doubted.contains(&slot))
    }

    /// Learns what came of a move: its outcome, and in which state the server then saw the task.
    /// `seen` is `None` where nobody looked.
    pub fn learn(
        &mut self,
        forecast: &Forecast,
        outcome: &Outcome,
        seen: Option<Option<Lifecycle>>,
    ) -> Vec<Verdict> {
        let Some(slot) = forecast.play.container() else {
            return vec![outcome_verdict(
                forecast,
                outcome,
                forecast.sums.iter().any(|sum| sum.is(outcome)),
            )];
        };
        let fitting: States = forecast
            .outcomes
            .iter()
            .filter(|(answer, _)| answer.is(outcome))
            .map(|(_, left)| left.clone())
            .collect();
        let mut verdicts = vec![outcome_verdict(forecast, outcome, !fitting.is_empty())];
        let possible = match fitting.is_empty() {
            // Whatever it did, it is somewhere: what the server says decides.
            true => forecast.outcomes.iter().map(|(_, left)| left.clone()).collect(),
            false => fitting,
        };
        let Some(seen) = seen else {
            self.containers.insert(slot, possible);
            return verdicts;
        };
        let left: States = possible.iter().filter(|state| told(state) == seen).cloned().collect();
        verdicts.push(match left.is_empty() {
            false => Verdict::pass("state"),
            true => {
                let mut words: Vec<String> =
                    possible.iter().map(|state| word(told(state))).collect();
                words.dedup();
                let detail = format!(
                    "the task of c{slot} should be {}, the server says {}",
                    words.join(" or "),
                    word(seen)
                );
                Verdict::fail("state", detail)
            }
        });
        if left.len() > STATES_MAX {
            let detail = format!("{} states of c{slot} are possible", left.len());
            verdicts.push(Verdict::fail("model", detail));
        }
        self.containers.insert(slot, if left.is_empty() { possible } else { left });
        verdicts
    }

    /// All that one container with one exec may come to be in, whatever is done to it.
    #[cfg(test)]
    pub(super) fn reachable(moves: &[Move]) -> BTreeSet<State> {
        let mut seen = BTreeSet::new();
        let mut open = vec![None];
        while let Some(state) = open.pop() {
            if !seen.insert(state.clone()) {
                continue;
            }
            let left = moves.iter().flat_map(|play| rules::answers(play, &state));
            open.extend(left.map(|(_, left)| left).filter(|left| !seen.contains(left)));
            open.extend(later(&state));
            let mut world = Self::default();
            world.containers.insert(0, States::from([state]));
            world.restart();
            open.extend(world.of(0).iter().cloned());
        }
        seen
    }

    /// Goes one of the ways that are possible, chosen by number.
    #[cfg(test)]
    pub(crate) fn go(&mut self, play: &Move, choose: &mut dyn FnMut(usize) -> usize) {
        let Some(slot) = play.container() else {
            return if *play == (Move::Restart {}) {
                self.restart()
            };
        };
        let outcomes = self.forecast(play).outcomes;
        let (_, left) = outcomes[choose(outcomes.len())].clone();
        self.containers.insert(slot, States::from([left]));
    }

    /// The cells of the table of states and operations that a move hits for sure.
    pub fn cells(&self, play: &Move) -> BTreeSet<Cell> {
        let Some(slot) = play.container().filter(|slot| !self.doubted.contains(slot)) else {
            return BTreeSet::new();
        };
        let all = self.of(slot).iter().map(|state| Cell::all(play, state));
        all.reduce(|sure, more| &sure & &more).unwrap_or_default()
    }

    /// Moves that end whatever there is.
    pub fn closing(&self) -> Vec<Move> {
        let mut moves = Vec::new();
        for (c, states) in &self.containers {
            let doubted = self.doubted.contains(c);
            let any = |has: fn(&State) -> bool| doubted || states.iter().any(has);
            if doubted {
                // A client that was told of an error may have no handle for what there is.
                moves.push(Move::Load { c: *c });
            }
            if any(|state| state.as_ref().is_some_and(|one| one.task.is_some())) {
                moves.push(Move::ForceDelete { c: *c });
            }
            if any(Option::is_some) {
                moves.push(Move::Delete { c: *c });
            }
        }
        moves
    }
}

impl Forecast {
    /// What is right, in words.
    pub fn words(&self) -> Vec<String> {
        self.answers().into_iter().map(Answer::words).collect()
    }

    /// What is right.
    pub(super) fn answers(&self) -> BTreeSet<Answer> {
        let of_one = self.outcomes.iter().map(|(answer, _)| *answer);
        of_one.chain(self.sums.iter().copied()).collect()
    }

    /// Whether what the server then said of the task fits what the client was told.
    pub(crate) fn may_leave(&self, outcome: &Outcome, seen: Option<Option<Lifecycle>>) -> bool {
        let fits =
            |(answer, left): &(Answer, State)| answer.is(outcome) && Some(told(left)) == seen;
        self.outcomes.iter().any(fits)
    }

    /// What is asked.
    pub fn play(&self) -> &Move {
        &self.play
    }
}

/// Whoever read from the client that is gone may have met the end of its input.
fn without_input(state: State) -> States {
    let mut states = States::from([state]);
    let slots = |state: &State| -> Vec<u8> {
        let execs = state.iter().flat_map(|one| &one.task).flat_map(|task| &task.execs);
        let reads = |exec: &Exec| exec.program.reads() && exec.exited.is_none();
        execs.filter(|(_, exec)| reads(exec)).map(|(slot, _)| *slot).collect()
    };
    let all: BTreeSet<u8> = states.iter().flat_map(slots).collect();
    for slot in all {
        let ended = |state: &State| {
            let container = state.as_ref()?;
            Some(container.with(|task| {
                if let Some(exec) = task.execs.get_mut(&slot) {
                    exec.doom = exec.doom.or(Some(0));
                }
            }))
        };
        let more: Vec<State> = states.iter().map(ended).collect();
        states.extend(more);
    }
    states
}

pub(super) fn later(state: &State) -> States {
    match state {
        None => States::from([None]),
        Some(container) => container.clone().later().into_iter().map(Some).collect(),
    }
}

fn told(state: &State) -> Option<Lifecycle> {
    state.as_ref().and_then(|one| one.task.as_ref()).map(|task: &Task| task.phase.told())
}

fn outcome_verdict(forecast: &Forecast, outcome: &Outcome, right: bool) -> Verdict {
    if right {
        return Verdict::pass("outcome");
    }
    let expected = forecast.words().join(" or ");
    Verdict::fail("outcome", format!("expected {expected}, got {}", crate::checks::shown(outcome)))
}

fn word(task: Option<Lifecycle>) -> String {
    task.map_or_else(|| "absent".to_owned(), |state| format!("{state:?}").to_lowercase())
}

#[cfg(test)]
mod tests {
    use driver_protocol::{Ok as Done, TaskState};

    use super::super::Program;
    use super::super::state::{Container, Phase};
    use super::*;

    /// Running, each to end with another status.
    fn many(count: u32) -> World {
        let states = (0..count).map(|status| {
            let task = Task { phase: Phase::Running, doom: Some(status), ..Task::created() };
            let (program, past) = (Program::Sleeps, BTreeMap::new());
            let task = Some(task);
            Some(Container { program, task, past, last: None, free: false, listed: false })
        });
        let mut world = World::default();
        world.containers.insert(0, states.collect());
        world
    }

    #[test]
    fn a_model_that_takes_more_than_64_states_for_possible_is_at_fault() {
        let told = TaskState { status: Lifecycle::Running, pid: 7 };
        let told = Outcome::Ok(Done::Status(told));
        for (count, at_fault) in [(63, false), (64, false), (65, true), (66, true)] {
            let mut world = many(count);
            let forecast = world.forecast(&Move::Status { c: 0 });
            let verdicts = world.learn(&forecast, &told, Some(Some(Lifecycle::Running)));
            let failed = verdicts.iter().any(|one| one.failed() && one.check == "model");
            assert_eq!(failed, at_fault, "{verdicts:?}");
        }
    }
}
