//! Cases that aim at what chance alone hardly ever meets: an exec that has ended for sure, or that runs
//! for sure, in a task in each state in which it may; and what is asked of a task in a state that it
//! leaves soon.

use proptest::collection::vec;
use proptest::prelude::*;

use crate::model::{EXECS, KILL, Move, Program, TERM};

use super::weights::NO_SIGNAL;

/// How far a task has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    Created,
    Running,
    Paused,
    Stopped,
}

/// One container after the other.
pub(super) fn aimed() -> impl Strategy<Value = Vec<Move>> {
    (on(0), on(1)).prop_map(|(first, second)| [first, second].concat())
}

// Boxed: by value such a tree of choices is larger than a thread's stack likes.

/// What is asked of nothing; a task and its execs, what is asked of them there, and what is done to an
/// exec and to the task.
fn on(c: u8) -> BoxedStrategy<Vec<Move>> {
    // Of a paused task little is asked by chance: most of what does something lets it go on.
    let ended = prop_oneof![
        3 => Just(State::Created),
        3 => Just(State::Running),
        2 => Just(State::Paused),
        3 => Just(State::Stopped),
    ];
    let alive = prop_oneof![Just(State::Created), Just(State::Running), Just(State::Paused)];
    let ended = ended.prop_map(|state| (state, true));
    let alive = alive.prop_map(|state| (state, false));
    let stands = (prop_oneof![1 => ended, 1 => alive], 1..=EXECS);
    let asks = (vec(ask_exec(c), 3..=4), vec(ask_task(c), 2));
    let acts = (exec_act(c, 0), exec_act(c, 1), task_act(c));
    (early(c), stands, asks, acts)
        .prop_map(move |(early, stands, asks, acts)| {
            let ((state, ended), execs) = stands;
            let (of_exec, of_task) = asks;
            let stand = stand(c, state, ended, execs);
            // Of those that run, one more is left to meet what is done to the task.
            let (first, second, task_act) = acts;
            let acts =
                [first].into_iter().chain(ended.then_some(second)).chain([task_act]).collect();
            [early, stand, of_exec, of_task, acts].concat()
        })
        .boxed()
}

/// What is asked where there is no container yet, and where it has no task; and for whose end is waited.
fn early(c: u8) -> BoxedStrategy<Vec<Move>> {
    let asked = || prop_oneof![1 => ask_task(c), 1 => task_act(c)];
    let soon = prop::bool::weighted(0.1);
    (asked(), asked(), soon)
        .prop_map(move |(nothing, no_task, soon)| {
            let process = if soon { Program::ExitsWith3Later } else { Program::Sleeps };
            let mut moves = vec![nothing, Move::Create { c, process }, no_task];
            if soon {
                moves.extend([Move::Start { c }, Move::Wait { c }, Move::Delete { c }]);
                moves.push(Move::Create { c, process: Program::Sleeps });
            }
            moves
        })
        .boxed()
}

/// A task in a state, with so many execs that all have ended, or that all run.
fn stand(c: u8, state: State, ended: bool, execs: u8) -> Vec<Move> {
    let process = if ended { Program::ExitsWith7 } else { Program::Sleeps };
    let mut moves = vec![Move::CreateTask { c }];
    if state != State::Created {
        moves.push(Move::StartTask { c });
    }
    moves.extend((0..execs).map(|e| Move::Exec { c, e, process }));
    if ended {
        moves.extend((0..execs).map(|e| Move::ExecWait { c, e }));
    }
    match state {
        State::Created | State::Running => {}
        State::Paused => moves.push(Move::Pause { c }),
        State::Stopped => moves.extend([Move::Kill { c, signal: KILL }, Move::Wait { c }]),
    }
    moves
}

/// What changes no exec.
fn ask_exec(c: u8) -> BoxedStrategy<Move> {
    let e = || 0..EXECS;
    prop_oneof![
        e().prop_map(move |e| Move::ExecWait { c, e }),
        e().prop_map(move |e| Move::ExecExitStatus { c, e }),
        e().prop_map(move |e| Move::ExecResize { c, e }),
        e().prop_map(move |e| Move::ExecCloseStdin { c, e }),
        Just(Move::Pids { c }),
    ]
    .boxed()
}

/// What changes no task.
fn ask_task(c: u8) -> BoxedStrategy<Move> {
    prop_oneof![
        Just(Move::Load { c }),
        Just(Move::Status { c }),
        Just(Move::ExitStatus { c }),
        Just(Move::Resize { c }),
        Just(Move::CloseStdin { c }),
        Just(Move::Update { c }),
        Just(Move::Pids { c }),
        Just(Move::Stats { c }),
        Just(Move::Kill { c, signal: 0 }),
        Just(Move::Kill { c, signal: NO_SIGNAL }),
        Just(Move::KillAll { c, signal: 0 }),
    ]
    .boxed()
}

fn exec_act(c: u8, e: u8) -> BoxedStrategy<Move> {
    prop_oneof![
        4 => Just(Move::ExecKill { c, e, signal: KILL }),
        3 => Just(Move::ExecKill { c, e, signal: TERM }),
        3 => Just(Move::DeleteExec { c, e }),
        2 => Just(Move::Exec { c, e, process: Program::Sleeps }),
    ]
    .boxed()
}

fn task_act(c: u8) -> BoxedStrategy<Move> {
    prop_oneof![
        7 => Just(Move::Kill { c, signal: KILL }),
        7 => Just(Move::DeleteTask { c }),
        3 => Just(Move::KillAll { c, signal: KILL }),
        6 => Just(Move::Pause { c }),
        2 => Just(Move::Kill { c, signal: TERM }),
        2 => Just(Move::Resume { c }),
        2 => Just(Move::ForceDelete { c }),
        1 => Just(Move::KillAll { c, signal: TERM }),
        1 => Just(Move::StartTask { c }),
    ]
    .boxed()
}
