//! An outcome against what the scenario takes for right.

use driver_protocol::{ErrorKind, ExitStatus, Ok as Done, Outcome};
use run_record::Verdict;

use crate::Expect;

impl Expect {
    /// In words, for records and failure texts.
    pub fn words(&self) -> Vec<String> {
        match self {
            Self::Ok => vec!["ok".into()],
            Self::Exit(status) => vec![format!("exit {status}")],
            Self::ExitNonZero => vec!["exit other than 0".into()],
            Self::State(state) => vec![format!("{state:?}").to_lowercase()],
            Self::NoTask => vec!["no task".into()],
            Self::Finds(count) => vec![format!("{count} found")],
            Self::Refused(kinds) => {
                kinds.iter().map(|kind| format!("error {}", ErrorKind::as_str(*kind))).collect()
            }
        }
    }
}

/// Judges one outcome.
pub fn judge_outcome(expect: &Expect, outcome: &Outcome) -> Verdict {
    let right = match (expect, outcome) {
        (Expect::Refused(kinds), Outcome::Error(refusal)) => kinds.contains(&refusal.kind),
        (Expect::Refused(_), Outcome::Ok(_)) | (_, Outcome::Error(_)) => false,
        (Expect::Ok, Outcome::Ok(_)) => true,
        (Expect::Exit(status), Outcome::Ok(done)) => {
            exit_status(done) == Some(ExitStatus::Code(*status))
        }
        (Expect::ExitNonZero, Outcome::Ok(done)) => {
            exit_status(done).is_some_and(|status| status != ExitStatus::Code(0))
        }
        (Expect::State(state), Outcome::Ok(done)) => task_state(done) == Some(*state),
        (Expect::NoTask, Outcome::Ok(done)) => {
            matches!(done, Done::Load(found) if found.task.is_none())
        }
        (Expect::Finds(count), Outcome::Ok(done)) => found(done) == Some(*count),
    };
    if right {
        Verdict::pass("outcome")
    } else {
        let expected = expect.words().join(" or ");
        Verdict::fail("outcome", format!("expected {expected}, got {}", shown(outcome)))
    }
}

fn shown(outcome: &Outcome) -> String {
    match outcome {
        Outcome::Ok(done) => format!("ok {}", serde_json::to_string(done).unwrap_or_default()),
        Outcome::Error(refusal) => format!("error {refusal}"),
    }
}

fn exit_status(done: &Done) -> Option<ExitStatus> {
    match done {
        Done::Wait(exited)
        | Done::ExecWait(exited)
        | Done::ExitStatus(exited)
        | Done::DeleteTask(exited)
        | Done::DeleteExec(exited)
        | Done::ForceDelete(exited) => Some(exited.status),
        _ => None,
    }
}

fn task_state(done: &Done) -> Option<driver_protocol::Lifecycle> {
    match done {
        Done::Status(task) => Some(task.status),
        Done::Load(found) => found.task.as_ref().map(|task| task.status),
        _ => None,
    }
}

fn found(done: &Done) -> Option<usize> {
    match done {
        Done::Restore { containers } => Some(containers.len()),
        Done::StatsAll { found } => Some(found.len()),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use driver_protocol::{Exited, Refusal};

    fn waited(status: u32) -> Outcome {
        Outcome::Ok(Done::Wait(Exited { status: ExitStatus::Code(status), at_ns: None }))
    }

    #[test]
    fn another_exit_status_than_the_expected_one_fails() {
        assert!(!judge_outcome(&Expect::Exit(7), &waited(7)).failed());
        assert!(judge_outcome(&Expect::Exit(7), &waited(0)).failed());
    }

    #[test]
    fn a_success_where_a_refusal_is_right_fails() {
        let expect = Expect::Refused(vec![ErrorKind::NotFound]);
        assert!(judge_outcome(&expect, &waited(0)).failed());
        let refusal = Refusal { kind: ErrorKind::Unavailable, code: None, message: "gone".into() };
        let verdict = judge_outcome(&expect, &Outcome::Error(refusal));
        assert_eq!(verdict.detail, "expected error not-found, got error unavailable: gone");
    }

    #[test]
    fn an_unknown_exit_status_is_not_zero_and_not_any_number() {
        let unknown = Outcome::Ok(Done::Wait(Exited { status: ExitStatus::Unknown, at_ns: None }));
        assert!(judge_outcome(&Expect::Exit(0), &unknown).failed());
        assert!(!judge_outcome(&Expect::ExitNonZero, &unknown).failed());
    }
}
