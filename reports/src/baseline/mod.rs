//! What a client cost when somebody last looked: counts by case, step and outcome, kept in a file
//! that reviews read. A budget is a promise; a baseline is memory.

mod difference;
mod entry;
mod file;

pub use difference::{Difference, Differences, Rise};
pub use entry::{Entry, Place};
pub use file::{Baseline, BaselineError, Subject};
