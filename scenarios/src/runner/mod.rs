//! The runner: takes a client through scenarios on a target and writes down what it saw.

mod accounts;
mod arm;
mod case;
mod events;
mod fault;
mod judge;
mod notices;
mod script;
mod settle;
mod stop;
mod unconnected;

pub use arm::{Arm, ArmEnd, run_arm};
pub use fault::RunFault;
pub use stop::Stop;
