//! Calls: what every one of them carries, how long it may take, when it is made again.

mod calls;
mod doing;
mod method;
mod scope;
mod trace;

pub(crate) use calls::{Manners, Wire};
pub(crate) use doing::Doing;
pub(crate) use method::{Method, containers, events, tasks, version};
pub use scope::{InvalidTraceparent, Scope};
