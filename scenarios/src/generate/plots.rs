//! Plots that nobody thought of: what several actors do at once to few things.

use proptest::collection::vec;
use proptest::prelude::*;

use super::weights::{exec_program, program, signal, trouble};
use crate::model::{EXECS, Move};
use crate::plot::{ACTS_MAX, Actors, FAULTS_MAX, Plot};

pub(super) fn plots(actors: Actors) -> impl Strategy<Value = Plot> {
    let count = usize::from(actors.count());
    let acts = vec(vec(any_act(), 1..=ACTS_MAX), count);
    // In one of five something goes wrong, as among moves: in the others nothing is excused.
    let faults = prop_oneof![4 => Just(Vec::new()), 1 => vec(trouble(), 1..=FAULTS_MAX)];
    let all = (opening(), acts, faults, any::<u64>());
    all.prop_map(|(opening, actors, faults, interleave)| Plot {
        opening,
        actors,
        faults,
        interleave,
    })
}

/// Something to begin with, as far as it goes.
fn opening() -> impl Strategy<Value = Vec<Move>> {
    let c = 0;
    let exec = exec_program().prop_map(move |process| Move::Exec { c, e: 0, process });
    let first = prop_oneof![
        1 => Just(0_usize),
        2 => Just(1),
        2 => Just(2),
        6 => Just(3),
        3 => Just(4),
    ];
    (first, program(), exec, prop::bool::ANY, program()).prop_map(
        move |(far, process, exec, second, other)| {
            let all =
                [Move::Create { c, process }, Move::CreateTask { c }, Move::StartTask { c }, exec];
            let mut opening: Vec<Move> = all.into_iter().take(far).collect();
            if second {
                opening.push(Move::Create { c: 1, process: other });
            }
            opening
        },
    )
}

/// Where several meet, something can go wrong.
fn container() -> impl Strategy<Value = u8> {
    prop_oneof![8 => Just(0_u8), 2 => Just(1)]
}

fn any_act() -> impl Strategy<Value = Move> {
    prop_oneof![22 => on_container(), 40 => on_task(), 36 => on_exec(), 2 => Just(Move::StatsAll {})]
}

fn on_container() -> impl Strategy<Value = Move> {
    let c = container;
    prop_oneof![
        3 => (c(), program()).prop_map(|(c, process)| Move::Create { c, process }),
        7 => c().prop_map(|c| Move::Start { c }),
        5 => c().prop_map(|c| Move::CreateTask { c }),
        3 => c().prop_map(|c| Move::Load { c }),
        2 => c().prop_map(|c| Move::Delete { c }),
    ]
}

fn on_task() -> impl Strategy<Value = Move> {
    let c = container;
    prop_oneof![
        4 => c().prop_map(|c| Move::StartTask { c }),
        3 => c().prop_map(|c| Move::Wait { c }),
        8 => c().prop_map(|c| Move::Status { c }),
        3 => c().prop_map(|c| Move::ExitStatus { c }),
        5 => (c(), signal()).prop_map(|(c, signal)| Move::Kill { c, signal }),
        2 => (c(), signal()).prop_map(|(c, signal)| Move::KillAll { c, signal }),
        5 => c().prop_map(|c| Move::Pause { c }),
        5 => c().prop_map(|c| Move::Resume { c }),
        1 => c().prop_map(|c| Move::Resize { c }),
        1 => c().prop_map(|c| Move::CloseStdin { c }),
        1 => c().prop_map(|c| Move::Update { c }),
        2 => c().prop_map(|c| Move::Pids { c }),
        1 => c().prop_map(|c| Move::Stats { c }),
        4 => c().prop_map(|c| Move::DeleteTask { c }),
        2 => c().prop_map(|c| Move::ForceDelete { c }),
    ]
}

fn on_exec() -> impl Strategy<Value = Move> {
    let ce = || (container(), 0..EXECS);
    prop_oneof![
        12 => (ce(), exec_program()).prop_map(|((c, e), process)| Move::Exec { c, e, process }),
        4 => ce().prop_map(|(c, e)| Move::ExecWait { c, e }),
        4 => ce().prop_map(|(c, e)| Move::ExecExitStatus { c, e }),
        6 => (ce(), signal()).prop_map(|((c, e), signal)| Move::ExecKill { c, e, signal }),
        2 => ce().prop_map(|(c, e)| Move::ExecResize { c, e }),
        2 => ce().prop_map(|(c, e)| Move::ExecCloseStdin { c, e }),
        6 => ce().prop_map(|(c, e)| Move::DeleteExec { c, e }),
    ]
}
