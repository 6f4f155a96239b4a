//! Standard streams: what is wanted, the FIFOs it takes, and the ends of them that this client has.

mod ended;
mod fifo;
mod folder;
mod gathered;
mod hold;
mod input;
mod log;
mod output;
mod paths;
mod stdin;
mod streams;
mod wanted;

pub use gathered::{Ending, Gathered, OutputLimit};
pub(crate) use hold::{Hold, Tie};
pub(crate) use input::Input;
pub use log::LogUri;
pub use output::Output;
pub use paths::FifoPaths;
pub use stdin::Stdin;
pub use streams::Streams;
pub use wanted::Io;
pub(crate) use wanted::{Made, Opened};
