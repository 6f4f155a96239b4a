//! The client when things break: against a mock in memory, in virtual time, by count.

mod calls;
mod foreigner;
mod halves;
mod handles;
mod lives;
mod resync;
mod stage;
mod traces;
mod vanished;
