//! Tasks.

mod handle;

pub(crate) use handle::open_streams;
pub use handle::{Io, Stats, Task};
