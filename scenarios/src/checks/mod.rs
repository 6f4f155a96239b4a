//! Checks: each a pure judgment on what was seen, one invariant a file.
//!
//! | invariant | file | verdicts of |
//! |---|---|---|
//! | the outcome is right | `outcome`; of moves, the model | `outcome` |
//! | the server is in the right state, by the observer | `state`; of moves, the model | `state`, `model` |
//! | an exit status is the one that the server told | `exits` | `exit-status` |
//! | a success has caused its events | `events` | `events` |
//! | each event comes once; in order | `once`, `order` | `events-once`, `events-order` |
//! | a client tells each exit once, unasked | `notices` | `exit-once` |
//! | counts are within the allowance: of steps, overlaps, connecting, and the background's silence | `budget` | `budget` |
//! | counts of operations that follow each other | `flow` | `flow` |
//! | no call was for what was known, beyond what is promised | `redundancy` | `redundancy` |
//! | nothing is left behind | `leftovers` | `leftovers` |
//! | two servers say the same | `differential` | `differential` |

mod budget;
mod differential;
mod events;
mod exits;
mod flow;
mod freedoms;
mod leftovers;
mod notices;
mod once;
mod order;
mod outcome;
mod redundancy;
mod state;

pub use budget::judge_counts;
pub use differential::{Trace, Traced, judge_differential};
pub(crate) use events::never_ran;
pub use events::{Owed, owed};
pub(crate) use exits::judge_exits;
pub use flow::{Object, Passed, judge_flows};
pub use freedoms::Freedom;
pub(crate) use leftovers::judge_leftovers;
pub(crate) use notices::{Made, judge_notices, judge_notices_after_faults};
pub(crate) use once::judge_once;
pub(crate) use order::judge_order;
pub use outcome::judge_outcome;
pub(crate) use outcome::shown;
pub(crate) use redundancy::judge_redundancy;
pub use state::judge_state;
