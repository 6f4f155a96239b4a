//! What a run spent, in the terms of a budget: by operation and outcome, the fewest and the most.

use std::collections::{BTreeMap, BTreeSet};

use driver_protocol::{ErrorKind, Operation, Outcome};
use run_record::{Line, Rpcs, StepLine};

use super::{Limit, Linear};

/// Which table of a budget.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Section {
    /// `[connect]`.
    Connect,
    /// `[background]`.
    Background,
    /// `[operation.NAME]`, or its `error.KIND`.
    Operation(String, Option<ErrorKind>),
}

/// Counts of one table: by method, each step's, with the step's `n`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Spending {
    pub(super) steps: Vec<(u64, Rpcs)>,
}

/// All that a run spent.
pub type Observed = BTreeMap<Section, Spending>;

/// Sums one run up. Steps that share calls with others are left out: what each cost is not known.
pub fn observe(lines: &[Line], run: u32) -> Observed {
    let shared = shared_steps(lines, run);
    let mut observed = Observed::new();
    let mut add = |section: Section, n: u64, rpcs: &Rpcs| {
        observed.entry(section).or_default().steps.push((n, rpcs.clone()));
    };
    for line in lines {
        match line {
            Line::Step(step)
                if step.run == run && !shared.contains(&(step.case.as_str(), step.step)) =>
            {
                add(section(step), containers(step), &step.rpcs);
            }
            Line::CaseEnd(end) if end.run == run && end.connects == 1 => {
                add(Section::Connect, 1, &end.connect);
                add(Section::Background, 1, &end.background);
            }
            _ => {}
        }
    }
    observed
}

fn section(step: &StepLine) -> Section {
    let kind = match &step.outcome {
        Outcome::Ok(_) => None,
        Outcome::Error(refusal) => Some(refusal.kind),
    };
    Section::Operation(step.operation.clone(), kind)
}

fn containers(step: &StepLine) -> u64 {
    let asked = serde_json::json!({ &step.operation: step.arguments });
    serde_json::from_value::<Operation>(asked).map_or(1, |operation| operation.containers())
}

fn shared_steps(lines: &[Line], run: u32) -> BTreeSet<(&str, u64)> {
    let mut shared = BTreeSet::new();
    for line in lines {
        let Line::CaseEnd(end) = line else { continue };
        if end.run == run {
            let steps = end.overlap.keys().flat_map(|steps| steps.split('+'));
            shared.extend(steps.filter_map(|step| Some((end.case.as_str(), step.parse().ok()?))));
        }
    }
    shared
}

impl Spending {
    /// Adds what another run spent.
    pub fn add(&mut self, more: Self) {
        self.steps.extend(more.steps);
    }

    /// Methods that were called at all.
    pub fn rpcs(&self) -> BTreeSet<&str> {
        self.steps.iter().flat_map(|(_, rpcs)| rpcs.keys().map(String::as_str)).collect()
    }

    fn counts<'s>(&'s self, rpc: &'s str) -> impl Iterator<Item = (u64, u64)> + 's {
        self.steps.iter().map(move |(n, rpcs)| (*n, rpcs.get(rpc).copied().unwrap_or(0)))
    }

    /// Whether a limit allows every count that was seen.
    pub fn within(&self, rpc: &str, limit: Limit) -> bool {
        self.counts(rpc).all(|(n, count)| count <= limit.range(n, false).1)
    }

    /// The line on which all counts lie, where they grow with `n`.
    fn line(&self, rpc: &str) -> Option<Linear> {
        let (first, last) = (self.counts(rpc).min()?, self.counts(rpc).max()?);
        let per_n = last.1.checked_sub(first.1)?.checked_div(last.0.checked_sub(first.0)?)?;
        let line = Linear { base: first.1.checked_sub(per_n * first.0)?, per_n };
        (per_n > 0 && self.counts(rpc).all(|(n, count)| line.at(n) == count)).then_some(line)
    }

    /// The narrowest limit that allows what was seen.
    pub fn limit(&self, rpc: &str) -> Limit {
        if let Some(line) = self.line(rpc) {
            return Limit::AtMost(line);
        }
        let several = self.steps.iter().any(|(n, _)| *n > 1);
        if several && self.counts(rpc).all(|(n, count)| count > 0 && count % n == 0) {
            let per_n = self.counts(rpc).map(|(n, count)| count / n).max().unwrap_or(0);
            return Limit::AtMost(Linear { base: 0, per_n });
        }
        let most = self.counts(rpc).map(|(_, count)| count).max().unwrap_or(0);
        let fewest = self.counts(rpc).map(|(_, count)| count).min().unwrap_or(0);
        if fewest == most {
            Limit::AtMost(Linear { base: most, per_n: 0 })
        } else {
            Limit::Between(fewest, most)
        }
    }
}

/// As it stands in a budget file.
pub(super) fn written(limit: Limit) -> toml_edit::Value {
    match limit {
        Limit::AtMost(Linear { base, per_n: 0 }) => {
            toml_edit::Value::from(i64::try_from(base).unwrap_or(i64::MAX))
        }
        Limit::Exactly(limit) => {
            let mut exactly = toml_edit::InlineTable::new();
            exactly.insert("exactly", written(Limit::AtMost(limit)));
            toml_edit::Value::InlineTable(exactly)
        }
        other => toml_edit::Value::from(other.to_string()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn limit(counts: &[(u64, u64)]) -> String {
        let steps = counts.iter().map(|(n, count)| (*n, [("Tasks/Get".to_owned(), *count)].into()));
        Spending { steps: steps.collect() }.limit("Tasks/Get").to_string()
    }

    #[test]
    fn counts_on_a_line_are_that_line_and_others_what_contains_them() {
        assert_eq!(limit(&[(1, 3), (8, 10), (64, 66)]), "2 + 1*n");
        assert_eq!(limit(&[(1, 2), (8, 16), (3, 6), (8, 16)]), "2*n");
        assert_eq!(limit(&[(1, 2), (8, 2), (64, 2)]), "2");
        assert_eq!(limit(&[(1, 2), (8, 11), (64, 66)]), "2..=66");
        assert_eq!(limit(&[(1, 3), (1, 4)]), "3..=4");
        assert_eq!(limit(&[(3, 6)]), "2*n");
    }
}
