//! Nothing is counted twice and nothing is lost: what the owners hold adds up to what the tap saw.

use std::collections::BTreeMap;

use crate::{Line, Rpcs};

/// A method whose owners do not add up to the ledger's total.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Imbalance {
    /// Which run.
    pub run: u32,
    /// Which RPC.
    pub rpc: String,
    /// What steps, overlap, connect and background hold.
    pub owned: u64,
    /// What the ledger counted.
    pub total: u64,
}

/// Compares the owners' sums with the totals of every run that has ended.
pub fn conserve(lines: &[Line]) -> Vec<Imbalance> {
    let mut owned: BTreeMap<u32, Rpcs> = BTreeMap::new();
    let mut imbalances = Vec::new();
    for line in lines {
        match line {
            Line::Step(step) => add(owned.entry(step.run).or_default(), &step.rpcs),
            Line::CaseEnd(end) => {
                let sums = owned.entry(end.run).or_default();
                add(sums, &end.connect);
                add(sums, &end.background);
                for rpcs in end.overlap.values() {
                    add(sums, rpcs);
                }
            }
            Line::RunEnd(end) => {
                let sums = owned.entry(end.run).or_default();
                imbalances.extend(differences(end.run, sums, &end.ledger_total));
            }
            _ => {}
        }
    }
    imbalances
}

fn add(sums: &mut Rpcs, more: &Rpcs) {
    for (rpc, count) in more {
        *sums.entry(rpc.clone()).or_default() += count;
    }
}

fn differences(run: u32, owned: &Rpcs, total: &Rpcs) -> Vec<Imbalance> {
    let mut names: Vec<&String> = owned.keys().chain(total.keys()).collect();
    names.sort();
    names.dedup();
    names
        .into_iter()
        .map(|rpc| Imbalance {
            run,
            rpc: rpc.clone(),
            owned: owned.get(rpc).copied().unwrap_or(0),
            total: total.get(rpc).copied().unwrap_or(0),
        })
        .filter(|imbalance| imbalance.owned != imbalance.total)
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{CaseEnd, CheckResult, RunEnd, StepLine};
    use driver_protocol::{Ok as Done, Outcome};

    fn step(kills: u64) -> Line {
        Line::Step(Box::new(StepLine {
            run: 1,
            case: "named/x".into(),
            step: 0,
            actor: 0,
            operation: "kill".into(),
            arguments: serde_json::Value::Null,
            expected: vec!["ok".into()],
            outcome: Outcome::Ok(Done::Kill {}),
            rpcs: Rpcs::from([("Tasks/Kill".into(), kills)]),
            codes: BTreeMap::new(),
            allowance: BTreeMap::new(),
            verdicts: vec![],
            started_us: 0,
            elapsed_us: 0,
        }))
    }

    fn case_end(background: u64) -> Line {
        Line::CaseEnd(Box::new(CaseEnd {
            run: 1,
            case: "named/x".into(),
            connect: Rpcs::from([("Events/Subscribe".into(), 1)]),
            connects: 1,
            background: Rpcs::from([("Tasks/List".into(), background)]),
            overlap: BTreeMap::from([("0+1".into(), Rpcs::from([("Tasks/Get".into(), 2)]))]),
            left_behind: vec![],
            faults: vec![],
            verdicts: vec![],
            verdict: CheckResult::Pass,
            skipped: None,
        }))
    }

    fn run_end() -> Line {
        let total =
            [("Events/Subscribe", 1), ("Tasks/Get", 2), ("Tasks/Kill", 1), ("Tasks/List", 3)];
        Line::RunEnd(Box::new(RunEnd {
            run: 1,
            ledger_total: total.map(|(rpc, count)| (rpc.to_owned(), count)).into(),
            observer_total: Rpcs::new(),
            daemon_total: None,
            faults_unfired: vec![],
            coverage: Default::default(),
            differential: None,
            ordered: None,
            verdicts: vec![],
        }))
    }

    #[test]
    fn owners_that_add_up_leave_nothing_to_say() {
        assert_eq!(conserve(&[step(1), case_end(3), run_end()]), vec![]);
    }

    #[test]
    fn a_call_without_an_owner_is_named() {
        assert_eq!(
            conserve(&[step(1), case_end(2), run_end()]),
            vec![Imbalance { run: 1, rpc: "Tasks/List".into(), owned: 2, total: 3 }]
        );
    }

    #[test]
    fn a_call_with_two_owners_is_named() {
        let twice = Imbalance { run: 1, rpc: "Tasks/Kill".into(), owned: 2, total: 1 };
        assert_eq!(conserve(&[step(1), step(1), case_end(3), run_end()]), vec![twice]);
    }
}
