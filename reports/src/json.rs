//! A report as JSON: the same figures, no prose.

use serde_json::{Value, json};

use crate::Report;

/// The version of this format.
const SCHEMA_VERSION: u32 = 1;

pub(crate) fn render(report: &Report) -> Value {
    json!({
        "schema_version": SCHEMA_VERSION,
        "matrix": report.matrix,
        "failures": report.failures,
        "summary": report.summary,
        "latencies": latencies(report),
        "samples": report.samples,
    })
}

fn latencies(report: &Report) -> Vec<Value> {
    let mut latencies = Vec::new();
    for column in &report.matrix.columns {
        for row in &report.matrix.rows {
            if let Some(latency) = report.latencies.of(column.run, &row.operation) {
                let (run, operation) = (column.run, &row.operation);
                latencies.push(json!({"run": run, "operation": operation, "latency": latency}));
            }
        }
    }
    latencies
}
