//! How likely each move is.

use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::select;

use super::aimed::aimed;
use crate::model::{CONTAINERS, EXECS, KILL, Move, Program, TERM, Trouble};

/// No such signal.
pub(super) const NO_SIGNAL: u32 = 99;

/// A case: something to begin with, most of the time, and then anything; or what aims at rare states.
/// What is not possible is wanted as well: that it is refused, and changes nothing.
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
    let anything = (opening, vec(any_move(), 1..=36));
    let aimed = (aimed(), vec(any_move(), 0..=4));
    let moves = prop_oneof![1 => anything, 1 => aimed];
    (moves, troubles()).prop_map(|((opening, rest), troubles)| {
        let mut moves = [opening, rest].concat();
        for (place, trouble) in troubles {
            moves.insert(place.min(moves.len()), Move::Fault(trouble));
        }
        moves
    })
}

/// In one case of five something goes wrong: in the others nothing is excused.
fn troubles() -> impl Strategy<Value = Vec<(usize, Trouble)>> {
    prop_oneof![
        4 => Just(Vec::new()),
        1 => vec((0..32_usize, trouble()), 1..=2),
    ]
}

fn one_of(words: &'static [&'static str]) -> impl Strategy<Value = String> {
    select(words).prop_map(str::to_owned)
}

/// Calls that most cases make; what is to happen after one happens soon.
const USUAL: [&str; 6] =
    ["Containers/Create", "Tasks/Create", "Tasks/Start", "Tasks/Exec", "Tasks/Kill", "Tasks/Pause"];
const CALLS: [&str; 11] = [
    "Containers/Create",
    "Containers/Delete",
    "Tasks/Create",
    "Tasks/Start",
    "Tasks/Exec",
    "Tasks/Kill",
    "Tasks/Pause",
    "Tasks/Resume",
    "Tasks/Delete",
    "Tasks/DeleteProcess",
    "Tasks/Get",
];
const TOPICS: [&str; 6] = [
    "/tasks/create",
    "/tasks/start",
    "/tasks/exec-added",
    "/tasks/exec-started",
    "/tasks/exit",
    "/tasks/delete",
];

pub(super) fn trouble() -> impl Strategy<Value = Trouble> {
    let twice = one_of(&TOPICS).prop_map(|event| (event, "duplicate".to_owned()));
    // Of births no server tells after what follows them: a shim sends its events one by one.
    let late = one_of(&["/tasks/exit", "/tasks/delete"])
        .prop_map(|event| (event, "delay(20ms)".to_owned()));
    let event = prop_oneof![twice, late].prop_map(|(event, done)| Trouble::Event { event, done });
    let errors = one_of(&["unavailable", "unknown", "internal"]);
    let rpc = (one_of(&CALLS), errors, one_of(&["before", "after"]))
        .prop_map(|(rpc, error, when)| Trouble::Rpc { rpc, error, when });
    let cut = (one_of(&["stream:Events/Subscribe", "connection"]), one_of(&USUAL))
        .prop_map(|(cut, after)| Trouble::Cut { cut, after });
    let daemon = (one_of(&["kept", "lost"]), one_of(&USUAL))
        .prop_map(|(restart, after)| Trouble::Daemon { restart, after });
    let shim = (one_of(&["kill", "hang"]), container(), one_of(&USUAL))
        .prop_map(|(shim, c, after)| Trouble::Shim { shim, c, after });
    prop_oneof![3 => event, 3 => rpc, 2 => cut, 1 => daemon, 1 => shim]
}

pub(super) fn program() -> impl Strategy<Value = Program> {
    prop_oneof![
        7 => Just(Program::Sleeps),
        2 => Just(Program::ExitsWith0),
        2 => Just(Program::ExitsWith7),
        2 => Just(Program::ExitsWith3Later),
        2 => Just(Program::Obeys),
        1 => Just(Program::IsMissing),
    ]
}

/// Execs may read, too.
pub(super) fn exec_program() -> impl Strategy<Value = Program> {
    prop_oneof![14 => program(), 2 => Just(Program::Reads)]
}

/// The first container is met most, so that much comes together there.
fn container() -> impl Strategy<Value = u8> {
    prop_oneof![6 => Just(0), 3 => Just(1), 1 => 0..CONTAINERS]
}

pub(super) fn signal() -> impl Strategy<Value = u32> {
    prop_oneof![5 => Just(KILL), 4 => Just(TERM), 3 => Just(0), 3 => Just(NO_SIGNAL)]
}

fn any_move() -> impl Strategy<Value = Move> {
    prop_oneof![
        26 => on_container(),
        34 => on_task(),
        38 => on_exec(),
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
        6 => (c(), signal()).prop_map(|(c, signal)| Move::Kill { c, signal }),
        3 => (c(), signal()).prop_map(|(c, signal)| Move::KillAll { c, signal }),
        11 => c().prop_map(|c| Move::Pause { c }),
        2 => c().prop_map(|c| Move::Resume { c }),
        2 => c().prop_map(|c| Move::Resize { c }),
        2 => c().prop_map(|c| Move::CloseStdin { c }),
        1 => c().prop_map(|c| Move::Cancel { c }),
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
        18 => (ce(), exec_program()).prop_map(|((c, e), process)| Move::Exec { c, e, process }),
        4 => ce().prop_map(|(c, e)| Move::ExecWait { c, e }),
        3 => ce().prop_map(|(c, e)| Move::ExecExitStatus { c, e }),
        7 => (ce(), signal()).prop_map(|((c, e), signal)| Move::ExecKill { c, e, signal }),
        5 => ce().prop_map(|(c, e)| Move::ExecResize { c, e }),
        3 => ce().prop_map(|(c, e)| Move::ExecCloseStdin { c, e }),
        4 => ce().prop_map(|(c, e)| Move::DeleteExec { c, e }),
    ]
}
