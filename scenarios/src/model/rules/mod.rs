//! What an operation answers in each state, and what it leaves.
//!
//! Written from what containerd was seen to do, apart from the mock: shared rules would agree on the
//! same bug. Where a client may answer by what it knows, its answer is the server's in other words.

mod container;
mod exec;
#[cfg(test)]
mod table;
mod task;

use super::answer::{ABSENT, Answer, GIVEN_UP, NO_SIGNAL};
use super::state::{Container, Exec, Phase, Task};
use super::{KILL, Move, Program, TERM};

/// What one container is in; `None`: there is no such container.
pub(super) type State = Option<Container>;

/// Answers, each with what it leaves.
pub(super) type Answers = Vec<(Answer, State)>;

/// All that may come of an operation on one container.
pub(super) fn answers(play: &Move, state: &State) -> Answers {
    if let Move::Cancel { c } = play {
        // What had ended may be told before it is given up.
        let mut answers = answers(&Move::Wait { c: *c }, state);
        answers.push((GIVEN_UP, state.clone()));
        return answers;
    }
    match (container::answers(play, state), state) {
        (Some(answers), _) => answers,
        (None, None) => vec![(ABSENT, None)],
        (None, Some(container)) => match &container.task {
            None => absent(play, container),
            Some(task) => task::answers(play, container, task)
                .or_else(|| exec::answers(play, container, task))
                .unwrap_or_else(|| unreachable!("{} has no rule", play.name())),
        },
    }
}

/// What is asked of a task or an exec that is not there. A client may still tell how those that are
/// gone had ended.
fn absent(play: &Move, container: &Container) -> Answers {
    let mut answers = vec![(ABSENT, Some(container.clone()))];
    let past = match play {
        Move::ExecWait { e, .. } | Move::ExecExitStatus { e, .. } => container.past.get(e).copied(),
        Move::Wait { .. } | Move::ExitStatus { .. } => container.last,
        _ => None,
    };
    if container.free && matches!(play, Move::Wait { .. } | Move::ExitStatus { .. }) {
        let free = Answer::SomeExit("of what never ran, 0 and 137 are told");
        answers.push((free, Some(container.clone())));
    }
    answers.extend(past.map(|status| (Answer::Exit(status), Some(container.clone()))));
    answers
}

/// Whether this would be awaited for ever.
pub(super) fn waits_for_ever(play: &Move, state: &State) -> bool {
    let Some(container) = state else { return false };
    let Some(task) = &container.task else { return false };
    match play {
        Move::Wait { .. } => !task.will_end(container.program),
        Move::ExecWait { e, .. } => task.execs.get(e).is_some_and(|exec| {
            if !exec.held {
                // Nobody who was there told this client of its end, and containerd tells once.
                return true;
            }
            let ends = exec.doom.is_some() || exec.program.ends_with().is_some();
            let thawed = task.phase != Phase::Paused && ends;
            exec.exited.is_none() && !thawed && !task.will_end(container.program)
        }),
        _ => false,
    }
}
