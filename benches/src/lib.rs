//! Benchmarks: clients side by side on one target (`laconic bench`), and what the harness itself
//! costs (`benches/`, by criterion).
//!
//! Clients take turns, A B A B, so that whatever else the machine does falls on all of them, and a
//! ratio is taken in one run. See [`interleave()`].

mod interleave;
mod measured;
mod workload;

pub use interleave::{BenchFault, Contender, interleave};
pub use measured::{Interval, Measured, ratio};
pub use workload::Workload;
