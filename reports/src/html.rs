//! One page that needs nothing else: the template stands in `templates/report.html`, here are the
//! figures for it.

use std::collections::BTreeMap;

use minijinja::{Environment, Value};
use serde::Serialize;
use serde_json::json;

use crate::matrix::span;
use crate::{Mark, Report};

const TEMPLATE: &str = include_str!("../templates/report.html");

/// A client on a target: one RPC count over one of each operation.
#[derive(Debug, Serialize)]
struct Bar {
    name: String,
    rpcs: u64,
    percent: u64,
    floor: bool,
}

#[derive(Debug, Serialize)]
struct Call {
    number: usize,
    rpc: String,
    code: String,
    us: Option<u64>,
    /// The class of the style sheet.
    class: &'static str,
    why: String,
}

#[derive(Debug, Serialize)]
struct Calls {
    name: String,
    case: String,
    calls: Vec<Call>,
}

#[derive(Debug, Serialize)]
struct Operation {
    name: String,
    floor: String,
    /// From the fewest to the most calls.
    seen: String,
    clients: Vec<Calls>,
}

pub(crate) fn render(report: &Report) -> String {
    let mut environment = Environment::new();
    // The name ends in .html: everything that is filled in is escaped.
    environment
        .add_template("report.html", TEMPLATE)
        .expect("the template that is embedded is tested");
    let template = environment.get_template("report.html").expect("it was added a line ago");
    let columns: Vec<String> = report
        .matrix
        .columns
        .iter()
        .map(|column| format!("{} on {}", column.driver, column.target))
        .collect();
    let context = json!({
        "headline": report.headline(),
        "summary": report.summary,
        "judged": report.judged(),
        "green": report.failures.is_empty()
            && report.summary.as_ref().is_some_and(|summary| summary.complete && summary.valid),
        "columns": report.matrix.columns,
        "rows": rows(report),
        "bars": bars(report, &columns),
        "operations": operations(report, &columns),
        "latencies": latencies(report),
        "failures": report.failures,
        "failures_more": report.failures_more,
        "skipped": skipped(report, &columns),
        "runs": runs(report, &columns),
        "header": report.runs.first().and_then(|run| run.header.clone()),
    });
    template
        .render(Value::from_serialize(&context))
        .expect("the template asks for nothing that is not here")
}

fn rows(report: &Report) -> Vec<serde_json::Value> {
    let row = |row: &crate::matrix::Row| {
        let floor = row.floor;
        let cells: Vec<_> = row
            .cells
            .iter()
            .map(|cell| {
                cell.map(|cell| {
                    let beyond = floor.map_or(0, |(_, most)| cell.rpcs_max.saturating_sub(most));
                    json!({
                        "rpcs": span(cell.rpcs_min, cell.rpcs_max),
                        "beyond": beyond,
                        "steps": cell.steps,
                    })
                })
            })
            .collect();
        let floor = floor.map(|(min, max)| span(min, max));
        json!({ "operation": row.operation, "floor": floor, "cells": cells })
    };
    report.matrix.rows.iter().map(row).collect()
}

/// Over the operations that every column has, one of each.
fn bars(report: &Report, columns: &[String]) -> Vec<Bar> {
    let whole = || report.matrix.rows.iter().filter(|row| row.cells.iter().all(Option::is_some));
    let floor = whole().map(|row| row.floor.map_or(0, |(fewest, _)| fewest)).sum::<u64>();
    let mut bars = vec![Bar { name: "the floor".to_owned(), rpcs: floor, percent: 0, floor: true }];
    for (index, name) in columns.iter().enumerate() {
        let rpcs = whole().filter_map(|row| row.cells[index]).map(|cell| cell.rpcs_min).sum();
        bars.push(Bar { name: name.clone(), rpcs, percent: 0, floor: false });
    }
    let longest = bars.iter().map(|bar| bar.rpcs).max().unwrap_or(0).max(1);
    for bar in &mut bars {
        bar.percent = bar.rpcs * 100 / longest;
    }
    bars
}

fn operations(report: &Report, columns: &[String]) -> Vec<Operation> {
    let mut operations = Vec::new();
    for row in &report.matrix.rows {
        let clients: Vec<Calls> = report
            .samples
            .iter()
            .filter(|sample| sample.operation == row.operation)
            .map(|sample| {
                let calls: Vec<Call> = sample
                    .calls
                    .iter()
                    .enumerate()
                    .map(|(index, call)| {
                        let (class, why) = told(&call.mark);
                        let (rpc, code) = (call.rpc.clone(), call.code.clone());
                        Call { number: index + 1, rpc, code, us: call.us, class, why }
                    })
                    .collect();
                let name = columns.get(sample.run as usize - 1).cloned().unwrap_or_default();
                Calls { name, case: sample.case.clone(), calls }
            })
            .collect();
        if !clients.is_empty() {
            let floor = row.floor.map(|(min, max)| span(min, max)).unwrap_or_default();
            let counts = || clients.iter().map(|client| client.calls.len() as u64);
            let seen = span(counts().min().unwrap_or(0), counts().max().unwrap_or(0));
            operations.push(Operation { name: row.operation.clone(), floor, seen, clients });
        }
    }
    operations
}

fn told(mark: &Mark) -> (&'static str, String) {
    match mark {
        Mark::AtTheFloor => ("floor", "needed".to_owned()),
        Mark::SameAs(first) => (
            "same",
            format!("redundant: same request and reply as #{first}, nothing written in between"),
        ),
        Mark::BeyondTheFloor => {
            ("beyond", "beyond the floor: the operation can be right without it".to_owned())
        }
    }
}

fn latencies(report: &Report) -> Vec<serde_json::Value> {
    let row = |timed: &str| {
        let of = |column: &crate::Column| report.latencies.of(column.run, timed);
        let cells: Vec<_> = report.matrix.columns.iter().map(of).collect();
        json!({ "operation": timed, "cells": cells })
    };
    report.latencies.timed().into_iter().map(row).collect()
}

fn skipped(report: &Report, columns: &[String]) -> Vec<serde_json::Value> {
    let mut reasons: BTreeMap<(u32, String), Vec<&str>> = BTreeMap::new();
    for case in &report.cases {
        if let Some(reason) = &case.skipped {
            reasons.entry((case.run, reason.clone())).or_default().push(&case.case);
        }
    }
    let shown = |((run, reason), cases): ((u32, String), Vec<&str>)| {
        let client = columns.get(run as usize - 1).cloned().unwrap_or_default();
        json!({ "client": client, "reason": reason, "cases": cases })
    };
    reasons.into_iter().map(shown).collect()
}

fn runs(report: &Report, columns: &[String]) -> Vec<serde_json::Value> {
    report
        .runs
        .iter()
        .zip(columns)
        .map(|(run, name)| {
            json!({
                "name": name,
                "driver": run.line.driver,
                "target": run.line.target,
                "budgets": run.line.budgets,
                "host": run.header.as_ref().map(|header| header.host.clone()),
                "laconic": run.header.as_ref().map(|header| header.laconic.clone()),
            })
        })
        .collect()
}
