//! Somebody else's client: a program that speaks the driver protocol over its standard streams.
//!
//! Whatever goes wrong with it is a [`DriverFault`](driver_protocol::DriverFault) that says what
//! was expected, what came, and what the program wrote to its standard error last. However it
//! ends, its whole process group ends with it.

mod child;
mod driver;
mod factory;
mod lines;
mod stderr;
mod talk;

pub use factory::{External, Patience};
