//! Tasks: their handle, and what is done to them.

mod ending;
mod execs;
mod handle;
mod starting;

pub(crate) use ending::{KILLED_LIMIT, SIGKILL};
pub use handle::{Stats, Task};
