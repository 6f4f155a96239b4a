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

    /// The line on which all counts lie, where they are of several `n`.
    fn line(&self, rpc: &str) -> Option<Linear> {
        let (first, last) = (self.counts(rpc).min()?, self.counts(rpc).max()?);
        let per_n = last.1.checked_sub(first.1)?.checked_div(last.0.checked_sub(first.0)?)?;
        let line = Linear { base: first.1.checked_sub(per_n * first.0)?, per_n };
        self.counts(rpc).all(|(n, count)| line.at(n) == count).then_some(line)
    }

    /// The narrowest limit that allows what was seen.
    pub fn limit(&self, rpc: &str) -> Limit {
        if let Some(line) = self.line(rpc) {
            return Limit::AtMost(line);
        }
        let several = self.steps.iter().any(|(n, _)| *n > 1);
        if several && self.counts(rpc).all(|(n, count)| count > 0 && count.is_multiple_of(n)) {
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
    use driver_protocol::{Ok as Done, Refusal};
    use run_record::{CaseEnd, CheckResult};
    use serde_json::{Value, json};

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
        assert_eq!(limit(&[(3, 7), (6, 13), (9, 19)]), "1 + 2*n");
    }

    #[test]
    fn a_count_that_is_the_same_for_every_n_does_not_grow() {
        assert_eq!(limit(&[(1, 8), (8, 8)]), "8");
        assert_eq!(limit(&[(1, 64), (8, 64), (64, 64)]), "64");
    }

    #[test]
    fn what_was_not_called_every_time_is_no_multiple_of_n() {
        assert_eq!(limit(&[(1, 0), (8, 8)]), "0..=8");
    }

    #[test]
    fn an_operation_on_no_container_can_be_summed_up() {
        assert_eq!(limit(&[(0, 1), (2, 2), (3, 3)]), "1..=3");
        assert_eq!(limit(&[(0, 0), (2, 2), (3, 3)]), "1*n");
    }

    fn gets(count: u64) -> Rpcs {
        [("Tasks/Get".to_owned(), count)].into()
    }

    /// Of run 1, with so many calls of its own.
    fn step(case: &str, step: u64, count: u64) -> StepLine {
        StepLine {
            run: 1,
            case: case.to_owned(),
            step,
            actor: 0,
            operation: "kill".to_owned(),
            arguments: Value::Null,
            expected: vec![],
            outcome: Outcome::Ok(Done::Kill {}),
            rpcs: gets(count),
            codes: BTreeMap::new(),
            allowance: BTreeMap::new(),
            verdicts: vec![],
            started_us: 0,
            elapsed_us: 0,
        }
    }

    /// Of run 1; such steps have calls that are of all of them.
    fn end(case: &str, shared: &str) -> CaseEnd {
        CaseEnd {
            run: 1,
            case: case.to_owned(),
            connect: Rpcs::new(),
            connects: 1,
            background: Rpcs::new(),
            overlap: [(shared.to_owned(), gets(1))].into(),
            left_behind: vec![],
            faults: vec![],
            verdicts: vec![],
            verdict: CheckResult::Pass,
            skipped: None,
        }
    }

    fn lines(steps: Vec<StepLine>, ends: Vec<CaseEnd>) -> Vec<Line> {
        let ends = ends.into_iter().map(|end| Line::CaseEnd(Box::new(end)));
        steps.into_iter().map(|step| Line::Step(Box::new(step))).chain(ends).collect()
    }

    fn spent(lines: &[Line], run: u32, section: &Section) -> Vec<(u64, Rpcs)> {
        observe(lines, run).remove(section).unwrap_or_default().steps
    }

    #[test]
    fn a_run_is_its_own_steps_without_those_that_shared_calls() {
        let in_2 = |line: StepLine| StepLine { run: 2, ..line };
        let steps = vec![
            step("a", 0, 1),
            step("a", 1, 2),
            step("a", 2, 4),
            step("b", 1, 8),
            in_2(step("a", 0, 16)),
            in_2(step("a", 1, 32)),
        ];
        let ends = vec![end("a", "1+2"), end("b", "0+3"), CaseEnd { run: 2, ..end("a", "0+3") }];
        let lines = lines(steps, ends);
        let kill = Section::Operation("kill".to_owned(), None);
        assert_eq!(spent(&lines, 1, &kill), [(1, gets(1)), (1, gets(8))]);
        assert_eq!(spent(&lines, 2, &kill), [(1, gets(32))]);
    }

    #[test]
    fn what_connecting_costs_is_told_by_the_cases_that_connected_once() {
        let ends = vec![
            CaseEnd { connect: gets(3), background: gets(5), ..end("a", "") },
            CaseEnd { connect: gets(7), connects: 2, ..end("b", "") },
            CaseEnd { connect: gets(9), run: 2, ..end("a", "") },
        ];
        let lines = lines(vec![], ends);
        assert_eq!(spent(&lines, 1, &Section::Connect), [(1, gets(3))]);
        assert_eq!(spent(&lines, 1, &Section::Background), [(1, gets(5))]);
    }

    #[test]
    fn a_step_is_of_its_outcome_and_of_as_many_containers_as_it_names() {
        let refusal = Refusal { kind: ErrorKind::NotFound, code: None, message: String::new() };
        let restored = StepLine {
            operation: "restore".to_owned(),
            arguments: json!({ "containers": ["c0", "c1", "c2"] }),
            ..step("a", 0, 6)
        };
        let refused = StepLine { outcome: Outcome::Error(refusal), ..step("a", 1, 4) };
        let lines = lines(vec![restored, refused], vec![]);
        let restore = Section::Operation("restore".to_owned(), None);
        assert_eq!(spent(&lines, 1, &restore), [(3, gets(6))]);
        let kill = Section::Operation("kill".to_owned(), Some(ErrorKind::NotFound));
        assert_eq!(spent(&lines, 1, &kill), [(1, gets(4))]);
    }

    #[test]
    fn what_several_runs_spent_is_one_spending() {
        let mut spending = Spending { steps: vec![(1, gets(1))] };
        spending.add(Spending { steps: vec![(1, gets(3))] });
        assert_eq!(spending.limit("Tasks/Get"), Limit::Between(1, 3));
    }
}
