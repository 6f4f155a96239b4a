//! Renders run records: pure functions from lines to text, JSON, HTML, Markdown and JUnit, and the
//! gate that holds a record against its baseline.
//!
//! ```
//! use laconic_reports::Report;
//!
//! let report = Report::of(&[], &Default::default());
//! assert!(report.text().contains("nothing ran"));
//! ```

pub mod baseline;
mod collect;
mod failures;
mod faults;
mod format;
mod gate;
pub mod github;
mod headline;
mod html;
mod json;
mod junit;
mod latency;
mod markdown;
mod matrix;
mod sample;
mod tested;
mod text;

use std::collections::{BTreeMap, BTreeSet};

pub use collect::{Case, Collector, Report, Run};
pub use failures::{FailedCall, Failure};
pub use faults::Faults;
pub use format::Format;
pub use gate::{Finding, Gated, gate};
pub use latency::{Latencies, Latency};
pub use matrix::{Cell, Column, Matrix};
pub use sample::{Mark, Sample, SampledCall};

/// What an operation costs where it costs least.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Floor {
    /// The fewest RPCs.
    pub fewest: u64,
    /// The most.
    pub most: u64,
    /// Which.
    pub rpcs: BTreeSet<String>,
}

/// By operation.
pub type Floors = BTreeMap<String, Floor>;
