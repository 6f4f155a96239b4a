//! Operations on execs.

use std::collections::BTreeMap;

use super::super::answer::{ABSENT, Answer, NO_BINARY, NO_EXIT, TAKEN, WRONG_STATE};
use super::{Answers, Container, Exec, Move, NO_SIGNAL, Phase, Program, Task, absent};

pub(super) fn answers(play: &Move, container: &Container, task: &Task) -> Option<Answers> {
    if let Move::Exec { e, process, .. } = play {
        return Some(register(*e, *process, container, task));
    }
    let slot = play.exec()?;
    let Some(exec) = task.execs.get(&slot) else { return Some(absent(play, container)) };
    let mut answers = of(play, slot, container, exec);
    if !exec.held {
        // Who has not made it need not know of it.
        answers.push((ABSENT, Some(container.clone())));
    }
    Some(answers)
}

fn register(slot: u8, program: Program, container: &Container, task: &Task) -> Answers {
    let same = |answer| (answer, Some(container.clone()));
    if let Phase::Paused | Phase::Stopped(_) = task.phase {
        // The state is looked at before the id; who keeps the execs may see the id first.
        let mut answers = vec![same(WRONG_STATE)];
        if task.execs.contains_key(&slot) {
            answers.push(same(TAKEN));
        }
        return answers;
    }
    if task.execs.contains_key(&slot) {
        return vec![same(TAKEN)];
    }
    if program == Program::IsMissing {
        return vec![same(NO_BINARY)];
    }
    let exec = Exec { program, exited: None, doom: None, held: true };
    let started = container.with(|task| {
        task.execs.insert(slot, exec);
    });
    let started = Container { past: without(&started.past, slot), ..started };
    let mut answers = vec![(Answer::Ok, Some(started))];
    if task.doom.is_some() || container.program.ends_with().is_some() {
        // Between the registering and the starting the task may have ended.
        answers.push(same(WRONG_STATE));
        answers.push(same(NO_BINARY));
    }
    answers
}

fn of(play: &Move, slot: u8, container: &Container, exec: &Exec) -> Answers {
    let same = |answer| vec![(answer, Some(container.clone()))];
    match (play, exec.exited) {
        (Move::ExecWait { .. } | Move::ExecExitStatus { .. }, Some(status)) => {
            same(Answer::Exit(status))
        }
        (Move::ExecWait { .. }, None) => Vec::new(),
        (Move::ExecExitStatus { .. }, None) => same(NO_EXIT),
        (Move::DeleteExec { .. }, Some(status)) => {
            let mut deleted = container.with(|task| {
                task.execs.remove(&slot);
            });
            // Whoever deletes it is told, also when another has made it.
            deleted.past.insert(slot, status);
            vec![(Answer::Exit(status), Some(deleted))]
        }
        (Move::ExecKill { .. }, Some(_)) => same(ABSENT),
        (Move::ExecKill { signal, .. }, None) if *signal > 64 => same(NO_SIGNAL),
        (Move::ExecKill { signal, .. }, None) => strike(*signal, slot, container, exec),
        (Move::ExecCloseStdin { .. }, None) if exec.program.reads() => {
            let ends = container.with(|task| {
                if let Some(exec) = task.execs.get_mut(&slot) {
                    exec.doom = exec.doom.or(Some(0));
                }
            });
            vec![(Answer::Ok, Some(ends))]
        }
        // The server takes it; a client may say that there is nothing to close any more.
        (Move::ExecCloseStdin { .. }, Some(_)) => {
            let both = [Answer::Ok, ABSENT].map(|answer| (answer, Some(container.clone())));
            both.to_vec()
        }
        (Move::ExecCloseStdin { .. } | Move::ExecResize { .. }, None) => same(Answer::Ok),
        // Still running, or no more.
        _ => same(WRONG_STATE),
    }
}

fn strike(signal: u32, slot: u8, container: &Container, exec: &Exec) -> Answers {
    let mut ends = exec.program.struck(signal, false);
    if exec.doom.is_some() {
        ends.push(None);
    }
    ends.into_iter()
        .map(|end| {
            let struck = container.with(|task| {
                if let Some(exec) = task.execs.get_mut(&slot) {
                    exec.doom = end.or(exec.doom);
                }
            });
            (Answer::Ok, Some(struck))
        })
        .collect()
}

fn without(past: &BTreeMap<u8, u32>, slot: u8) -> BTreeMap<u8, u32> {
    past.iter().filter(|(other, _)| **other != slot).map(|(slot, end)| (*slot, *end)).collect()
}
