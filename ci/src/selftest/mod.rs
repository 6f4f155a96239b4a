//! What must be caught: clients that do something wrong, a harness that sees something wrong, a server
//! on which something goes wrong unsaid. Each is made of public seams alone, around the drivers and
//! targets as they are, and names the check that must catch it.

mod client;
mod mutants;
mod server;
mod trial;

pub(crate) use mutants::mutants;
pub(crate) use trial::{Caught, Mutant, attempt};
