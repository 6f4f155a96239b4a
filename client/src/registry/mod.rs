//! What is known of every process of the namespace.

mod exit;
mod known;

pub use exit::{Exit, ExitStatus, Status};
pub(crate) use known::{Known, Name, Registry};
