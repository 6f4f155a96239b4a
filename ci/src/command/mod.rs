//! One file per command.

pub(crate) mod bench;
mod bench_figures;
pub(crate) mod budgets;
pub(crate) mod cases;
pub(crate) mod clean;
pub(crate) mod compare;
pub(crate) mod coverage;
pub(crate) mod doctor;
pub(crate) mod driver;
pub(crate) mod explain;
pub(crate) mod gate;
pub(crate) mod github;
pub(crate) mod interrupt;
mod journal;
pub(crate) mod list;
pub(crate) mod mark;
pub(crate) mod mock;
pub(crate) mod output;
pub(crate) mod plan;
pub(crate) mod records;
pub(crate) mod report;
pub(crate) mod run;
pub(crate) mod schema;
pub(crate) mod selftest;
pub(crate) mod spy;
pub(crate) mod spy_record;
