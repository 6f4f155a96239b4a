//! What an operation may come to.

use driver_protocol::{ErrorKind, ExitStatus, Lifecycle, Ok as Done, Outcome};

/// An answer that is right.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Answer {
    /// It succeeds.
    Ok,
    /// It succeeds and tells this exit status.
    Exit(u32),
    /// It succeeds and tells an exit status; which is free, for the stated reason.
    SomeExit(&'static str),
    /// It succeeds and tells this state; `None`: that there is no task.
    State(Option<Lifecycle>),
    /// It succeeds and finds so many.
    Found(usize),
    /// It fails with one of these kinds.
    Refused(&'static [ErrorKind]),
}

/// No such container, task or exec.
pub(super) const ABSENT: Answer = Answer::Refused(&[ErrorKind::NotFound]);
/// The id is taken.
pub(super) const TAKEN: Answer = Answer::Refused(&[ErrorKind::AlreadyExists]);
/// Not in this state. containerd has no code for most of these errors, a client may have a word.
pub(super) const WRONG_STATE: Answer = Answer::Refused(crate::scenario::WRONG_STATE);
/// It has not exited: there is no status, or this is not the state for it.
pub(super) const NO_EXIT: Answer =
    Answer::Refused(&[ErrorKind::Unknown, ErrorKind::FailedPrecondition, ErrorKind::NotFound]);
/// There is no such binary. containerd has no code for it.
pub(super) const NO_BINARY: Answer =
    Answer::Refused(&[ErrorKind::Unknown, ErrorKind::InvalidArgument, ErrorKind::NotFound]);
/// There is no such signal. containerd has no code for it.
pub(super) const NO_SIGNAL: Answer =
    Answer::Refused(&[ErrorKind::Unknown, ErrorKind::InvalidArgument]);

/// It was given up before it came to anything.
pub(super) const GIVEN_UP: Answer = Answer::Refused(&[ErrorKind::Cancelled]);

impl Answer {
    /// In words, for records and failure texts.
    pub fn words(self) -> String {
        match self {
            Self::Ok => "ok".into(),
            Self::Exit(status) => format!("exit {status}"),
            Self::SomeExit(_) => "an exit".into(),
            Self::State(None) => "no task".into(),
            Self::State(Some(state)) => format!("{state:?}").to_lowercase(),
            Self::Found(count) => format!("{count} found"),
            Self::Refused(kinds) => {
                let kinds: Vec<&str> = kinds.iter().map(|kind| kind.as_str()).collect();
                format!("error {}", kinds.join(" or "))
            }
        }
    }

    /// Whether an outcome is this one.
    pub fn is(self, outcome: &Outcome) -> bool {
        match (self, outcome) {
            (Self::Refused(kinds), Outcome::Error(refusal)) => kinds.contains(&refusal.kind),
            (Self::Refused(_), Outcome::Ok(_)) | (_, Outcome::Error(_)) => false,
            (Self::Ok, Outcome::Ok(_)) => true,
            (Self::Exit(status), Outcome::Ok(done)) => {
                exit_status(done) == Some(ExitStatus::Code(status))
            }
            (Self::SomeExit(_), Outcome::Ok(done)) => exit_status(done).is_some(),
            (Self::State(state), Outcome::Ok(Done::Status(told))) => Some(told.status) == state,
            (Self::State(state), Outcome::Ok(Done::Load(found))) => {
                found.task.as_ref().map(|task| task.status) == state
            }
            (Self::State(_), Outcome::Ok(_)) => false,
            (Self::Found(count), Outcome::Ok(Done::Restore { containers })) => {
                containers.len() == count
            }
            (Self::Found(count), Outcome::Ok(Done::StatsAll { found })) => found.len() == count,
            (Self::Found(_), Outcome::Ok(_)) => false,
        }
    }
}

fn exit_status(done: &Done) -> Option<ExitStatus> {
    done.exited().map(|exited| exited.status)
}

#[cfg(test)]
mod tests {
    use driver_protocol::{Found, Restored, TaskState};

    use super::super::container_id;
    use super::*;

    #[test]
    fn the_state_that_is_told_and_the_number_that_is_found_are_held_to() {
        let task = TaskState { status: Lifecycle::Running, pid: 7 };
        let status = || Done::Status(task.clone());
        let load = |task| Done::Load(Found { task });
        let restore = |task| Done::Restore {
            containers: vec![Restored { container: container_id(0), task }],
        };
        let stats = || Done::StatsAll { found: vec![container_id(0)] };
        let (running, paused) = (Some(Lifecycle::Running), Some(Lifecycle::Paused));
        for (answer, told, right) in [
            (Answer::State(running), status(), true),
            (Answer::State(paused), status(), false),
            (Answer::State(running), load(Some(task.clone())), true),
            (Answer::State(None), load(Some(task.clone())), false),
            (Answer::State(None), load(None), true),
            (Answer::State(running), stats(), false),
            (Answer::Found(1), restore(None), true),
            (Answer::Found(2), restore(Some(task.clone())), false),
            (Answer::Found(1), stats(), true),
            (Answer::Found(0), stats(), false),
            (Answer::Found(1), status(), false),
        ] {
            assert_eq!(answer.is(&Outcome::Ok(told.clone())), right, "{answer:?} of {told:?}");
        }
    }
}
