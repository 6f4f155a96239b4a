//! Clients broken on purpose: one call too many must be seen, whenever it is made.

mod budget;
mod gate;
mod nagging;

const CASE: &str = "exec-exits-with-0";
