//! Verdicts: what a check made of what it saw.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// A check's word.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema,
)]
#[serde(rename_all = "kebab-case")]
pub enum CheckResult {
    /// Right.
    Pass,
    /// Within what is tolerated, worth a look.
    Warn,
    /// Not judged, for a stated reason. Never a pass.
    Skip,
    /// Wrong.
    Fail,
}

/// One check's verdict.
#[must_use]
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Verdict {
    /// Which check.
    pub check: String,
    /// Its word.
    pub result: CheckResult,
    /// What was expected and what was seen; empty for a pass.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub detail: String,
    /// `file:line` of the rule, where a file sets it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub at: Option<String>,
}

impl Verdict {
    /// All is well.
    pub fn pass(check: &str) -> Self {
        Self { check: check.into(), result: CheckResult::Pass, detail: String::new(), at: None }
    }

    /// It is not.
    pub fn fail(check: &str, detail: impl Into<String>) -> Self {
        Self { check: check.into(), result: CheckResult::Fail, detail: detail.into(), at: None }
    }

    /// Not judged.
    pub fn skip(check: &str, reason: impl Into<String>) -> Self {
        Self { check: check.into(), result: CheckResult::Skip, detail: reason.into(), at: None }
    }

    /// Worth a look.
    pub fn warn(check: &str, detail: impl Into<String>) -> Self {
        Self { check: check.into(), result: CheckResult::Warn, detail: detail.into(), at: None }
    }

    /// Names the line of the file that sets the rule.
    pub fn set_at(mut self, at: impl Into<String>) -> Self {
        self.at = Some(at.into());
        self
    }

    /// Whether it counts against the client.
    pub fn failed(&self) -> bool {
        self.result == CheckResult::Fail
    }
}

/// How many cases ended how.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Tally {
    /// Cases in which every check passed.
    pub pass: u64,
    /// Cases in which a check failed.
    pub fail: u64,
    /// Cases that did not run, each with its reason.
    pub skip: u64,
}

impl Tally {
    /// Counts one case.
    pub fn add(&mut self, result: CheckResult) {
        match result {
            CheckResult::Pass | CheckResult::Warn => self.pass += 1,
            CheckResult::Fail => self.fail += 1,
            CheckResult::Skip => self.skip += 1,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_failure_alone_counts_against_the_client() {
        assert!(Verdict::fail("budget", "one too many").failed());
        let others =
            [Verdict::pass("budget"), Verdict::warn("budget", "w"), Verdict::skip("budget", "s")];
        assert!(others.iter().all(|other| !other.failed()), "{others:?}");
    }

    #[test]
    fn each_case_is_counted_once_and_one_with_a_warning_has_passed() {
        use CheckResult::{Fail, Pass, Skip, Warn};
        let mut tally = Tally::default();
        for result in [Pass, Skip, Fail, Warn, Skip, Pass, Fail, Skip, Skip] {
            tally.add(result);
        }
        assert_eq!(tally, Tally { pass: 3, fail: 2, skip: 4 });
    }
}
