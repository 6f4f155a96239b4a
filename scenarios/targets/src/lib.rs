//! What scenarios run against: the mock, a private real containerd, or somebody's own, each behind
//! a tap for the player and a tap for the observer; and a mock in memory, which has none.

mod archive;
pub mod daemon;
mod detour;
mod injections;
mod inventory;
mod kept;
mod memory;
mod observer;
mod reconcile;
mod seen;
mod server;
mod stand;

pub use memory::{Exchange, in_memory};
pub use stand::{StandError, TargetSpec, start, start_with_faults};
