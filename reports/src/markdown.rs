//! A report as Markdown: for a comment, or for the summary of a step.

use std::fmt::Write;

use crate::Report;
use crate::github::escaped;
use crate::matrix::span;

/// Comments may have 65,536 characters: the failures that are shown must leave room.
const FAILURES_MAX: usize = 40;

pub(crate) fn render(report: &Report) -> String {
    let mut text = format!("## {}\n\n", report.headline());
    let columns = &report.matrix.columns;
    if !columns.is_empty() {
        text.push_str("| RPCs per operation | floor |");
        for column in columns {
            let _ = write!(text, " {} on {} |", escaped(&column.driver), escaped(&column.target));
        }
        text.push_str("\n|---|--:|");
        text.push_str(&"--:|".repeat(columns.len()));
        text.push('\n');
        for row in &report.matrix.rows {
            let floor = row.floor.map_or_else(String::new, |(min, max)| span(min, max));
            let _ = write!(text, "| {} | {floor} |", row.operation);
            for cell in &row.cells {
                match cell {
                    Some(cell) => {
                        let _ = write!(text, " {} |", span(cell.rpcs_min, cell.rpcs_max));
                    }
                    None => text.push_str(" |"),
                }
            }
            text.push('\n');
        }
    }
    for failure in report.failures.iter().take(FAILURES_MAX) {
        let title = format!("{} on {}: {}", failure.driver, failure.target, failure.detail);
        let _ = writeln!(text, "\n- **{}**\n\n  ```text", escaped(&title));
        for line in crate::text::told(failure).lines() {
            let _ = writeln!(text, "  {}", line.replace("```", "'''"));
        }
        text.push_str("  ```\n");
    }
    let left = report.failures.len().saturating_sub(FAILURES_MAX) + report.failures_more;
    if left > 0 {
        let _ = writeln!(text, "\nand {left} more failures.");
    }
    text
}
