//! What failed, with all that is needed to see why.

use std::collections::BTreeMap;

use rpc_ledger::{Owner, Rpc};
use run_record::{CallLine, Line, RunLine, Verdict};
use serde::Serialize;

use crate::faults::ending;
use crate::tested::Tested;

/// A failed verdict.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Failure {
    /// Which run.
    pub run: u32,
    /// Who was driven.
    pub driver: String,
    /// Against what.
    pub target: String,
    /// In which case; empty: the run as a whole, which is a fault of the harness.
    pub case: String,
    /// In which step.
    pub step: Option<u64>,
    /// What it was to do.
    pub operation: Option<String>,
    /// Which check.
    pub check: String,
    /// What was expected and what was seen.
    pub detail: String,
    /// `file:line` of the rule.
    pub at: Option<String>,
    /// The calls in question: since the run began in microseconds, method, ending.
    pub calls: Vec<(u64, String, String)>,
    /// The command that plays it again.
    pub replay: Option<String>,
}

/// The failures among lines of one case, or of a whole record.
pub(crate) fn collect<'r>(runs: impl Iterator<Item = &'r RunLine>, lines: &[Line]) -> Vec<Failure> {
    let names: BTreeMap<u32, Tested> = runs.map(|run| (run.run, Tested::of(run))).collect();
    let mut failures = Vec::new();
    for line in lines {
        match line {
            Line::Step(step) => {
                for verdict in step.verdicts.iter().filter(|verdict| verdict.failed()) {
                    let mut failure = failure(&names, step.run, &step.case, verdict);
                    failure.step = Some(step.step);
                    failure.operation = Some(step.operation.clone());
                    failure.calls = calls(lines, step.run, &step.case, |owner| {
                        *owner == Owner::Step(rpc_ledger::StepId::new(step.step))
                    });
                    failures.push(failure);
                }
            }
            Line::CaseEnd(end) => {
                for verdict in end.verdicts.iter().filter(|verdict| verdict.failed()) {
                    let mut failure = failure(&names, end.run, &end.case, verdict);
                    if verdict.check == "budget" {
                        failure.calls = calls(lines, end.run, &end.case, |owner| {
                            !matches!(owner, Owner::Step(_))
                        });
                    }
                    failures.push(failure);
                }
            }
            Line::RunEnd(end) => {
                for verdict in end.verdicts.iter().filter(|verdict| verdict.failed()) {
                    failures.push(failure(&names, end.run, "", verdict));
                }
            }
            _ => {}
        }
    }
    failures
}

fn failure(names: &BTreeMap<u32, Tested>, run: u32, case: &str, verdict: &Verdict) -> Failure {
    let tested = names.get(&run).cloned().unwrap_or_default();
    let replay = (!case.is_empty()).then(|| tested.replay(case));
    let Tested { driver, target, .. } = tested;
    Failure {
        run,
        driver,
        target,
        case: case.to_owned(),
        step: None,
        operation: None,
        check: verdict.check.clone(),
        detail: verdict.detail.clone(),
        at: verdict.at.clone(),
        calls: Vec::new(),
        replay,
    }
}

fn calls(
    lines: &[Line],
    run: u32,
    case: &str,
    owned: impl Fn(&Owner) -> bool,
) -> Vec<(u64, String, String)> {
    let of_case = lines.iter().filter_map(|line| match line {
        Line::Call(call) if call.run == run && call.case == case => Some(&**call),
        _ => None,
    });
    let shown =
        |call: &CallLine| (call.started_us, Rpc::from_path(&call.method).short(), ending(call));
    of_case.filter(|call| owned(&call.owner)).map(shown).collect()
}
