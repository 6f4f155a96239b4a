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
        "faults": report.faults,
        "summary": report.summary,
        "latencies": latencies(report),
        "samples": report.samples,
    })
}

fn latencies(report: &Report) -> Vec<Value> {
    let mut latencies = Vec::new();
    for column in &report.matrix.columns {
        for operation in report.latencies.timed() {
            if let Some(latency) = report.latencies.of(column.run, operation) {
                let run = column.run;
                latencies.push(json!({"run": run, "operation": operation, "latency": latency}));
            }
        }
    }
    latencies
}
