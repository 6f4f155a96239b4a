//! What scenarios run against: the mock, a private real containerd, or somebody's own, each behind
//! a tap for the player and a tap for the observer.

mod archive;
pub mod daemon;
mod injections;
mod inventory;
mod observer;
mod reconcile;
mod seen;
mod server;
mod stand;

pub use stand::{StandError, TargetSpec, start, start_with_faults};
