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
    })
}
