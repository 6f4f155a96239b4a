//! What each part of an operation may meet.

use driver_protocol::{ErrorKind, ExitStatus, Exited, Lifecycle, Ok as Done, Outcome, Waited};

use super::super::meanwhile::Meanwhile;
use super::super::part::{self, Loose, Stage};
use super::super::spot::Spot;
use super::super::{Act, End, History, Look};
use super::{
    ABSENT, Answer, C, LOST, RUNNING, STOPPED, TAKEN, WRONG_STATE, act, after_create_task,
    after_start, of, outcome, possible,
};
use crate::model::answer::NO_BINARY;
use crate::model::rules;
use crate::model::{KILL, Move, Program, TERM};

/// The shim that was asked has gone.
const CLOSED: Answer = Answer::Refused(&[ErrorKind::Unavailable]);
const PAUSED: Answer = Answer::State(Some(Lifecycle::Paused));
const NO_TASK: Answer = Answer::State(None);

fn create(process: Program) -> Act {
    act(0, Move::Create { c: C, process }, Answer::Ok, 1, 2)
}

fn exec(process: Program) -> Move {
    Move::Exec { c: C, e: 0, process }
}

#[test]
fn who_asks_while_a_task_is_removed_may_be_cut_off() {
    let removed = act(1, Move::ForceDelete { c: C }, Answer::Exit(137), 10, 20);
    let (pids, status) = (Move::Pids { c: C }, Move::Status { c: C });
    let unknown = Answer::State(Some(Lifecycle::Unknown));
    for (play, answer, at, right) in [
        (&pids, CLOSED, 12, true),
        (&pids, CLOSED, 30, false),
        (&pids, LOST, 12, false),
        (&status, unknown, 12, true),
        (&status, unknown, 30, false),
        (&status, PAUSED, 12, false),
    ] {
        let asked = act(2, play.clone(), answer, at, at + 2);
        assert_eq!(possible(&after_start([removed.clone(), asked])), right, "{play:?} at {at}");
    }
}

#[test]
fn of_an_exec_that_may_be_of_the_next_task_its_client_may_know_nothing() {
    let resize = Move::ExecResize { c: C, e: 0 };
    let wait = |status| {
        let exited = Exited { status, at_ns: None };
        Outcome::Ok(Done::ExecWait(Waited { exited, gathered: None }))
    };
    let wait = |status| (Move::ExecWait { c: C, e: 0 }, wait(status));
    let resized = |answer| (resize.clone(), outcome(&resize, answer));
    for (asked, (play, outcome), right) in [
        (11, resized(ABSENT), true),
        (23, resized(ABSENT), false),
        (11, resized(LOST), false),
        (11, wait(ExitStatus::Unknown), true),
        (23, wait(ExitStatus::Unknown), false),
        (11, wait(ExitStatus::Code(1)), false),
    ] {
        let last = Act { outcome, ..act(3, play, Answer::Ok, 50, 51) };
        let told = format!("{last:?}");
        let history = after_start([
            act(1, Move::ForceDelete { c: C }, Answer::Exit(137), 10, 20),
            act(1, Move::Start { c: C }, Answer::Ok, 21, 22),
            act(2, exec(Program::Sleeps), Answer::Ok, asked, 30),
            // It is of the next.
            act(2, resize.clone(), Answer::Ok, 40, 41),
            last,
        ]);
        assert_eq!(possible(&history), right, "asked for at {asked}: {told}");
    }
}

#[test]
fn between_its_registering_and_its_starting_an_exec_is_there_and_is_not() {
    let (c, e) = (C, 0);
    let missing = exec(Program::IsMissing);
    let (kill, resize) = (Move::ExecKill { c, e, signal: KILL }, Move::ExecResize { c, e });
    for (play, answer, meanwhile, later) in [
        (kill.clone(), ABSENT, true, true),
        // What is refused may be as old as what its client has learned.
        (kill.clone(), WRONG_STATE, true, true),
        (kill, Answer::Ok, false, false),
        (resize.clone(), Answer::Ok, true, false),
        (resize, LOST, false, false),
        (Move::ExecCloseStdin { c, e }, Answer::Ok, true, false),
        (Move::DeleteExec { c, e }, Answer::Exit(0), true, false),
        (Move::ExecWait { c, e }, Answer::Exit(0), false, false),
        (missing.clone(), NO_BINARY, true, true),
        (missing.clone(), TAKEN, true, true),
        (exec(Program::Sleeps), Answer::Ok, true, true),
    ] {
        let refused = act(1, missing.clone(), NO_BINARY, 10, 20);
        let other = |at| act(2, play.clone(), answer, at, at + 3);
        let at = |at| possible(&after_start([refused.clone(), other(at)]));
        assert_eq!((at(12), at(30)), (meanwhile, later), "{play:?}, {answer:?}");
    }
}

#[test]
fn an_id_is_taken_while_it_is_registered_also_where_that_is_refused() {
    let pause = act(1, Move::Pause { c: C }, Answer::Ok, 7, 8);
    let one = |answer| act(1, exec(Program::Sleeps), answer, 10, 20);
    let two = |at| act(2, exec(Program::Sleeps), TAKEN, at, at + 3);
    let at = |at| possible(&after_start([pause.clone(), one(WRONG_STATE), two(at)]));
    assert_eq!((at(12), at(30)), (true, false));
    assert!(!possible(&after_start([pause.clone(), one(LOST), two(12)])));
}

#[test]
fn an_exec_is_refused_by_a_task_that_may_be_ending_or_frozen() {
    let kill = act(1, Move::Kill { c: C, signal: KILL }, Answer::Ok, 10, 11);
    let all = act(1, Move::KillAll { c: C, signal: 0 }, Answer::Ok, 12, 18);
    let pause = act(3, Move::Pause { c: C }, Answer::Ok, 50, 51);
    let refused = |answer| act(2, exec(Program::Sleeps), answer, 15, 20);
    let then = |meanwhile: Option<&Act>, answer| {
        let acts = meanwhile.cloned().into_iter().chain([refused(answer)]);
        possible(&after_start(acts.chain([pause.clone()])))
    };
    // That it can be paused later shows that it had not ended.
    let no_binary = Answer::Refused(&[ErrorKind::InvalidArgument]);
    for (meanwhile, wrong_state, absent) in
        [(Some(&kill), true, true), (Some(&all), true, false), (None, false, false)]
    {
        let found = [WRONG_STATE, no_binary, LOST].map(|answer| then(meanwhile, answer));
        assert_eq!(found, [wrong_state, absent, false], "{meanwhile:?}");
    }
}

#[test]
fn while_one_makes_a_task_another_meets_its_folder() {
    // containerd 2.1 has no code for that.
    let exists = Answer::Refused(&[ErrorKind::Unknown]);
    for play in [Move::Start { c: C }, Move::CreateTask { c: C }] {
        let made = act(1, Move::Start { c: C }, Answer::Ok, 10, 20);
        let at = |answer, at| {
            let other = act(2, play.clone(), answer, at, at + 3);
            possible(&of([create(Program::Sleeps), made.clone(), other]))
        };
        assert!(at(exists, 12) && at(TAKEN, 12) && at(TAKEN, 30), "{play:?}");
        assert!(!at(exists, 30) && !at(LOST, 12), "{play:?}");
    }
}

#[test]
fn a_start_that_is_refused_half_way_removes_what_it_made() {
    let start = |answer| act(1, Move::Start { c: C }, answer, 10, 40);
    let kill = |signal| act(2, Move::Kill { c: C, signal }, Answer::Ok, 12, 13);
    let load = |answer, at| act(2, Move::Load { c: C }, answer, at, at + 1);
    let history = |acts: &[Act]| of([create(Program::Sleeps)].iter().chain(acts).cloned());
    let refused = [start(WRONG_STATE), kill(KILL)];
    let then = |last| possible(&history(&[&refused[..], &[last]].concat()));
    assert!(then(load(NO_TASK, 50)) && then(load(STOPPED, 20)));
    assert!(!then(load(RUNNING, 20)));
    assert!(!possible(&history(&[start(LOST), kill(KILL)])));
    assert!(!possible(&history(&[start(Answer::Ok), load(NO_TASK, 50)])), "it is there");
    // What had ended keeps how, for as long as it is there.
    let ended = |status, at| act(2, Move::ExitStatus { c: C }, Answer::Exit(status), at, at + 1);
    let told = |one, two| {
        let told = [ended(one, 16), ended(two, 18), load(STOPPED, 20)];
        possible(&history(&[&[start(WRONG_STATE), kill(TERM)], &told[..]].concat()))
    };
    assert!(told(2, 2) && !told(2, 137));
}

#[test]
fn a_task_that_never_ran_is_shown_as_killed_while_it_is_deleted() {
    let delete = act(1, Move::DeleteTask { c: C }, Answer::Exit(0), 10, 30);
    let load = |at| act(2, Move::Load { c: C }, STOPPED, at, at + 1);
    let ended = |status, at| act(2, Move::ExitStatus { c: C }, Answer::Exit(status), at, at + 1);
    let meanwhile =
        |status| after_create_task([delete.clone(), load(12), ended(status, 14), load(16)]);
    assert!(possible(&meanwhile(137)));
    assert!(!possible(&meanwhile(0)) && !possible(&meanwhile(119)));
    // Once it is gone the one is told or the other.
    let later = |status| after_create_task([delete.clone(), load(12), ended(status, 40)]);
    assert!(possible(&later(137)) && possible(&later(0)));
    let refused = Act { outcome: outcome(&delete.play, WRONG_STATE), ..delete };
    let gone = act(2, Move::Load { c: C }, NO_TASK, 40, 41);
    assert!(possible(&after_create_task([refused.clone()])));
    assert!(!possible(&after_create_task([refused, gone])), "it was not deleted");
}

#[test]
fn a_task_that_never_ran_is_gone_in_one_way_however_it_was_deleted() {
    let delete = act(1, Move::DeleteTask { c: C }, Answer::Exit(0), 10, 20);
    let next = |stage, spot: &Spot| {
        part::next((&delete, Meanwhile::default()), stage, spot, Loose::default())
    };
    let made = [create(Program::Sleeps).play, Move::CreateTask { c: C }];
    let created = made.iter().fold(None, |state, play| rules::answers(play, &state)[0].1.clone());
    let ways = next(None, &Spot::default().with(created));
    let [(None, gone), (Some(Stage::Removing), going)] = ways.as_slice() else {
        panic!("at once, or by and by: {ways:?}")
    };
    assert_eq!(next(Some(Stage::Removing), going), [(None, gone.clone())]);
    assert_eq!(next(Some(Stage::Removing), gone), [], "another removed it, and was told so");
}

#[test]
fn a_task_that_never_ran_takes_its_execs_with_it() {
    let started = act(1, exec(Program::Sleeps), Answer::Ok, 10, 11);
    let end =
        |status| End { container: C, exec: Some(0), status: Some(status), seen: 30, heard: None };
    let delete = act(1, Move::DeleteTask { c: C }, Answer::Exit(0), 20, 21);
    let told = |status| {
        let acts = [started.clone(), delete.clone()];
        possible(&History { ends: vec![end(status)], ..after_create_task(acts) })
    };
    assert!(told(137), "S-850");
    assert!(!told(0));
}

#[test]
fn a_record_is_deleted_once_it_has_no_task() {
    let delete = |answer, at| act(1, Move::Delete { c: C }, answer, at, at + 1);
    let load = |answer| act(1, Move::Load { c: C }, answer, 50, 51);
    let made = || create(Program::Sleeps);
    assert!(possible(&of([made(), delete(Answer::Ok, 10), load(ABSENT)])));
    assert!(!possible(&of([made(), delete(Answer::Ok, 10), load(NO_TASK)])));
    assert!(!possible(&of([made(), delete(WRONG_STATE, 10)])), "it has none");
    assert!(possible(&after_start([delete(WRONG_STATE, 10), load(RUNNING)])));
    assert!(!possible(&after_start([delete(Answer::Ok, 10)])), "it has one");
    // A task that is made meanwhile is where nobody can say, and nothing else is excused by that.
    let start = act(2, Move::Start { c: C }, Answer::Ok, 10, 20);
    let looks = vec![Look { container: C, state: Some(Lifecycle::Running), at: 30 }];
    let meanwhile = of([made(), start.clone(), delete(Answer::Ok, 15)]);
    assert!(possible(&History { looks, ..meanwhile }));
    assert!(!possible(&of([made(), start, delete(LOST, 12), delete(Answer::Ok, 15)])));
}

#[test]
fn the_end_of_an_exec_is_told_of_one_that_has_ended_or_never_came_to_run() {
    let kill = act(1, Move::ExecKill { c: C, e: 0, signal: KILL }, Answer::Ok, 30, 31);
    let told = |acts: Vec<Act>, status, seen| {
        let end = End { container: C, exec: Some(0), status: Some(status), seen, heard: None };
        possible(&History { ends: vec![end], ..after_start(acts) })
    };
    let missing = || vec![act(1, exec(Program::IsMissing), NO_BINARY, 10, 20)];
    let sleeps = || act(1, exec(Program::Sleeps), Answer::Ok, 10, 20);
    assert!(told(missing(), 1, 15));
    assert!(!told(vec![], 1, 15), "there is none");
    assert!(!told(vec![sleeps()], 137, 40), "it runs");
    assert!(told(vec![sleeps(), kill.clone()], 137, 40));
    assert!(!told(vec![sleeps(), kill.clone()], 7, 40), "not so");
    assert!(!told(vec![sleeps(), kill], 137, 25), "not yet");
}

#[test]
fn an_exec_that_never_came_to_run_leaves_nothing_to_the_next_of_its_id() {
    let refused = act(1, exec(Program::IsMissing), NO_BINARY, 10, 20);
    let next = act(1, exec(Program::Sleeps), Answer::Ok, 30, 31);
    let kill = act(1, Move::ExecKill { c: C, e: 0, signal: KILL }, Answer::Ok, 32, 33);
    let end =
        |status, seen| End { container: C, exec: Some(0), status: Some(status), seen, heard: None };
    let told =
        |ends| History { ends, ..after_start([refused.clone(), next.clone(), kill.clone()]) };
    assert!(possible(&told(vec![end(1, 15), end(137, 40)])));
    assert!(!possible(&told(vec![end(1, 15), end(137, 40), end(137, 41)])), "it ended once");
}

#[test]
fn an_exec_of_nothing_may_be_killed_by_the_end_of_its_task_before_it_is_missed() {
    let told = |first: Program, status| {
        let task = [
            act(0, Move::CreateTask { c: C }, Answer::Ok, 3, 4),
            act(0, Move::StartTask { c: C }, Answer::Ok, 5, 6),
            act(0, exec(Program::IsMissing), Answer::Ok, 7, 8),
        ];
        let acts = std::iter::once(create(first)).chain(task).collect();
        let end = End { container: C, exec: Some(0), status: Some(status), seen: 9, heard: None };
        possible(&History { acts, ends: vec![end], ..History::default() })
    };
    assert!(told(Program::ExitsWith3Later, 137));
    assert!(!told(Program::ExitsWith3Later, 0), "it came to nothing");
    assert!(!told(Program::Sleeps, 137), "nothing ends");
}
