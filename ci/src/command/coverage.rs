//! `laconic coverage`: which operations met which states, over the records of one run or of its shards.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use laconic_scenarios::generate::{Generation, HITS_MIN, UNREACHABLE, floor};
use run_record::{CheckResult, Line, RecordLines, Tally};

use super::output::print;
use crate::arguments::CoverageOptions;
use crate::exit::Exit;

/// What one client met on one target.
#[derive(Debug, Default)]
struct Met {
    cells: BTreeMap<String, u64>,
    cases: Tally,
    steps: u64,
    calls: u64,
    /// Verdicts of the harness on itself, and how often each failed.
    checks: BTreeMap<String, u64>,
}

type Arms = BTreeMap<String, Met>;

pub(crate) fn coverage(options: CoverageOptions) -> anyhow::Result<Exit> {
    let mut arms = Arms::new();
    for path in &options.records {
        let mut names = BTreeMap::new();
        for line in RecordLines::open(path)? {
            add(&mut arms, &mut names, line?);
        }
    }
    let mut below = false;
    for (name, met) in &arms {
        let missed = missed(met);
        below |= !missed.is_empty();
        print(&told(name, met, &missed));
    }
    let reasons: Vec<String> =
        UNREACHABLE.iter().map(|(what, why)| format!("  {what}: {why}")).collect();
    print(&format!("\nnot among the cells:\n{}\n", reasons.join("\n")));
    Ok(if below && options.floor { Exit::Harness } else { Exit::Good })
}

fn add(arms: &mut Arms, names: &mut BTreeMap<u32, String>, line: Line) {
    let run = match &line {
        Line::Run(run) => {
            let (driver, target) = (&run.driver, &run.target);
            let name = format!(
                "{} on {}:{} ({})",
                driver.name, target.kind, target.profile, target.version
            );
            names.insert(run.run, name);
            return;
        }
        Line::CaseEnd(end) => end.run,
        Line::Step(step) => step.run,
        Line::RunEnd(end) => end.run,
        _ => return,
    };
    let Some(name) = names.get(&run) else { return };
    let met = arms.entry(name.clone()).or_default();
    match line {
        Line::CaseEnd(end) if Generation::number(&end.case).is_some() => met.cases.add(end.verdict),
        Line::Step(step) if Generation::number(&step.case).is_some() => met.steps += 1,
        Line::RunEnd(end) => {
            for (cell, hits) in end.coverage {
                *met.cells.entry(cell).or_default() += hits;
            }
            met.calls += end.ledger_total.values().sum::<u64>();
            for verdict in end.verdicts {
                let failed = met.checks.entry(verdict.check).or_default();
                *failed += u64::from(verdict.result == CheckResult::Fail);
            }
        }
        _ => {}
    }
}

/// Cells that were met less often than a full run must meet them.
fn missed(met: &Met) -> Vec<(u64, String)> {
    let hits = |cell: &String| met.cells.get(cell).copied().unwrap_or(0);
    let cells = floor().into_iter().map(|cell| cell.to_string());
    let mut missed: Vec<(u64, String)> = cells.map(|cell| (hits(&cell), cell)).collect();
    missed.retain(|(hits, _)| *hits < HITS_MIN);
    missed.sort();
    missed
}

fn told(name: &str, met: &Met, missed: &[(u64, String)]) -> String {
    let Tally { pass, fail, skip, .. } = met.cases;
    let (all, below) = (floor().len(), missed.len());
    let mut text = format!(
        "{name}: {pass} generated cases passed, {fail} failed, {skip} skipped; {} steps, {} calls\n",
        met.steps, met.calls
    );
    for (check, failed) in &met.checks {
        let word = if *failed == 0 { "right".to_owned() } else { format!("WRONG {failed} times") };
        let _ = writeln!(text, "  {check}: {word}");
    }
    let _ = writeln!(text, "  cells met {HITS_MIN} times or more: {} of {all}", all - below);
    let fewest = floor().into_iter().map(|cell| cell.to_string());
    let fewest = fewest.min_by_key(|cell| met.cells.get(cell).copied().unwrap_or(0));
    if let Some(cell) = fewest {
        let hits = met.cells.get(&cell).copied().unwrap_or(0);
        let _ = writeln!(text, "  the rarest: {cell}, {hits} times");
    }
    for (hits, cell) in missed {
        let _ = writeln!(text, "  below: {cell}, {hits} times");
    }
    text
}
