//! Operations on tasks.

use super::super::INIT_STRUCK;
use super::super::answer::{ABSENT, Answer, NO_EXIT, WRONG_STATE};
use super::{Answers, Container, Move, NO_SIGNAL, Phase, TERM, Task};

pub(super) fn answers(play: &Move, container: &Container, task: &Task) -> Option<Answers> {
    let same = |answer| vec![(answer, Some(container.clone()))];
    let to = |phase| vec![(Answer::Ok, Some(container.with(|task| task.phase = phase)))];
    let gone = |answer| vec![(answer, Some(container.without_task()))];
    Some(match (play, task.phase) {
        // A process that was struck before it ran cannot be started any more.
        (Move::StartTask { .. }, Phase::Created) if task.doom.is_some() => same(WRONG_STATE),
        (Move::StartTask { .. }, Phase::Created) => to(Phase::Running),
        (Move::StartTask { .. }, _) => same(WRONG_STATE),

        (Move::Wait { .. } | Move::ExitStatus { .. }, Phase::Stopped(status)) => {
            same(Answer::Exit(status))
        }
        (Move::Wait { .. }, _) => Vec::new(),
        (Move::ExitStatus { .. }, _) => same(NO_EXIT),
        (Move::Status { .. }, phase) => same(Answer::State(Some(phase.told()))),

        (Move::Kill { .. } | Move::KillAll { .. }, _) => kill(play, container, task),

        (Move::Pause { .. }, Phase::Running) => {
            let frozen = task.frozen(container.program).into_iter();
            frozen
                .map(|task| (Answer::Ok, Some(Container { task: Some(task), ..container.clone() })))
                .collect()
        }
        (Move::Pause { .. }, _) => same(WRONG_STATE),
        // runc finds it thawed, and the shim does not: so it stays.
        (Move::Resume { .. }, Phase::Paused) if task.thawed => same(WRONG_STATE),
        // What it is killed with thaws it, too: runc may know that before the shim knows its end.
        (Move::Resume { .. }, Phase::Paused) if task.doom == Some(128 + super::KILL) => {
            [to(Phase::Running), same(WRONG_STATE)].concat()
        }
        (Move::Resume { .. }, Phase::Paused) => to(Phase::Running),
        (Move::Resume { .. }, _) => same(WRONG_STATE),
        (Move::Update { .. }, Phase::Stopped(_)) => same(WRONG_STATE),
        // As with a signal: see `kill`.
        (Move::Update { .. }, Phase::Created | Phase::Running) if task.doom.is_some() => {
            [same(Answer::Ok), same(WRONG_STATE)].concat()
        }
        (
            Move::Resize { .. }
            | Move::Update { .. }
            | Move::Pids { .. }
            | Move::Stats { .. }
            | Move::CloseStdin { .. },
            _,
        ) => same(Answer::Ok),

        (Move::DeleteTask { .. }, Phase::Stopped(status)) => gone(Answer::Exit(status)),
        (Move::DeleteTask { .. }, Phase::Created) => {
            // containerd deletes it, its own client refuses to ask for that.
            let free = Answer::SomeExit("of what never ran, 0 and 137 are told");
            let mut both = gone(free);
            both.extend(same(WRONG_STATE));
            both
        }
        (Move::DeleteTask { .. }, _) => same(WRONG_STATE),
        (Move::ForceDelete { .. }, Phase::Created) => {
            gone(Answer::SomeExit("of what never ran, 0 and 137 are told"))
        }
        (Move::ForceDelete { .. }, _) => {
            // It is struck, and then what it ends with, or had ended with, is told: see `Container::later`.
            let doomed = container.with(|task| task.doom = Some(128 + super::KILL));
            let ends =
                doomed.later().into_iter().filter_map(|end| match end.task.as_ref()?.phase {
                    Phase::Stopped(status) => {
                        Some((Answer::Exit(status), Some(end.without_task())))
                    }
                    _ => None,
                });
            ends.collect()
        }
        _ => return None,
    })
}

/// A signal to the first process, or to all.
fn kill(play: &Move, container: &Container, task: &Task) -> Answers {
    let same = |answer| vec![(answer, Some(container.clone()))];
    let (signal, all) = match play {
        Move::Kill { signal, .. } => (*signal, false),
        Move::KillAll { signal, .. } => (*signal, true),
        _ => return Vec::new(),
    };
    if let Phase::Stopped(_) = task.phase {
        // To all of none is no error.
        return same(if all { Answer::Ok } else { ABSENT });
    }
    if signal > 64 && !all {
        return same(NO_SIGNAL);
    }
    let mut ends = match task.phase {
        // Before the program there is runc's init.
        Phase::Created if signal == TERM => vec![Some(INIT_STRUCK)],
        _ => container.program.struck(signal, true),
    };
    if task.doom.is_some() {
        // It may be dying of the one or of the other; or be dead already, and not known to be.
        ends.push(None);
    }
    let mut answers = Vec::new();
    for end in ends {
        let struck = container.with(|task| {
            task.doom = end.or(task.doom);
            // All of them are frozen for the signalling, and then thawed.
            task.thawed |= all && task.phase == Phase::Paused;
        });
        let mut states = vec![struck];
        if all {
            states = states.into_iter().flat_map(|state| strike_execs(&state, signal)).collect();
        }
        answers.extend(states.into_iter().map(|state| (Answer::Ok, Some(state))));
    }
    if task.doom.is_some() && task.phase != Phase::Paused && !all {
        // runc finds it dead, and its shim has not told yet: 1.7's waits for the exits of its execs.
        answers.extend(same(ABSENT));
    }
    answers
}

/// The execs, too: each in every way in which it may take it.
fn strike_execs(container: &Container, signal: u32) -> Vec<Container> {
    let mut states = vec![container.clone()];
    let running: Vec<u8> = container
        .task
        .iter()
        .flat_map(|task| &task.execs)
        .filter(|(_, exec)| exec.exited.is_none())
        .map(|(slot, _)| *slot)
        .collect();
    for slot in running {
        states = states
            .iter()
            .flat_map(|state| {
                let exec = state.task.as_ref().and_then(|task| task.execs.get(&slot));
                let ends = exec.map(|exec| exec.program.struck(signal, false)).unwrap_or_default();
                ends.into_iter().map(|end| {
                    state.with(|task| {
                        if let Some(exec) = task.execs.get_mut(&slot) {
                            exec.doom = end.or(exec.doom);
                        }
                    })
                })
            })
            .collect();
    }
    states
}
