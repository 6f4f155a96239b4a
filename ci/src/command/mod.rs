//! One file per command.

pub(crate) mod clean;
pub(crate) mod doctor;
pub(crate) mod driver;
pub(crate) mod interrupt;
pub(crate) mod list;
pub(crate) mod mock;
pub(crate) mod output;
pub(crate) mod plan;
pub(crate) mod run;
pub(crate) mod schema;
pub(crate) mod spy;
