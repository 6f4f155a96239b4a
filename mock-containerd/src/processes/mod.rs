//! Scripted processes: what a command does instead of running.

mod play;
mod script;
mod scripts;
mod streams;

pub(crate) use play::play;
pub use script::ProcessScript;
pub use scripts::{ScriptError, Scripts};
pub(crate) use streams::{OpenStreams, open};
