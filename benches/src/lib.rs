//! Benchmarks: clients side by side on one target (`laconic bench`), and what the harness itself
//! costs (`benches/`, by criterion).
//!
//! Clients take turns, A B A B, so that whatever else the machine does falls on all of them, and a
//! ratio is taken in one run. See [`interleave()`].

mod interleave;
mod measured;
mod player;
mod resources;
mod spent;
mod workload;

pub use interleave::{BenchFault, Contender, Load, Measurements, interleave};
pub use measured::{Interval, Measured, ratio, ratio_by_turns};
pub use resources::{Account, Used};
pub use spent::{Cost, Spent};
pub use workload::Workload;
