//! Known failures: checks that a client is known to fail, and therefore must fail.

use run_record::{CheckResult, Verdict};
use serde::Deserialize;
use toml::Spanned;

/// A list of known failures.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct KnownFailures {
    known: Vec<Known>,
}

/// Each with its reason.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Known {
    case: String,
    check: String,
    reason: String,
    /// File and line.
    at: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    #[serde(default)]
    known: Vec<Entry>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Entry {
    case: Spanned<String>,
    check: String,
    reason: String,
}

impl KnownFailures {
    /// Reads a file; the error names its line.
    pub fn parse(name: &str, text: &str) -> Result<Self, String> {
        let at = |offset: usize| format!("{name}:{}", 1 + text[..offset].matches('\n').count());
        let file: File = toml::from_str(text).map_err(|error| {
            let offset = error.span().map_or(0, |span| span.start);
            format!("{}: {}", at(offset), error.message())
        })?;
        let known = |Entry { case, check, reason }| {
            let at = at(case.span().start);
            Known { case: case.into_inner(), check, reason, at }
        };
        Ok(Self { known: file.known.into_iter().map(known).collect() })
    }

    /// What is wrong with the list where there is no such case: nothing would ever look for it.
    pub fn check(&self, is_case: impl Fn(&str) -> bool) -> Result<(), String> {
        match self.known.iter().find(|known| !is_case(&known.case)) {
            Some(Known { case, at, .. }) => {
                Err(format!("{at}: there is no case {case:?}; see: laconic list"))
            }
            None => Ok(()),
        }
    }

    /// Those of one of our own drivers.
    pub fn own(client: &str) -> Self {
        match client {
            "stateless" => {
                let text = include_str!("../budgets/stateless.known.toml");
                Self::parse("scenarios/budgets/stateless.known.toml", text)
                    .expect("the embedded list is read by a test")
            }
            _ => Self::default(),
        }
    }

    /// Turns known failures of a case into passes, and known failures that did not happen into
    /// failures: what was repaired must leave the list.
    pub fn apply(&self, case: &str, verdicts: &mut Vec<&mut Verdict>) -> Vec<Verdict> {
        let mut missing = Vec::new();
        for known in self.known.iter().filter(|known| known.case == case) {
            let mut hit = false;
            for verdict in verdicts.iter_mut() {
                if verdict.check == known.check && verdict.failed() {
                    hit = true;
                    verdict.result = CheckResult::Warn;
                    verdict.detail = format!("known ({}): {}", known.reason, verdict.detail);
                }
            }
            if !hit {
                let detail =
                    format!("{} no longer fails {}: take it off the list", case, known.check);
                missing.push(Verdict::fail("known-failure", detail));
            }
        }
        missing
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_known_failure_that_no_longer_fails_is_a_failure() {
        let text = "[[known]]\ncase = \"named/x\"\ncheck = \"leftovers\"\nreason = \"bug 2\"\n";
        let known = KnownFailures::parse("k.toml", text).unwrap();
        let mut passed = Verdict::pass("leftovers");
        assert_eq!(known.apply("named/x", &mut vec![&mut passed]).len(), 1);

        let mut failed = Verdict::fail("leftovers", "a task");
        assert!(known.apply("named/x", &mut vec![&mut failed]).is_empty());
        assert_eq!(failed.result, CheckResult::Warn);
        assert_eq!(failed.detail, "known (bug 2): a task");
    }

    #[test]
    fn an_unknown_key_is_told_with_its_line() {
        let error = KnownFailures::parse("k.toml", "[[known]]\ncase = \"x\"\nwhy = \"\"\n");
        assert!(error.unwrap_err().starts_with("k.toml:"));
    }

    #[test]
    fn our_own_list_names_cases_that_there_are() {
        let all: Vec<String> = crate::catalogue().iter().map(crate::Scenario::case).collect();
        let is_case = |case: &str| all.iter().any(|one| one == case);
        assert_eq!(KnownFailures::own("stateless").check(is_case), Ok(()));
    }
}
