//! Known failures: checks that a client is known to fail, and therefore must fail.

use run_record::{CheckResult, Verdict};
use serde::Deserialize;

/// A list of known failures.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct KnownFailures {
    /// Each with its reason.
    #[serde(default)]
    known: Vec<Known>,
}

#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
struct Known {
    case: String,
    check: String,
    reason: String,
}

impl KnownFailures {
    /// Reads a file; the error names line and column.
    pub fn parse(name: &str, text: &str) -> Result<Self, String> {
        toml::from_str(text).map_err(|error| {
            let offset = error.span().map_or(0, |span| span.start);
            let line = 1 + text[..offset].matches('\n').count();
            format!("{name}:{line}: {}", error.message())
        })
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
        let _ = KnownFailures::own("stateless");
    }
}
