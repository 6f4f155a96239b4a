//! What is written of a case, and how long it holds once something went wrong on purpose.
//!
//! Without a fault every step is judged as it is written. A fault may excuse an error, never another
//! success; and from the first step that came to something else than is written, what is written of
//! the steps behind it is not judged: they started from somewhere else.

use driver_protocol::{ExitStatus, Outcome};
use run_record::Verdict;

use crate::checks::judge_outcome;
use crate::model::Excuse;
use crate::{Expect, Injected, Reach};

/// How a case stands.
#[derive(Debug, Default)]
pub(super) struct Script {
    met: Vec<Injected>,
    strayed: bool,
}

impl Script {
    /// All that was injected into the case so far.
    pub(super) fn meet(&mut self, met: Vec<Injected>) {
        // What a client knows or has is no longer so: from here on it may be right otherwise.
        self.strayed |= met.iter().any(|fault| fault.reach >= Reach::News);
        self.met = met;
    }

    /// Whether any fault is in the case.
    pub(super) fn faulty(&self) -> bool {
        !self.met.is_empty()
    }

    /// Whether what is written still holds.
    pub(super) fn holds(&self) -> bool {
        !self.strayed
    }

    /// Whether calls can be held against a budget: a client that lost a connection may have to ask
    /// anew for what it knew.
    pub(super) fn counts(&self) -> bool {
        self.met.iter().all(|fault| fault.reach <= Reach::Doubt)
    }

    /// Whether a client may be undoing what it does not know to have taken place, while a move of which
    /// nothing is written is on its way.
    pub(super) fn may_undo(&self) -> bool {
        self.met.iter().any(|fault| fault.reach == Reach::Doubt)
    }

    /// How many faults there are in the case.
    pub(super) fn met(&self) -> usize {
        self.met.len()
    }

    /// What they excuse in a move in which those behind the first `before` happened; `None`: there are
    /// none.
    pub(super) fn excuse(&self, before: usize) -> Option<Excuse> {
        let reach = |reach: Reach, from: usize| {
            self.met.iter().skip(from).any(|fault| fault.reach == reach)
        };
        let call = reach(Reach::Call, before) || reach(Reach::Doubt, before);
        let (link, late) = (reach(Reach::Link, 0), reach(Reach::News, 0));
        let world = reach(Reach::World, 0);
        let any = call || link || late || world;
        any.then(|| Excuse { why: self.told(), call, link, late, world })
    }

    /// Not judged, and why.
    pub(super) fn skip(&self, check: &str) -> Verdict {
        Verdict::skip(check, format!("not judged after {}", self.told()))
    }

    /// The faults, in words.
    pub(super) fn told(&self) -> String {
        self.words().join("; ")
    }

    /// Each fault, in words.
    pub(super) fn words(&self) -> Vec<String> {
        self.met.iter().map(|fault| fault.what.clone()).collect()
    }

    /// Judges the outcome of the next step.
    pub(super) fn outcome(&mut self, expect: &Expect, outcome: &Outcome) -> Verdict {
        let verdict = judge_outcome(expect, outcome);
        if !verdict.failed() || (self.met.is_empty() && self.holds()) {
            return verdict;
        }
        let unsure = matches!(outcome, Outcome::Error(_)) || unknown(outcome);
        if self.holds() && !unsure {
            return verdict;
        }
        self.strayed = true;
        Verdict::skip("outcome", format!("{} after {}", verdict.detail, self.told()))
    }
}

/// An exit whose status the client does not claim to know.
fn unknown(outcome: &Outcome) -> bool {
    match outcome {
        Outcome::Ok(done) => done.exited().is_some_and(|one| one.status == ExitStatus::Unknown),
        Outcome::Error(_) => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use driver_protocol::{ErrorKind, Exited, Ok as Done, Refusal, Waited};
    use run_record::CheckResult;

    fn exit(status: ExitStatus) -> Outcome {
        let exited = Exited { status, at_ns: None };
        Outcome::Ok(Done::Wait(Waited { exited, gathered: None }))
    }

    fn refused() -> Outcome {
        let kind = ErrorKind::Unavailable;
        Outcome::Error(Refusal { kind, code: Some(kind), message: "x".into() })
    }

    fn after(reach: Reach) -> Script {
        let mut script = Script::default();
        script.meet(vec![Injected { what: "Tasks/Start#1: cut (f.toml:2)".into(), reach }]);
        script
    }

    #[test]
    fn without_a_fault_an_error_where_success_is_written_fails() {
        let mut script = Script::default();
        assert!(script.outcome(&Expect::Exit(7), &refused()).failed());
        assert!(script.holds());
    }

    #[test]
    fn a_fault_excuses_an_error_and_an_unknown_status_and_no_other_success() {
        for (outcome, result) in [
            (exit(ExitStatus::Code(7)), CheckResult::Pass),
            (exit(ExitStatus::Code(0)), CheckResult::Fail),
            (exit(ExitStatus::Unknown), CheckResult::Skip),
            (refused(), CheckResult::Skip),
        ] {
            let mut script = after(Reach::Call);
            assert_eq!(script.outcome(&Expect::Exit(7), &outcome).result, result, "{outcome:?}");
            assert_eq!(script.holds(), result != CheckResult::Skip);
        }
    }

    #[test]
    fn who_was_refused_may_undo_and_its_calls_still_count_where_they_are_written() {
        let refused = after(Reach::Doubt);
        assert!(refused.may_undo() && refused.counts());
        assert!(refused.excuse(0).expect("there is a fault").call);
        assert!(!after(Reach::Call).may_undo());
    }

    #[test]
    fn what_is_not_judged_says_after_what() {
        let verdict = after(Reach::Call).outcome(&Expect::Exit(7), &refused());
        let told = "expected exit 7, got error unavailable: x after Tasks/Start#1: cut (f.toml:2)";
        assert_eq!(verdict.detail, told);
    }

    #[test]
    fn after_an_excused_error_and_after_a_change_of_the_world_nothing_written_is_judged() {
        let mut script = after(Reach::Call);
        let _ = script.outcome(&Expect::Ok, &refused());
        let other = script.outcome(&Expect::Exit(7), &exit(ExitStatus::Code(0)));
        assert_eq!(other.result, CheckResult::Skip);
        assert!(script.counts());
        let mut script = after(Reach::World);
        let other = script.outcome(&Expect::Exit(7), &exit(ExitStatus::Code(137)));
        assert_eq!(other.result, CheckResult::Skip);
        assert!(!script.counts());
    }
}
