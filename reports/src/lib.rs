//! Renders run records: pure functions from lines to text and JSON.
//!
//! ```
//! use laconic_reports::Report;
//!
//! let report = Report::of(&[], &Default::default());
//! assert!(report.text().contains("nothing ran"));
//! ```

mod failures;
mod json;
mod matrix;
mod text;

use std::collections::BTreeMap;

use run_record::{Line, Summary};

pub use failures::Failure;
pub use matrix::{Cell, Column, Matrix};

/// The fewest and the most RPCs at the floor, by operation.
pub type Floors = BTreeMap<String, (u64, u64)>;

/// What a record comes to.
#[derive(Clone, Debug)]
pub struct Report {
    /// Operations by runs.
    pub matrix: Matrix,
    /// What failed, case by case.
    pub failures: Vec<Failure>,
    /// What a run that came to its end says of itself.
    pub summary: Option<Summary>,
}

impl Report {
    /// Sums a record up.
    pub fn of(lines: &[Line], floors: &Floors) -> Self {
        Self {
            matrix: Matrix::of(lines, floors),
            failures: failures::collect(lines),
            summary: lines.iter().rev().find_map(|line| match line {
                Line::Summary(summary) => Some(summary.clone()),
                _ => None,
            }),
        }
    }

    /// For people.
    pub fn text(&self) -> String {
        text::render(self)
    }

    /// For programs.
    pub fn json(&self) -> serde_json::Value {
        json::render(self)
    }
}
