//! The model: what a client of containerd may be answered, and in which states its containers may
//! then be. It carries every state that is possible by what was seen, and takes what is seen next to
//! tell them apart; where none is left, somebody is wrong.

mod answer;
mod cell;
mod certain;
mod freedom;
mod linear;
mod moves;
mod program;
mod rules;
mod state;
#[cfg(test)]
mod tests;
mod trouble;
mod world;

pub use answer::Answer;
pub(crate) use cell::TO_ALL;
pub use cell::{Cell, Coverage};
pub use certain::{Certain, Process};
pub use freedom::{FREEDOMS, Freedom, Whose};
pub use linear::{Act, Blow, End, History, LATITUDES, Latitude, Look, Ordered, Slot};
pub(crate) use moves::exec_id;
pub use moves::{CONTAINERS, EXECS, Move, container_id};
use program::INIT_STRUCK;
pub use program::{KILL, Program, TERM};
pub use trouble::Trouble;
pub use world::{Excuse, Forecast, World};
