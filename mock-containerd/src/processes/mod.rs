//! Scripted processes: what a command does instead of running.

mod actor;
mod answers;
mod commands;
mod controls;
mod input;
mod output;
mod play;
mod script;
mod scripts;
mod setting;
mod shell;
pub(crate) mod signal;
mod signals;
mod streams;

pub(crate) use controls::Controls;
pub(crate) use play::{Ending, play};
pub use script::{ProcessScript, Reaction};
pub use scripts::{ScriptError, Scripts};
pub(crate) use setting::{Setting, Size, User};
pub(crate) use signals::{Disposition, Signals};

pub(crate) use streams::{OpenStreams, open};
