//! One step of each operation, call by call, with what stands beyond the floor marked and why.

use std::collections::BTreeMap;

use rpc_ledger::{Owner, Rpc, StepId};
use run_record::{CallLine, Line, StepLine, reads};
use serde::Serialize;

use crate::Floors;
use crate::faults::ending;

/// Why a call stands out.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Mark {
    /// It is among the fewest that can be right.
    AtTheFloor,
    /// The same request had the same reply, and nothing was written in between: which call.
    SameAs(usize),
    /// The operation can be right without it.
    BeyondTheFloor,
}

/// One call.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct SampledCall {
    /// `Service/Method`.
    pub rpc: String,
    /// How it ended.
    pub code: String,
    /// How long it took, where it ended.
    pub us: Option<u64>,
    /// Whether it was needed.
    pub mark: Mark,
}

/// One step.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Sample {
    /// Which run.
    pub run: u32,
    /// The operation.
    pub operation: String,
    /// Where.
    pub case: String,
    /// In order.
    pub calls: Vec<SampledCall>,
}

/// Adds a sample of every operation of which there is none yet.
pub(crate) fn add(samples: &mut Vec<Sample>, lines: &[Line], floors: &Floors) {
    for line in lines {
        let Line::Step(step) = line else { continue };
        let known =
            samples.iter().any(|one| one.run == step.run && one.operation == step.operation);
        if step.succeeded() && !known && step.rpcs_total() > 0 {
            samples.push(sample(step, lines, floors));
        }
    }
}

fn sample(step: &StepLine, lines: &[Line], floors: &Floors) -> Sample {
    let own = |line: &&Line| match line {
        Line::Call(call) => call.owner == Owner::Step(StepId::new(step.step)),
        _ => false,
    };
    let mut seen: BTreeMap<(String, String, String), usize> = BTreeMap::new();
    let mut budget: BTreeMap<&str, u64> = BTreeMap::new();
    let floor = floors.get(&step.operation);
    let mut calls = Vec::new();
    for line in lines.iter().filter(own) {
        let Line::Call(call) = line else { continue };
        let rpc = Rpc::from_path(&call.method).short();
        let mark = mark(&rpc, call, calls.len() + 1, &mut seen, || {
            let Some(listed) = floor.and_then(|floor| floor.rpcs.get(&rpc)) else { return false };
            let used = budget.entry(listed.as_str()).or_default();
            *used += 1;
            *used == 1
        });
        calls.push(SampledCall { rpc, code: ending(call), us: call.duration_us, mark });
    }
    Sample { run: step.run, operation: step.operation.clone(), case: step.case.clone(), calls }
}

fn mark(
    rpc: &str,
    call: &CallLine,
    number: usize,
    seen: &mut BTreeMap<(String, String, String), usize>,
    at_the_floor: impl FnOnce() -> bool,
) -> Mark {
    if !reads(rpc) {
        seen.clear();
        return if at_the_floor() { Mark::AtTheFloor } else { Mark::BeyondTheFloor };
    }
    let key = (rpc.to_owned(), call.request_hash.clone(), call.reply_hash.clone());
    match seen.get(&key) {
        Some(first) => Mark::SameAs(*first),
        None => {
            seen.insert(key, number);
            if at_the_floor() { Mark::AtTheFloor } else { Mark::BeyondTheFloor }
        }
    }
}
