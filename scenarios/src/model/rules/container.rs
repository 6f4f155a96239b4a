//! Operations on records.

use std::collections::BTreeMap;

use super::super::answer::{Answer, NO_BINARY, TAKEN, WRONG_STATE};
use super::{Answers, Container, Move, Phase, Program, State, Task};

pub(super) fn answers(play: &Move, state: &State) -> Option<Answers> {
    let same = |answer| vec![(answer, state.clone())];
    Some(match (play, state) {
        (Move::Create { .. }, Some(_)) => same(TAKEN),
        (Move::Create { process, .. }, None) => {
            let past = BTreeMap::new();
            let made = Container {
                program: *process,
                task: None,
                past,
                last: None,
                free: false,
                listed: false,
            };
            vec![(Answer::Ok, Some(made))]
        }
        (Move::Load { .. }, Some(container)) => {
            let told = container.task.as_ref().map(|task| task.phase.told());
            let known = Container { listed: false, ..container.clone() };
            vec![(Answer::State(told), Some(known))]
        }
        (Move::Delete { .. }, Some(container)) if container.task.is_none() => {
            vec![(Answer::Ok, None)]
        }
        // containerd would orphan the task: a client must not let it.
        (Move::Delete { .. }, Some(_)) => same(WRONG_STATE),
        (Move::CreateTask { .. } | Move::Start { .. }, Some(container)) => start(play, container),
        _ => return None,
    })
}

fn start(play: &Move, container: &Container) -> Answers {
    let same = || Some(container.clone());
    if container.task.is_some() {
        return vec![(TAKEN, same())];
    }
    if container.program == Program::IsMissing {
        // runc looks for the binary when it creates.
        return vec![(NO_BINARY, same())];
    }
    let mut task = Task::created();
    if matches!(play, Move::Start { .. }) {
        task.phase = Phase::Running;
    }
    let started = Container { task: Some(task), listed: false, ..container.clone() };
    vec![(Answer::Ok, Some(started))]
}
