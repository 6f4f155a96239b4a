//! Lifecycles, budgets, and the runner that performs the ones and judges by the others.
//!
//! A [`Scenario`] is a list of steps with what is right after each. The runner takes one client
//! (a [`DriverFactory`](driver_protocol::DriverFactory)) and one server (a [`Target`]) through
//! scenarios, assigns every RPC that the tap saw to its owner, and judges outcomes, states, events,
//! counts and leftovers. It knows neither which client it drives nor whether the server is a mock.
//!
//! ```
//! use laconic_scenarios::{Selection, catalogue, budgets};
//!
//! let execs = Selection { run: vec!["exec-exits-*".into()], skip: vec![] };
//! assert_eq!(execs.of(catalogue()).len(), 2);
//!
//! let floor = budgets::floor();
//! assert_eq!(floor.operations["exec"].ok.total(1, true), (2, 2));
//! ```

pub mod budgets;
mod catalogue;
mod checks;
pub mod external;
pub mod generate;
mod known;
pub mod model;
mod needs;
mod plot;
mod replay;
mod runner;
mod scenario;
mod select;
mod target;
mod wrote;

pub use catalogue::{ARCHIVE, FOLDER, IMAGES, catalogue, varied};
pub use checks::{
    Freedom, Object, Owed, Passed, Trace, Traced, judge_counts, judge_differential, judge_flows,
    judge_outcome, judge_state, owed,
};
pub use known::KnownFailures;
pub use plot::{ACTORS_MAX, ACTS_MAX, Actors, Plot};
pub use replay::{Replay, ReplayError, Replayed};
pub use runner::{Arm, ArmEnd, Crew, Modelled, OpenTarget, RunFault, Stop, run_arm};
pub use scenario::{Expect, Leaves, Play, Scenario, Stage, Step, WRONG_STATE};
pub use select::Selection;
pub use target::{Closing, Event, Injected, Reach, Target, TargetFault};
pub use wrote::Wrote;

/// Names a plan by what it consists of.
pub fn plan_hash(description: &str) -> String {
    blake3::hash(description.as_bytes()).to_hex().to_string()
}
