//! What is known of every process of the namespace: from replies and from the event stream,
//! whichever comes first, and from readings when one of them failed.

mod book;
mod connection;
mod execs;
mod exit;
mod hear;
#[cfg(test)]
mod histories;
mod incarnation;
mod known;
mod lineage;
mod news;
mod readings;
mod replies;
mod waits;

pub use connection::Connection;
pub(crate) use exit::since_1970_ns;
pub use exit::{Exit, ExitStatus, Status};
pub(crate) use incarnation::{Incarnation, Standing};
pub(crate) use known::Registry;
pub use news::ExitNews;
pub(crate) use news::News;
pub(crate) use waits::Waits;
