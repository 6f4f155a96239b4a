//! Tasks: their handle, and what is done to them.

mod checkpoint;
mod ending;
mod execs;
mod handle;
mod limits;
mod starting;

pub use checkpoint::{Checkpoint, CheckpointAt, CheckpointOptions};
pub(crate) use ending::{KILLED_LIMIT, SIGKILL};
pub use handle::{Stats, Task};
