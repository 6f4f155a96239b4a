//! The runner: takes a client through scenarios on a target and writes down what it saw.

mod accounts;
mod arm;
mod asking;
mod case;
mod course;
mod events;
mod fault;
mod going;
mod judge;
mod moves;
mod notices;
mod script;
mod settle;
mod shrink;
mod stop;
mod unconnected;

pub use arm::{Arm, ArmEnd, Modelled, run_arm};
pub use fault::RunFault;
pub use stop::Stop;
