//! Scripted processes: what a command does instead of running.

mod actor;
mod answers;
mod commands;
mod condition;
mod controls;
mod file;
mod input;
mod output;
mod pids;
mod placeholder;
mod play;
mod printf;
mod script;
mod scripts;
mod setting;
mod shell;
pub(crate) mod signal;
mod signals;
mod streams;
mod terminal;

pub(crate) use controls::Controls;
pub(crate) use pids::{Held, Register};
pub use pids::{Pids, UnknownPids};
pub(crate) use play::{Ending, play};
pub use script::{ProcessScript, Reaction};
pub use scripts::Scripts;
pub(crate) use setting::{Setting, Size, User};
pub(crate) use signals::{Disposition, Signals};

pub(crate) use streams::{Copying, OpenStreams, Owner, open};
