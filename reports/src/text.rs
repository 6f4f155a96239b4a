//! A report for a terminal: one table, then what failed, then one line.

use std::collections::BTreeMap;

use comfy_table::presets::UTF8_FULL_CONDENSED;
use comfy_table::{CellAlignment, Table};

use crate::matrix::span;
use crate::{Cell, FailedCall, Failure, Report};

fn shown(cell: Option<Cell>) -> String {
    cell.map_or_else(|| "·".to_owned(), |cell| span(cell.rpcs_min, cell.rpcs_max))
}

pub(crate) fn render(report: &Report) -> String {
    let mut text = table(report);
    for failure in &report.failures {
        text.push('\n');
        text.push_str(&told(failure));
    }
    if report.failures_more > 0 {
        text.push_str(&format!("\nand {} more failures\n", report.failures_more));
    }
    text.push('\n');
    text.push_str(&faults(report));
    text.push_str(&skipped(report));
    text.push_str(&closing(report));
    text
}

fn table(report: &Report) -> String {
    let matrix = &report.matrix;
    if matrix.columns.is_empty() {
        return "nothing ran\n".to_owned();
    }
    let mut table = Table::new();
    table.load_style(UTF8_FULL_CONDENSED);
    let heads = matrix.columns.iter().map(|column| format!("{}\n{}", column.driver, column.target));
    let fixed = ["RPCs per\noperation".to_owned(), "\nfloor".to_owned()];
    table.set_header(fixed.into_iter().chain(heads));
    for row in &matrix.rows {
        let floor = row.floor.map_or_else(|| "·".to_owned(), |(min, max)| span(min, max));
        let cells = row.cells.iter().map(|cell| shown(*cell));
        table.add_row([row.operation.clone(), floor].into_iter().chain(cells));
    }
    for column in table.column_iter_mut().skip(1) {
        column.set_cell_alignment(CellAlignment::Right);
    }
    format!("{table}\n")
}

pub(crate) fn told(failure: &Failure) -> String {
    let place = match (&failure.operation, failure.step) {
        (Some(operation), Some(step)) => format!("{} step {step} {operation}", failure.case),
        _ if failure.case.is_empty() => "the run as a whole (a fault of the harness)".to_owned(),
        _ => failure.case.clone(),
    };
    let at = failure.at.as_ref().map_or_else(String::new, |at| format!("  [{at}]"));
    let mut text = format!(
        "FAIL  {} on {}: {place}: {}{at}\n      {}\n",
        failure.driver, failure.target, failure.check, failure.detail
    );
    for (number, call) in failure.calls.iter().enumerate() {
        let FailedCall { started_us, rpc, code, why } = call;
        let ms = *started_us as f64 / 1000.0;
        let line = format!("        #{:<2} {ms:>10.1} ms  {rpc}  {code}  {why}", number + 1);
        text.push_str(line.trim_end());
        text.push('\n');
    }
    if let Some(fix) = &failure.fix {
        text.push_str(&format!("      likely fix: {fix}\n"));
    }
    if let Some(replay) = &failure.replay {
        text.push_str(&format!("      replay: {replay}\n"));
    }
    text
}

fn faults(report: &Report) -> String {
    report.faults.iter().map(|faults| faults.text(&whose(report, faults.run))).collect()
}

/// Who ran on what.
fn whose(report: &Report, run: u32) -> String {
    let column = report.matrix.columns.iter().find(|column| column.run == run);
    column.map_or_else(String::new, |one| format!("{} on {}", one.driver, one.target))
}

/// A skip is never silent: who, why, how many.
fn skipped(report: &Report) -> String {
    let mut reasons: BTreeMap<(u32, &str), u64> = BTreeMap::new();
    for case in &report.cases {
        if let Some(reason) = &case.skipped {
            *reasons.entry((case.run, reason)).or_default() += 1;
        }
    }
    let mut text = String::new();
    for ((run, reason), cases) in reasons {
        let on = whose(report, run);
        text.push_str(&format!("skipped  {on}: {cases}: {reason}\n"));
    }
    text
}

fn closing(report: &Report) -> String {
    let mut text = report.headline();
    for reason in report.summary.iter().flat_map(|summary| &summary.not_run) {
        text.push_str(&format!("; not run: {reason}"));
    }
    text.push('\n');
    text
}
