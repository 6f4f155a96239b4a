//! Faults: what goes wrong on purpose, when, and the list of what did.
//!
//! [`Faults`] are rules, read from a file or made by hand. They are given to a mock before it
//! starts ([`crate::Builder::faults`]) or while it runs ([`FaultControl`]). Calls are counted from 1
//! by rule, namespace and method, since a namespace is what keeps one test from another; events by
//! rule, namespace and topic. What is drawn depends on the seed, the rule and the number of the call
//! and on nothing else, so that the same calls meet the same faults.
//!
//! [`Proxy`] lets the same go wrong in front of a containerd that is no mock.

mod control;
mod door;
mod draw;
mod engine;
mod fault;
mod file;
mod fired;
mod layer;
mod lines;
mod plan;
mod proxy;
mod schema;
mod span;

pub use control::FaultControl;
pub(crate) use door::{Arrival, Arrivals, Door};
pub(crate) use draw::Draw;
pub(crate) use engine::{Engine, Passing};
pub use fault::{Cut, DaemonFault, EventFault, NthCall, TasksAfter, When};
pub use file::Faults;
pub use fired::{Effect, Fired};
pub(crate) use layer::{FaultService, Hands};
pub(crate) use lines::{Line, Lines};
pub use plan::{Act, Plan};
pub use proxy::{Daemon, Proxy, ProxyBuilder, Taking};
pub use schema::schema;
