//! The runner: takes a client through scenarios on a target and writes down what it saw.

mod accounts;
mod actors;
mod arm;
mod asking;
mod beside;
mod case;
mod course;
mod crew;
mod ends;
mod events;
mod fault;
mod going;
mod ink;
mod judge;
mod moves;
mod notices;
mod part;
mod script;
mod settle;
mod shrink;
mod stop;
mod unconnected;

pub use arm::{Arm, ArmEnd, Modelled, run_arm};
pub use crew::{Crew, OpenTarget};
pub use fault::RunFault;
pub use stop::Stop;
