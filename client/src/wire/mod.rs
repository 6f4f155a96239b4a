//! Calls: what every one of them carries, how long it may take, when it is made again.

mod calls;
mod codec;
mod conversation;
mod doing;
mod method;
mod operation;
mod scope;
mod trace;

pub(crate) use calls::{Manners, Overdue, Wire};
pub(crate) use conversation::Conversation;
pub(crate) use doing::Doing;
pub(crate) use method::{
    Method, containers, content, diff, events, images, leases, snapshots, tasks, version,
};
pub(crate) use operation::{Operation, carried, operation};
pub use scope::{InvalidTraceparent, Scope};
