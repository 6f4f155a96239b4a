use driver_protocol::{
    ErrorKind, ExitStatus, Exited, Found, Lifecycle, Ok as Done, Outcome, Refusal, TaskState,
    Waited,
};
use proptest::prelude::*;

use super::{Act, Blow, End, History, Look, Ordered, Slot};
use crate::generate::Generation;
use crate::model::answer::NO_EXIT;
pub(super) use crate::model::answer::{ABSENT, Answer, TAKEN, WRONG_STATE};
use crate::model::moves::container_id;
use crate::model::rules::{self, State};
use crate::model::state::Phase;
use crate::model::world::later;
use crate::model::{Move, Program, TERM};
use crate::plot::Actors;

mod parts;

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

/// Who cleans up after a shim that has gone tells how it would have killed.
#[test]
fn of_several_who_remove_a_task_at_once_the_one_who_did_may_go_unanswered_and_its_end_be_told_again()
 {
    let term = act(1, Move::Kill { c: C, signal: TERM }, Answer::Ok, 10, 11);
    let end =
        |status, seen| End { container: C, exec: None, status: Some(status), seen, heard: None };
    let remove = |actor, answer, at| act(actor, Move::ForceDelete { c: C }, answer, at, at + 9);
    let gone = |answer, second, later| {
        // The record is there still.
        let delete = act(0, Move::Delete { c: C }, Answer::Ok, 70, 71);
        let acts = vec![term.clone(), remove(2, answer, 30), remove(1, ABSENT, later), delete];
        let looks = vec![Look { container: C, state: None, at: 60 }];
        possible(&History { ends: vec![end(2, 20), end(second, 50)], looks, ..after_start(acts) })
    };
    let lost = Answer::Refused(&[ErrorKind::Unavailable]);
    assert!(gone(lost, 137, 35));
    assert!(!gone(lost, 5, 35), "nobody ends it so");
    assert!(!gone(lost, 137, 40), "one after the other");
    assert!(!gone(ABSENT, 137, 35), "who removed it?");
}

#[test]
fn who_deletes_a_task_that_never_ran_beside_another_may_go_unanswered_too() {
    let gone = |answer, later| {
        let delete = |actor, answer, at| act(actor, Move::DeleteTask { c: C }, answer, at, at + 9);
        let acts = [delete(1, answer, 10), delete(2, ABSENT, later)];
        let end = End { container: C, exec: None, status: Some(137), seen: 25, heard: None };
        let looks = vec![Look { container: C, state: None, at: 40 }];
        possible(&History { ends: vec![end], looks, ..after_create_task(acts) })
    };
    let lost = Answer::Refused(&[ErrorKind::Unavailable]);
    assert!(gone(lost, 15));
    assert!(!gone(lost, 20), "one after the other");
    assert!(!gone(ABSENT, 15), "who deleted it?");
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

/// What nobody answers.
const LOST: Answer = Answer::Refused(&[ErrorKind::DataLoss]);

fn of(acts: impl IntoIterator<Item = Act>) -> History {
    History { acts: acts.into_iter().collect(), ..History::default() }
}

/// Something was made to go wrong from then on.
fn struck(history: History, from: Slot) -> History {
    History { blows: vec![Blow { what: "a shim".into(), from }], ..history }
}

#[test]
fn stats_of_all_are_a_reading_of_each_container() {
    let stats = |found: &[u8]| {
        let found = found.iter().map(|slot| container_id(*slot)).collect();
        let all = act(1, Move::StatsAll {}, Answer::Ok, 20, 21);
        Act { outcome: Outcome::Ok(Done::StatsAll { found }), ..all }
    };
    let refused = || act(1, Move::StatsAll {}, LOST, 20, 21);
    let excused = |act| Act { excused: true, ..act };
    let came = |history: History| {
        let ordered = history.order(NODES);
        (ordered.impossible.len(), ordered.adrift)
    };
    assert_eq!(came(after_start([stats(&[C])])), (0, vec![]));
    assert_eq!(came(after_start([stats(&[])])), (1, vec![]), "it has a task");
    assert_eq!(came(after_start([stats(&[C, C + 1])])), (1, vec![]), "the other has none");
    assert_eq!(came(after_start([refused()])), (1, vec![]), "it is refused once");
    assert_eq!(came(after_start([excused(stats(&[]))])), (0, vec![C]));
    assert_eq!(came(after_start([excused(refused())])), (0, vec![C]));
    for act in [stats(&[]), refused()] {
        assert_eq!(came(struck(after_start([act]), 30)).0, 1, "it went wrong later");
    }
    assert_eq!(came(struck(after_start([stats(&[])]), 10)), (0, vec![C]), "it may be gone");
    let told = after_start([stats(&[])]).order(NODES).impossible.join("");
    assert!(told.contains("stats-all") && told.ends_with("task: false"), "{told}");
}

#[test]
fn what_the_observer_sees_is_so_unless_something_went_wrong_before() {
    let seen = |state| {
        let looks = vec![Look { container: C, state, at: 20 }];
        History { looks, ..after_start([]) }
    };
    let (running, paused) = (Some(Lifecycle::Running), Some(Lifecycle::Paused));
    assert!(possible(&seen(running)));
    for state in [None, paused] {
        assert!(!possible(&seen(state)));
        assert!(possible(&struck(seen(state), 10)));
        assert!(!possible(&struck(seen(state), 30)));
    }
}

#[test]
fn what_changes_nothing_is_tried_in_one_order_alone() {
    let pause = |actor| act(actor, Move::Pause { c: C }, Answer::Ok, 10, 20);
    for (play, answer) in [
        (Move::Status { c: C }, RUNNING),
        (Move::ExitStatus { c: C }, NO_EXIT),
        (Move::Pids { c: C }, Answer::Ok),
        (Move::Stats { c: C }, Answer::Ok),
        (Move::Resume { c: C }, WRONG_STATE),
    ] {
        let all = (3..10).map(|actor| act(actor, play.clone(), answer, 10, 20));
        let ordered = after_start(all.chain([pause(1), pause(2)])).order(NODES);
        assert_eq!(ordered.impossible.len(), 1);
        assert!(ordered.nodes < 20, "{play:?}: {}", ordered.nodes);
    }
}

#[test]
fn as_much_as_the_limit_says_is_tried_and_no_more() {
    let pause = |actor| act(actor, Move::Pause { c: C }, Answer::Ok, 10, 20);
    let history = after_start([pause(1), pause(2)]);
    let Ordered { nodes, .. } = history.order(NODES);
    assert_eq!(history.order(nodes).impossible.len(), 1);
    assert_eq!(history.order(nodes - 1).undecided, [C]);
}

#[test]
fn of_more_than_sixty_four_nothing_is_said() {
    let asked = |count| {
        let one = |at| act(1, Move::Status { c: C }, ABSENT, at, at + 1);
        of((0..count).map(|number| one(10 * number))).order(NODES)
    };
    assert_eq!((asked(64).impossible, asked(64).undecided), (vec![], vec![]));
    assert_eq!((asked(65).impossible, asked(65).undecided), (vec![], vec![C]));
}

/// Processes that have ended between two states, each with its status.
fn ended(before: &State, after: &State) -> Vec<(Option<u8>, u32)> {
    let (Some(before), Some(after)) = (before, after) else { return Vec::new() };
    let Some(task) = &before.task else { return Vec::new() };
    let left = |e: &u8| match after.task.as_ref().and_then(|task| task.execs.get(e)) {
        Some(exec) => exec.exited,
        None => after.past.get(e).copied(),
    };
    let running = task.execs.iter().filter(|(_, exec)| exec.exited.is_none());
    let execs = running.filter_map(|(e, _)| Some((Some(*e), left(e)?)));
    let first = match (task.phase, after.task.as_ref().map(|task| task.phase)) {
        (Phase::Stopped(_), _) => None,
        (_, Some(Phase::Stopped(status))) => Some(status),
        (_, Some(_)) => None,
        (_, None) => Some(after.last.unwrap_or(137)),
    };
    execs.chain(first.map(|status| (None, status))).collect()
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
        let at = 100 * number as u64 + 1000;
        for (exec, status) in [ended(&states[slot], &met), ended(&met, &left)].concat() {
            let (container, seen) = (slot as u8, at + choose(100) as u64);
            let status = Some(status);
            history.ends.push(End { container, exec, status, seen, heard: None });
        }
        states[slot] = left;
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
