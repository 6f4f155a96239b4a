//! Holds one run of a record against its baseline, and says what changed where.

use std::fmt::Write;

use run_record::{Line, RunLine, Verdict};

use crate::baseline::{Baseline, Difference, Differences, Place, Rise, Subject};
use crate::failures::{self, Failure};
use crate::tested::Tested;

/// A reason for red.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Finding {
    /// One line.
    pub title: String,
    /// The whole of it.
    pub text: String,
    /// `file:line` of the budget.
    pub at: Option<String>,
}

/// What a gate makes of a run.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Gated {
    /// Who and what.
    pub subject: Subject,
    /// Reasons for red.
    pub findings: Vec<Finding>,
    /// Cases that the baseline has and the run lacks: the record cannot be judged by it.
    pub missing: Vec<String>,
    /// What is better or new than the baseline: worth accepting.
    pub offers: Vec<String>,
}

impl Gated {
    /// Whether it lets the run pass.
    pub fn green(&self) -> bool {
        self.findings.is_empty() && self.missing.is_empty()
    }
}

/// Judges one run by its baseline.
pub fn gate(lines: &[Line], run: &RunLine, baseline: &Baseline) -> Gated {
    let now = Baseline::of(lines, run);
    let differences = Differences::between(baseline, &now);
    let tested = Tested::of(run);
    let mut findings: Vec<Finding> = failures_of(lines, run).iter().map(failed).collect();
    let mut offers = Vec::new();
    for difference in &differences.counts {
        match difference.rise {
            Rise::Appeared => findings.push(appeared(lines, run, &tested, difference, &now)),
            Rise::Vanished => offers.push(format!("{} (gone)", summed(difference))),
        }
    }
    for (place, outcome) in &differences.outcomes {
        findings.push(other_outcome(&tested, place, outcome));
    }
    if !differences.cases_new.is_empty() {
        offers
            .push(format!("{} cases that the baseline does not know", differences.cases_new.len()));
    }
    let missing = differences.cases_missing.into_iter().collect();
    Gated { subject: now.subject, findings, missing, offers }
}

/// What failed in a run. Its lines are looked at case by case: only those of a case belong together.
fn failures_of(lines: &[Line], run: &RunLine) -> Vec<Failure> {
    let mut failures = Vec::new();
    let mut begun = 0;
    for (index, line) in lines.iter().enumerate() {
        let ended = match line {
            Line::Case(_) => {
                begun = index;
                continue;
            }
            Line::CaseEnd(end) if end.run == run.run => &lines[begun..=index],
            Line::RunEnd(end) if end.run == run.run => &lines[index..=index],
            _ => continue,
        };
        failures.extend(failures::collect(std::iter::once(run), ended));
    }
    failures
}

impl Finding {
    /// Of a failure that a run found by itself.
    pub fn of(failure: &Failure) -> Self {
        failed(failure)
    }
}

fn failed(failure: &Failure) -> Finding {
    let title = match &failure.operation {
        Some(operation) => format!("{}: {operation}: {}", failure.driver, failure.detail),
        None => format!("{}: {}", failure.driver, failure.detail),
    };
    let text = crate::text::told(failure);
    Finding { title, text, at: failure.at.clone() }
}

/// `exec: Containers/Get 0 → 1 in 11 steps`.
fn summed(difference: &Difference) -> String {
    let (was, is) = difference.counts;
    let operation = match difference.outcome.as_str() {
        "" | "ok" => difference.operation.clone(),
        outcome => format!("{} ({outcome})", difference.operation),
    };
    let places = difference.places.len();
    let steps = if places == 1 { "1 step" } else { &format!("{places} steps") };
    format!("{operation}: {} {was} → {is} in {steps}", difference.rpc)
}

fn appeared(
    lines: &[Line],
    run: &RunLine,
    tested: &Tested,
    difference: &Difference,
    now: &Baseline,
) -> Finding {
    let first = &difference.places[0];
    let at = budget_line(lines, run, first, &difference.rpc);
    let title = format!("{} on {}: {}", tested.driver, tested.target, summed(difference));
    let mut text = format!("MORE  {title}");
    if let Some(at) = &at {
        let _ = write!(text, "  [{at}]");
    }
    text.push('\n');
    let shown = |rpcs: &run_record::Rpcs| {
        rpcs.iter().map(|(rpc, count)| format!("{rpc} {count}")).collect::<Vec<_>>().join(", ")
    };
    if let Some(rpcs) = now.entries.get(first) {
        let _ = writeln!(text, "      first in {}: {}", shown_place(first), shown(rpcs));
    }
    let _ = writeln!(text, "      replay: {}", tested.replay(&first.case));
    Finding { title, text, at }
}

fn shown_place(place: &Place) -> String {
    match place.step.as_str() {
        "" => place.case.clone(),
        step => format!("{} step {step}", place.case),
    }
}

fn other_outcome(tested: &Tested, place: &Place, outcome: &str) -> Finding {
    let is = match outcome {
        "" => "is not there any more".to_owned(),
        outcome => format!("came to {outcome}"),
    };
    let what = format!("{} {}: was {}, {is}", shown_place(place), place.operation, place.outcome);
    let title = format!("{} on {}: {what}", tested.driver, tested.target);
    let text = format!("OTHER {title}\n      replay: {}\n", tested.replay(&place.case));
    Finding { title, text, at: None }
}

/// The line that allows a method there, or whose table does not.
fn budget_line(lines: &[Line], run: &RunLine, place: &Place, rpc: &str) -> Option<String> {
    let names = |verdict: &Verdict| verdict.detail.contains(rpc).then(|| verdict.at.clone())?;
    lines.iter().find_map(|line| match line {
        Line::Step(step)
            if step.run == run.run
                && step.case == place.case
                && step.step.to_string() == place.step =>
        {
            let allowed = step.allowance.get(rpc).map(|allowance| allowance.at.clone());
            allowed.or_else(|| step.verdicts.iter().find_map(names))
        }
        Line::CaseEnd(end) if end.run == run.run && end.case == place.case => {
            end.verdicts.iter().find_map(names)
        }
        _ => None,
    })
}
