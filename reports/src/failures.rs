//! What failed, with all that is needed to see why.

use std::collections::BTreeMap;

use rpc_ledger::{Owner, Rpc, Seq, StepId};
use run_record::{CallLine, Class, Line, RunLine, Verdict, list_of};
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
    /// The calls in question.
    pub calls: Vec<FailedCall>,
    /// What is likely to mend it.
    pub fix: Option<String>,
    /// The command that plays it again.
    pub replay: Option<String>,
}

/// A call of a step or case that failed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct FailedCall {
    /// Since the run began.
    pub started_us: u64,
    /// `Service/Method`.
    pub rpc: String,
    /// How it ended.
    pub code: String,
    /// What it was good for, in words; empty where that cannot be said.
    pub why: String,
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
                    let own = Owner::Step(StepId::new(step.step));
                    let calls = Calls::of(lines, step.run, &step.case, |owner| *owner == own);
                    failure.calls = calls.shown();
                    failure.fix = calls.fix(verdict, Some(&step.operation));
                    failures.push(failure);
                }
            }
            Line::CaseEnd(end) => {
                for verdict in end.verdicts.iter().filter(|verdict| verdict.failed()) {
                    let mut failure = failure(&names, end.run, &end.case, verdict);
                    if verdict.check == "budget" {
                        let calls = Calls::of(lines, end.run, &end.case, |owner| {
                            !matches!(owner, Owner::Step(_))
                        });
                        failure.calls = calls.shown();
                        failure.fix = calls.fix(verdict, None);
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
        fix: None,
        replay,
    }
}

/// The calls of a case, and those among them that are in question.
struct Calls<'l> {
    all: Vec<&'l CallLine>,
    steps: BTreeMap<StepId, &'l str>,
    own: Vec<&'l CallLine>,
}

impl<'l> Calls<'l> {
    fn of(lines: &'l [Line], run: u32, case: &str, owned: impl Fn(&Owner) -> bool) -> Self {
        let mut calls = Self { all: Vec::new(), steps: BTreeMap::new(), own: Vec::new() };
        for line in lines {
            match line {
                Line::Call(call) if call.run == run && call.case == case => calls.all.push(call),
                Line::Step(step) if step.run == run && step.case == case => {
                    calls.steps.insert(StepId::new(step.step), &step.operation);
                }
                _ => {}
            }
        }
        calls.own = calls.all.iter().copied().filter(|call| owned(&call.owner)).collect();
        calls
    }

    fn shown(&self) -> Vec<FailedCall> {
        let shown = |call: &&CallLine| FailedCall {
            started_us: call.started_us,
            rpc: Rpc::from_path(&call.method).short(),
            code: ending(call),
            why: self.why(call),
        };
        self.own.iter().map(shown).collect()
    }

    fn why(&self, call: &CallLine) -> String {
        let before = call.same_as.map(|seq| self.named(seq)).unwrap_or_default();
        match call.class {
            None => String::new(),
            Some(Class::Needed) => "needed".to_owned(),
            Some(Class::Redundant) => {
                format!("redundant: same request and reply as {before}, no write in between")
            }
            Some(Class::NPlus1) => {
                let list = list_of(&Rpc::from_path(&call.method).short()).unwrap_or("list");
                format!("n-plus-1: as {before}, of another; one {list} tells all")
            }
            Some(Class::Retry) => format!("retry of {before}"),
        }
    }

    /// `#1`, or of an earlier step, whose calls are not shown.
    fn named(&self, seq: Seq) -> String {
        if let Some(place) = self.own.iter().position(|call| call.seq == seq) {
            return format!("#{}", place + 1);
        }
        let Some(call) = self.all.iter().find(|call| call.seq == seq) else { return String::new() };
        let ms = call.started_us as f64 / 1000.0;
        match &call.owner {
            Owner::Step(step) => {
                let operation = self.steps.get(step).copied().unwrap_or_default();
                format!("that at {ms:.1} ms in step {} {operation}", step.number())
            }
            _ => format!("that at {ms:.1} ms"),
        }
    }

    /// Of more calls than are allowed; what is to be done about all else its detail says.
    fn fix(&self, verdict: &Verdict, operation: Option<&str>) -> Option<String> {
        let counts = ["budget", "redundancy"].contains(&verdict.check.as_str());
        if !counts || !verdict.detail.contains(" allowed") {
            return None;
        }
        let has = |class: Class| self.own.iter().any(|call| call.class == Some(class));
        let fix = if has(Class::NPlus1) {
            "ask once for all instead of once for each"
        } else if has(Class::Redundant) {
            "keep what the first call told, as a handle, instead of asking again"
        } else {
            "leave out what the budget does not list, or promise it: laconic budgets accept"
        };
        let explain = operation.map(|name| format!("  (laconic explain operation.{name})"));
        Some(format!("{fix}{}", explain.unwrap_or_default()))
    }
}
