use driver_protocol::{
    ErrorKind, ExitStatus, Exited, Found, Lifecycle, Ok as Done, Outcome, Refusal, TaskState,
    Waited,
};
use proptest::prelude::*;

use super::{Act, Blow, End, History, Look, Ordered, Slot};
use crate::generate::Generation;
pub(super) use crate::model::answer::{ABSENT, Answer, TAKEN, WRONG_STATE};
use crate::model::rules::{self, State};
use crate::model::world::later;
use crate::model::{Move, Program};
use crate::plot::Actors;

const NODES: u64 = 100_000;
pub(super) const C: u8 = 0;

fn outcome(play: &Move, answer: Answer) -> Outcome {
    let task = |state| TaskState { status: state, pid: 7 };
    Outcome::Ok(match (answer, play) {
        (Answer::Refused(kinds), _) => {
            let kind = kinds[0];
            return Outcome::Error(Refusal { kind, code: Some(kind), message: String::new() });
        }
        (Answer::State(state), Move::Load { .. }) => Done::Load(Found { task: state.map(task) }),
        (Answer::State(state), _) => Done::Status(task(state.expect("a status is of a task"))),
        (Answer::Exit(status), _) => exit(status),
        (Answer::SomeExit(_), _) => exit(137),
        (Answer::Ok | Answer::Found(_), _) => Done::Kill {},
    })
}

fn exit(status: u32) -> Done {
    let exited = Exited { status: ExitStatus::Code(status), at_ns: None };
    Done::Wait(Waited { exited, gathered: None })
}

pub(super) fn act(actor: usize, play: Move, answer: Answer, invoked: Slot, returned: Slot) -> Act {
    let outcome = outcome(&play, answer);
    Act { actor, play, outcome, invoked, returned, excused: false }
}

/// A container whose task was created, and what was done then.
fn after_create_task(acts: impl IntoIterator<Item = Act>) -> History {
    let create = Move::Create { c: C, process: Program::Sleeps };
    let mut all =
        vec![act(0, create, Answer::Ok, 1, 2), act(0, Move::CreateTask { c: C }, Answer::Ok, 3, 4)];
    all.extend(acts);
    History { acts: all, ..History::default() }
}

/// The same, with the task running.
fn after_start(acts: impl IntoIterator<Item = Act>) -> History {
    let start = act(0, Move::StartTask { c: C }, Answer::Ok, 5, 6);
    after_create_task(std::iter::once(start).chain(acts))
}

fn possible(history: &History) -> bool {
    let Ordered { impossible, undecided, .. } = history.order(NODES);
    assert_eq!(undecided, Vec::<u8>::new());
    impossible.is_empty()
}

pub(super) const CREATED: Answer = Answer::State(Some(Lifecycle::Created));
pub(super) const RUNNING: Answer = Answer::State(Some(Lifecycle::Running));
pub(super) const STOPPED: Answer = Answer::State(Some(Lifecycle::Stopped));

#[test]
fn a_state_may_be_old_while_it_changes_and_no_longer() {
    let start = |returned| act(1, Move::StartTask { c: C }, Answer::Ok, 10, returned);
    let status = |answer| act(2, Move::Status { c: C }, answer, 12, 14);
    for (returned, answer, right) in
        [(20, CREATED, true), (20, RUNNING, true), (11, RUNNING, true), (11, CREATED, false)]
    {
        assert_eq!(possible(&after_create_task([start(returned), status(answer)])), right);
    }
}

#[test]
fn what_one_was_told_no_other_is_told_the_contrary_of_later() {
    let start = act(1, Move::StartTask { c: C }, Answer::Ok, 10, 40);
    let status = |answer, at| act(2, Move::Status { c: C }, answer, at, at + 1);
    let told = |one, other| after_create_task([start.clone(), status(one, 20), status(other, 30)]);
    assert!(possible(&told(CREATED, RUNNING)));
    assert!(!possible(&told(RUNNING, CREATED)));
}

#[test]
fn what_can_be_done_once_is_not_done_twice_at_once() {
    let (e, process) = (0, Program::Sleeps);
    for play in [
        Move::StartTask { c: C },
        Move::Exec { c: C, e, process },
        Move::Pause { c: C },
        Move::DeleteTask { c: C },
    ] {
        let answer = match play {
            Move::DeleteTask { .. } => Answer::Exit(137),
            _ => Answer::Ok,
        };
        let one = |actor| act(actor, play.clone(), answer, 10, 20);
        let history = |acts: Vec<Act>| match play {
            Move::StartTask { .. } | Move::DeleteTask { .. } => after_create_task(acts),
            _ => after_start(acts),
        };
        assert!(possible(&history(vec![one(1)])), "{play:?} once");
        assert!(!possible(&history(vec![one(1), one(2)])), "{play:?} twice");
    }
}

#[test]
fn an_update_that_was_answered_is_not_lost() {
    let pause = act(1, Move::Pause { c: C }, Answer::Ok, 10, 20);
    let resize = act(2, Move::Resize { c: C }, Answer::Ok, 11, 21);
    let exec = |answer| act(1, Move::Exec { c: C, e: 0, process: Program::Sleeps }, answer, 30, 31);
    let then = |answer| after_start([pause.clone(), resize.clone(), exec(answer)]);
    assert!(possible(&then(WRONG_STATE)));
    assert!(!possible(&then(Answer::Ok)), "it was paused");
}

#[test]
fn a_client_that_told_an_exit_does_not_show_the_process_running() {
    let kill = act(1, Move::Kill { c: C, signal: 9 }, Answer::Ok, 10, 11);
    let status = |answer| act(2, Move::Status { c: C }, answer, 30, 31);
    let history = |heard, answer| {
        let end = End { container: C, exec: None, status: Some(137), seen: 20, heard };
        History { ends: vec![end], ..after_start([kill.clone(), status(answer)]) }
    };
    assert!(possible(&history(Some(25), STOPPED)));
    assert!(!possible(&history(Some(25), RUNNING)));
    assert!(possible(&history(None, RUNNING)), "it need not have heard of it");
}

#[test]
fn whoever_asks_the_server_meets_the_end_that_the_observer_has_heard_of() {
    let kill = act(1, Move::Kill { c: C, signal: 9 }, Answer::Ok, 10, 11);
    let pause = |at| act(2, Move::Pause { c: C }, Answer::Ok, at, at + 1);
    let history = |at| {
        let end = End { container: C, exec: None, status: Some(137), seen: 20, heard: None };
        History { ends: vec![end], ..after_start([kill.clone(), pause(at)]) }
    };
    assert!(possible(&history(15)));
    assert!(!possible(&history(30)));
}

#[test]
fn others_come_between_the_parts_of_a_start() {
    let start = act(1, Move::Start { c: C }, Answer::Ok, 10, 20);
    let load = |answer| act(2, Move::Load { c: C }, answer, 12, 14);
    let create = Move::Create { c: C, process: Program::Sleeps };
    let made = act(0, create, Answer::Ok, 1, 2);
    let history = |acts| History { acts, ..History::default() };
    assert!(possible(&history(vec![made.clone(), start.clone(), load(CREATED)])));
    let deleted = act(2, Move::ForceDelete { c: C }, Answer::Exit(0), 12, 18);
    let refused = act(1, Move::Start { c: C }, ABSENT, 10, 20);
    assert!(possible(&history(vec![made.clone(), refused, deleted.clone()])), "half-way");
    let taken = act(3, Move::CreateTask { c: C }, TAKEN, 30, 31);
    assert!(!possible(&history(vec![made, start, deleted, taken])), "nothing is there");
}

#[test]
fn a_record_that_was_deleted_under_its_task_leaves_all_open_and_is_told() {
    let create = act(0, Move::Create { c: C, process: Program::Sleeps }, Answer::Ok, 1, 2);
    let start = act(1, Move::Start { c: C }, Answer::Ok, 10, 20);
    let delete = act(2, Move::Delete { c: C }, Answer::Ok, 11, 19);
    let look = Look { container: C, state: None, at: 30 };
    let acts = vec![create, start, delete.clone()];
    let history = History { acts: acts.clone(), looks: vec![look], ..History::default() };
    let ordered = history.order(NODES);
    assert_eq!((ordered.impossible.is_empty(), ordered.adrift), (true, vec![C]));
    // One after the other it is the client's doing.
    let late = Act { invoked: 21, returned: 22, ..delete };
    let history = History { acts: [&acts[..2], &[late]].concat(), ..History::default() };
    assert!(!possible(&history));
}

#[test]
fn what_was_made_to_go_wrong_excuses_what_it_met_and_nothing_else() {
    // Refused, and nobody says why; the next finds it paused.
    let refused = act(1, Move::Pause { c: C }, Answer::Refused(&[ErrorKind::Internal]), 10, 20);
    let paused = Answer::State(Some(Lifecycle::Paused));
    let status = act(2, Move::Status { c: C }, paused, 30, 40);
    assert!(!possible(&after_start([refused.clone(), status.clone()])));
    let excused = Act { excused: true, ..refused };
    let ordered = after_start([excused.clone(), status.clone()]).order(1_000);
    assert_eq!((ordered.impossible.len(), ordered.adrift), (0, vec![C]));
    // Before it everything was right, or is wrong still.
    let early = Act { invoked: 5, returned: 6, ..status };
    assert!(!possible(&after_start([early, excused])));
}

#[test]
fn what_needs_no_excuse_leaves_nothing_to_doubt_and_a_blow_may_be_the_reason_for_an_end() {
    let blow =
        |history| History { blows: vec![Blow { what: "a shim".into(), from: 9 }], ..history };
    let stopped = Answer::State(Some(Lifecycle::Stopped));
    let running = Answer::State(Some(Lifecycle::Running));
    let seen = |answer, at| after_start([act(1, Move::Status { c: C }, answer, at, at + 1)]);
    assert_eq!(blow(seen(running, 20)).order(1_000).adrift, Vec::<u8>::new());
    let ordered = blow(seen(stopped, 20)).order(1_000);
    assert_eq!((ordered.impossible.len(), ordered.adrift), (0, vec![C]));
    assert!(!possible(&seen(stopped, 20)), "without it there is no reason");
    assert!(!possible(&blow(seen(stopped, 6))), "it was told before");
}

#[test]
fn a_limit_that_is_reached_decides_nothing() {
    let pause = |actor| act(actor, Move::Pause { c: C }, Answer::Ok, 10, 20);
    let history = after_start([pause(1), pause(2)]);
    let ordered = history.order(3);
    assert_eq!((ordered.impossible.len(), ordered.undecided), (0, vec![C]));
    assert!(ordered.nodes <= 4);
}

#[test]
fn what_is_impossible_is_told_as_a_timeline() {
    let pause = |actor, from| act(actor, Move::Pause { c: C }, Answer::Ok, from, 20);
    let end = End { container: C, exec: Some(1), status: Some(7), seen: 30, heard: None };
    let history = History { ends: vec![end], ..after_start([pause(1, 10), pause(2, 11)]) };
    insta::assert_snapshot!(history.order(NODES).impossible.join("\n"));
}

/// What was answered when moves were made one after the other, by ways that are chosen; each as if it had
/// been asked somewhat before, and answered somewhat after.
fn played(moves: &[Move], choices: &[u64]) -> History {
    let mut states: Vec<State> = vec![None; 3];
    let mut choices = choices.iter().copied().cycle();
    let mut choose = move |among: usize| (choices.next().unwrap_or(0) % among as u64) as usize;
    let mut history = History::default();
    for (number, play) in moves.iter().enumerate() {
        let Some(slot) = play.container().map(usize::from) else { continue };
        let might: Vec<State> = later(&states[slot]).into_iter().collect();
        let met = might[choose(might.len())].clone();
        let answers = rules::answers(play, &met);
        if answers.is_empty() {
            continue;
        }
        let (answer, left) = answers[choose(answers.len())].clone();
        states[slot] = left;
        let at = 100 * number as u64 + 1000;
        let (before, after) = (choose(400) as u64, choose(400) as u64);
        history.acts.push(act(0, play.clone(), answer, at - before, at + after));
    }
    history
}

fn moves() -> impl Strategy<Value = Vec<Move>> {
    (any::<u64>(), 1..=4_u8).prop_map(|(number, actors)| {
        let actors = Actors::new(actors).expect("one to four");
        let plot = Generation::default().plot(actors, number);
        plot.opening.into_iter().chain(plot.actors.into_iter().flatten()).collect()
    })
}

proptest! {
    #[test]
    fn whatever_the_model_answers_one_after_the_other_is_an_order(
        moves in moves(),
        choices in proptest::collection::vec(any::<u64>(), 32),
    ) {
        let history = played(&moves, &choices);
        let ordered = history.order(NODES);
        prop_assert_eq!((ordered.impossible, ordered.undecided), (vec![], vec![]));
    }

    #[test]
    fn with_one_answer_that_nobody_gives_there_is_none(
        moves in moves(),
        choices in proptest::collection::vec(any::<u64>(), 32),
        place in any::<prop::sample::Index>(),
    ) {
        let mut history = played(&moves, &choices);
        prop_assume!(!history.acts.is_empty());
        let place = place.index(history.acts.len());
        let (kind, message) = (ErrorKind::DataLoss, String::new());
        history.acts[place].outcome = Outcome::Error(Refusal { kind, code: None, message });
        let ordered = history.order(NODES);
        let adrift = !ordered.adrift.is_empty();
        prop_assert!(adrift || ordered.impossible.len() + ordered.undecided.len() == 1);
    }
}
