//! The world of a case: all that its containers may be in, by what was seen so far.

use std::collections::{BTreeMap, BTreeSet};

use driver_protocol::{Lifecycle, Outcome};
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
}

/// What may come of a move.
#[derive(Clone, Debug)]
pub struct Forecast {
    play: Move,
    outcomes: Vec<(Answer, State)>,
    /// Of a move on all containers: the answers, each of which leaves everything as it is.
    sums: Vec<Answer>,
}

impl Default for World {
    fn default() -> Self {
        Self { containers: (0..CONTAINERS).map(|slot| (slot, States::from([None]))).collect() }
    }
}

impl World {
    fn of(&self, slot: u8) -> &States {
        self.containers.get(&slot).expect("moves name slots that there are")
    }

    /// Whether a move would be awaited for ever, in some state that is possible.
    pub fn waits_for_ever(&self, play: &Move) -> bool {
        play.container()
            .is_some_and(|slot| self.of(slot).iter().any(|one| rules::waits_for_ever(play, one)))
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
        let forgotten = |state: &State| {
            let mut state = state.clone()?;
            (state.past, state.last) = Default::default();
            state.listed = state.task.is_none();
            if let Some(task) = &mut state.task {
                task.execs.values_mut().for_each(|exec: &mut Exec| exec.held = false);
            }
            Some(state)
        };
        for states in self.containers.values_mut() {
            *states = states.iter().map(forgotten).collect();
        }
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
        let told = |state: &State| {
            state.as_ref().and_then(|one| one.task.as_ref()).map(|task: &Task| task.phase.told())
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

    /// The cell of the table of states and operations that a move hits, if it can only be one.
    pub fn cell(&self, play: &Move) -> Option<Cell> {
        let slot = play.container()?;
        let mut cells = self.of(slot).iter().map(|state| Cell::of(play, state));
        let first = cells.next()?;
        cells.all(|cell| cell == first).then_some(first)
    }

    /// Moves that end whatever there is.
    pub fn closing(&self) -> Vec<Move> {
        let mut moves = Vec::new();
        for (c, states) in &self.containers {
            let any = |has: fn(&State) -> bool| states.iter().any(has);
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
        let answers: BTreeSet<Answer> = self
            .outcomes
            .iter()
            .map(|(answer, _)| *answer)
            .chain(self.sums.iter().copied())
            .collect();
        answers.into_iter().map(Answer::words).collect()
    }

    /// What is asked.
    pub fn play(&self) -> &Move {
        &self.play
    }
}

fn later(state: &State) -> States {
    match state {
        None => States::from([None]),
        Some(container) => container.clone().later().into_iter().map(Some).collect(),
    }
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
