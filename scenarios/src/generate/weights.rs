//! How likely each move is.

use proptest::collection::vec;
use proptest::prelude::*;

use crate::model::{CONTAINERS, EXECS, KILL, Move, Program, TERM};

/// No such signal.
const NO_SIGNAL: u32 = 99;

/// A case: something to begin with, most of the time, and then anything. What is not possible is
/// wanted as well: that it is refused, and changes nothing.
pub(super) fn moves() -> impl Strategy<Value = Vec<Move>> {
    let all = 0b1111_u8;
    let opening = (program(), program(), prop_oneof![3 => Just(all), 1 => 0..all]).prop_map(
        |(first, second, made)| {
            let opening = [
                Move::Create { c: 0, process: first },
                Move::Start { c: 0 },
                Move::Create { c: 1, process: second },
                Move::CreateTask { c: 1 },
            ];
            let made = opening.into_iter().enumerate().filter(|(bit, _)| made >> bit & 1 == 1);
            made.map(|(_, play)| play).collect::<Vec<Move>>()
        },
    );
    (opening, vec(any_move(), 1..=36)).prop_map(|(mut moves, rest)| {
        moves.extend(rest);
        moves
    })
}

fn program() -> impl Strategy<Value = Program> {
    prop_oneof![
        7 => Just(Program::Sleeps),
        2 => Just(Program::ExitsWith0),
        2 => Just(Program::ExitsWith7),
        2 => Just(Program::ExitsWith3Later),
        2 => Just(Program::Obeys),
        1 => Just(Program::IsMissing),
    ]
}

/// The first container is met most, so that much comes together there.
fn container() -> impl Strategy<Value = u8> {
    prop_oneof![6 => Just(0), 3 => Just(1), 1 => 0..CONTAINERS]
}

fn signal() -> impl Strategy<Value = u32> {
    prop_oneof![5 => Just(KILL), 4 => Just(TERM), 1 => Just(0), 1 => Just(NO_SIGNAL)]
}

fn any_move() -> impl Strategy<Value = Move> {
    prop_oneof![
        26 => on_container(),
        34 => on_task(),
        34 => on_exec(),
        2 => Just(Move::StatsAll {}),
        2 => Just(Move::Restart {}),
    ]
}

fn on_container() -> impl Strategy<Value = Move> {
    let c = container;
    prop_oneof![
        6 => (c(), program()).prop_map(|(c, process)| Move::Create { c, process }),
        8 => c().prop_map(|c| Move::Start { c }),
        5 => c().prop_map(|c| Move::CreateTask { c }),
        2 => c().prop_map(|c| Move::Load { c }),
        4 => c().prop_map(|c| Move::Delete { c }),
    ]
}

fn on_task() -> impl Strategy<Value = Move> {
    let c = container;
    prop_oneof![
        3 => c().prop_map(|c| Move::StartTask { c }),
        4 => c().prop_map(|c| Move::Wait { c }),
        3 => c().prop_map(|c| Move::Status { c }),
        2 => c().prop_map(|c| Move::ExitStatus { c }),
        3 => (c(), signal()).prop_map(|(c, signal)| Move::Kill { c, signal }),
        2 => (c(), signal()).prop_map(|(c, signal)| Move::KillAll { c, signal }),
        11 => c().prop_map(|c| Move::Pause { c }),
        2 => c().prop_map(|c| Move::Resume { c }),
        2 => c().prop_map(|c| Move::Resize { c }),
        2 => c().prop_map(|c| Move::Update { c }),
        2 => c().prop_map(|c| Move::Pids { c }),
        2 => c().prop_map(|c| Move::Stats { c }),
        4 => c().prop_map(|c| Move::DeleteTask { c }),
        2 => c().prop_map(|c| Move::ForceDelete { c }),
    ]
}

fn on_exec() -> impl Strategy<Value = Move> {
    let ce = || (container(), 0..EXECS);
    prop_oneof![
        15 => (ce(), program()).prop_map(|((c, e), process)| Move::Exec { c, e, process }),
        4 => ce().prop_map(|(c, e)| Move::ExecWait { c, e }),
        3 => ce().prop_map(|(c, e)| Move::ExecExitStatus { c, e }),
        4 => (ce(), signal()).prop_map(|((c, e), signal)| Move::ExecKill { c, e, signal }),
        3 => ce().prop_map(|(c, e)| Move::ExecResize { c, e }),
        4 => ce().prop_map(|(c, e)| Move::DeleteExec { c, e }),
    ]
}
