//! Of a record: how much of its steps' time their calls took, by the tap.

use std::collections::BTreeMap;
use std::path::Path;

use rpc_ledger::{Owner, StepId};
use run_record::{Line, Record, RunLine};

/// What waits for a process to end waits for no call.
const WAITS: [&str; 3] = ["wait", "exec-wait", "force-delete"];

type Step = (u32, String, StepId);

/// A line for each run.
pub(crate) fn told(path: &Path) {
    let record = Record::open(path).expect("a record of `laconic run --record`");
    let mut calls: BTreeMap<Step, u64> = BTreeMap::new();
    for line in &record.lines {
        if let Line::Call(call) = line
            && let Owner::Step(step) = call.owner
        {
            let of = (call.run, call.case.clone(), step);
            *calls.entry(of).or_default() += call.duration_us.unwrap_or_default();
        }
    }
    let mut sums: BTreeMap<u32, (u64, u64)> = BTreeMap::new();
    for line in &record.lines {
        if let Line::Step(step) = line
            && step.rpcs_total() > 0
            && !WAITS.contains(&step.operation.as_str())
        {
            let of = (step.run, step.case.clone(), StepId::new(step.step));
            let (rpcs, steps) = sums.entry(step.run).or_default();
            *rpcs += calls.get(&of).copied().unwrap_or_default();
            *steps += step.elapsed_us;
        }
    }
    let runs = record.lines.iter().filter_map(|line| match line {
        Line::Run(run) => Some(run),
        _ => None,
    });
    runs.for_each(|run| shown(run, sums.get(&run.run).copied().unwrap_or_default()));
}

fn shown(run: &RunLine, (rpcs, steps): (u64, u64)) {
    let share = 100.0 * rpcs as f64 / steps.max(1) as f64;
    println!(
        "{} on {} {}: calls took {share:.1} % of {:.1} s of steps",
        run.driver.name,
        run.target.kind,
        run.target.version,
        steps as f64 / 1e6
    );
}
