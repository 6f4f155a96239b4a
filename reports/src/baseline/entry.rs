//! One line of a baseline: where calls were made, and how many of each.

use std::collections::{BTreeMap, BTreeSet};

use driver_protocol::Outcome;
use run_record::{CaseEnd, Line, Rpcs, StepLine};
use serde::{Deserialize, Serialize};

/// Where calls belong.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Place {
    /// The case.
    pub case: String,
    /// `3`, or `3+4` for steps that nothing tells apart; empty for the case as a whole.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub step: String,
    /// The operation; of several, joined by `+`; or `connect`, or `background`.
    pub operation: String,
    /// `ok`, or the kind of the error.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub outcome: String,
}

/// One line.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Entry {
    /// Where.
    #[serde(flatten)]
    pub place: Place,
    /// How many, by short name. Of `connect`: 1 for each method that was called at all, for how
    /// often a probe is repeated is the daemon's doing.
    pub rpcs: Rpcs,
}

/// What a case came to.
fn outcome(step: &StepLine) -> String {
    match &step.outcome {
        Outcome::Ok(_) => "ok".to_owned(),
        Outcome::Error(refusal) => refusal.kind.to_string(),
    }
}

/// The entries of one run's named scenarios.
pub(super) fn entries(lines: &[Line], run: u32) -> BTreeMap<Place, Rpcs> {
    let mut steps: BTreeMap<&str, Vec<&StepLine>> = BTreeMap::new();
    let mut entries = BTreeMap::new();
    for line in lines {
        match line {
            Line::Step(step) if step.run == run => {
                steps.entry(step.case.as_str()).or_default().push(step);
            }
            Line::CaseEnd(end)
                if end.run == run && end.case.starts_with("named/") && end.skipped.is_none() =>
            {
                let steps = steps.remove(end.case.as_str()).unwrap_or_default();
                of_case(end, &steps, &mut entries);
            }
            _ => {}
        }
    }
    entries
}

fn of_case(end: &CaseEnd, steps: &[&StepLine], entries: &mut BTreeMap<Place, Rpcs>) {
    let groups = groups(end);
    let mut shared: BTreeMap<usize, (Vec<&StepLine>, Rpcs)> = BTreeMap::new();
    for step in steps {
        match groups.iter().position(|(members, _)| members.contains(&step.step)) {
            None => {
                let place = Place {
                    case: end.case.clone(),
                    step: step.step.to_string(),
                    operation: step.operation.clone(),
                    outcome: outcome(step),
                };
                entries.insert(place, step.rpcs.clone());
            }
            Some(group) => {
                let (members, rpcs) =
                    shared.entry(group).or_insert_with(|| (Vec::new(), groups[group].1.clone()));
                members.push(step);
                add(rpcs, &step.rpcs);
            }
        }
    }
    for (members, rpcs) in shared.into_values() {
        let joined = |of: fn(&StepLine) -> String| {
            members.iter().map(|step| of(step)).collect::<Vec<_>>().join("+")
        };
        let place = Place {
            case: end.case.clone(),
            step: joined(|step| step.step.to_string()),
            operation: joined(|step| step.operation.clone()),
            outcome: joined(outcome),
        };
        entries.insert(place, rpcs);
    }
    let whole = |operation: &str| Place {
        case: end.case.clone(),
        step: String::new(),
        operation: operation.to_owned(),
        outcome: String::new(),
    };
    let methods = end.connect.keys().map(|rpc| (rpc.clone(), 1)).collect();
    entries.insert(whole("connect"), methods);
    entries.insert(whole("background"), end.background.clone());
}

/// Steps that share calls, directly or through others, and what they share.
fn groups(end: &CaseEnd) -> Vec<(BTreeSet<u64>, Rpcs)> {
    let mut groups: Vec<(BTreeSet<u64>, Rpcs)> = Vec::new();
    for (steps, rpcs) in &end.overlap {
        let mut members: BTreeSet<u64> =
            steps.split('+').filter_map(|step| step.parse().ok()).collect();
        let mut sum = rpcs.clone();
        groups.retain(|(others, theirs)| {
            let apart = others.is_disjoint(&members);
            if !apart {
                members.extend(others);
                add(&mut sum, theirs);
            }
            apart
        });
        groups.push((members, sum));
    }
    groups
}

fn add(sums: &mut Rpcs, more: &Rpcs) {
    for (rpc, count) in more {
        *sums.entry(rpc.clone()).or_default() += count;
    }
}
