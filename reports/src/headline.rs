//! What a report comes to, in one sentence: the same in every format.

use crate::Report;

impl Report {
    /// Whether anything was judged at all: a bench only measures.
    pub fn judged(&self) -> bool {
        !self.cases.is_empty() || self.latencies.timed().is_empty()
    }

    /// Cases by verdict, and what is wrong with the run itself.
    pub fn headline(&self) -> String {
        let Some(summary) = &self.summary else {
            return "incomplete: the run did not come to its end".to_owned();
        };
        if !self.judged() && summary.complete && summary.valid {
            return "measured, and nothing judged".to_owned();
        }
        let tally = summary.verdicts;
        let cases = if tally.pass == 1 { "case" } else { "cases" };
        let mut text = format!("{} {cases} passed, {} failed", tally.pass, tally.fail);
        if tally.skip > 0 {
            text.push_str(&format!(", {} skipped", tally.skip));
        }
        if !summary.complete {
            text.push_str("; incomplete: the run did not come to its end");
        }
        if !summary.valid {
            text.push_str("; INVALID: the harness found a fault in itself");
        }
        text
    }
}
