//! An outcome against what the scenario takes for right.

use driver_protocol::{ErrorKind, ExitStatus, Gathered, Ok as Done, Outcome};
use run_record::Verdict;

use crate::Expect;

impl Expect {
    /// In words, for records and failure texts.
    pub fn words(&self) -> Vec<String> {
        match self {
            Self::Ok => vec!["ok".into()],
            Self::Exit(status) => vec![format!("exit {status}")],
            Self::ExitNonZero => vec!["exit other than 0".into()],
            Self::Wrote(wrote) => vec![wrote.words()],
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
        (Expect::Wrote(wrote), Outcome::Ok(done)) => {
            exit_status(done) == Some(ExitStatus::Code(wrote.exit))
                && gathered(done) == Some(&wrote.gathered())
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

pub(crate) fn shown(outcome: &Outcome) -> String {
    match outcome {
        Outcome::Ok(done) => format!("ok {}", serde_json::to_string(done).unwrap_or_default()),
        Outcome::Error(refusal) => format!("error {refusal}"),
    }
}

fn exit_status(done: &Done) -> Option<ExitStatus> {
    done.exited().map(|exited| exited.status)
}

/// What a process wrote that was waited for.
fn gathered(done: &Done) -> Option<&Gathered> {
    match done {
        Done::Wait(waited) | Done::ExecWait(waited) => waited.gathered.as_ref(),
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
        Done::Import(names) | Done::Images(names) => Some(names.images.len()),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Wrote;
    use driver_protocol::{Ending, Exited, Refusal, Waited};

    fn waited(status: u32) -> Outcome {
        told(ExitStatus::Code(status), None)
    }

    fn told(status: ExitStatus, gathered: Option<Gathered>) -> Outcome {
        let exited = Exited { status, at_ns: None };
        Outcome::Ok(Done::Wait(Waited { exited, gathered }))
    }

    #[test]
    fn other_output_and_output_that_was_cut_off_fail() {
        let wrote = |text: &str, output| Wrote { exit: 7, text: text.to_owned(), output };
        let right = wrote("hello\n", Ending::Complete);
        let expect = Expect::Wrote(right.clone());
        let waited = |wrote: &Wrote| told(ExitStatus::Code(7), Some(wrote.gathered()));
        assert!(!judge_outcome(&expect, &waited(&right)).failed());
        for wrong in [wrote("hellO\n", Ending::Complete), wrote("hello\n", Ending::CutOff)] {
            assert!(judge_outcome(&expect, &waited(&wrong)).failed());
        }
        let verdict = judge_outcome(&expect, &told(ExitStatus::Code(7), None));
        let told =
            "expected exit 7 and complete output of 6 bytes, got ok {\"wait\":{\"status\":7}}";
        assert_eq!(verdict.detail, told);
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
        let unknown = told(ExitStatus::Unknown, None);
        assert!(judge_outcome(&Expect::Exit(0), &unknown).failed());
        assert!(!judge_outcome(&Expect::ExitNonZero, &unknown).failed());
    }

    fn done(text: &str) -> Outcome {
        serde_json::from_str(&format!(r#"{{"ok":{text}}}"#)).unwrap()
    }

    #[test]
    fn what_is_found_of_a_task_is_its_state_or_that_there_is_none() {
        use driver_protocol::Lifecycle::{Paused, Running};
        let status = done(r#"{"status":{"status":"paused","pid":7}}"#);
        let load = done(r#"{"load":{"task":{"status":"paused","pid":7}}}"#);
        for told in [&status, &load] {
            assert!(!judge_outcome(&Expect::State(Paused), told).failed(), "{told:?}");
            assert!(judge_outcome(&Expect::State(Running), told).failed(), "{told:?}");
            assert!(judge_outcome(&Expect::NoTask, told).failed(), "{told:?}");
        }
        let absent = done(r#"{"load":{}}"#);
        assert!(!judge_outcome(&Expect::NoTask, &absent).failed());
        assert!(judge_outcome(&Expect::State(Paused), &absent).failed());
        assert!(judge_outcome(&Expect::State(Paused), &done(r#"{"pause":{}}"#)).failed());
    }

    #[test]
    fn so_many_are_found_and_neither_more_nor_fewer() {
        for found in [
            r#"{"restore":{"containers":[{"container":"c0"},{"container":"c1"}]}}"#,
            r#"{"stats-all":{"found":["c0","c1"]}}"#,
            r#"{"import":{"images":["a","b"]}}"#,
            r#"{"images":{"images":["a","b"]}}"#,
        ] {
            for (count, fails) in [(1, true), (2, false), (3, true)] {
                let verdict = judge_outcome(&Expect::Finds(count), &done(found));
                assert_eq!(verdict.failed(), fails, "{count} of {found}");
            }
        }
        assert!(judge_outcome(&Expect::Finds(0), &done(r#"{"pause":{}}"#)).failed());
    }
}
