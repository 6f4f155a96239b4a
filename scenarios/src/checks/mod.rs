//! Checks: each a pure judgment on what was seen.

mod budget;
mod differential;
mod events;
mod flow;
mod freedoms;
mod once;
mod order;
mod outcome;
mod state;

pub use budget::judge_counts;
pub use differential::{Trace, Traced, judge_differential};
pub(crate) use events::never_ran;
pub use events::{Owed, owed};
pub use flow::{Object, Passed, judge_flows};
pub use freedoms::Freedom;
pub(crate) use once::{judge_exits, judge_once};
pub(crate) use order::judge_order;
pub use outcome::judge_outcome;
pub(crate) use outcome::shown;
pub use state::judge_state;
