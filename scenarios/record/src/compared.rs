//! How much was compared when each case was played on two servers.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// What a run was held against another by.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Compared {
    /// Steps.
    pub steps: u64,
    /// Of them, those before which the model knew for sure what they met: there is one right answer.
    pub certain: u64,
    /// Events.
    pub events: u64,
    /// Differences that are no one's fault: where several things were possible, or the reference is free.
    pub free: u64,
}

impl Compared {
    /// All of another case's.
    pub fn add(&mut self, other: &Self) {
        self.steps += other.steps;
        self.certain += other.certain;
        self.events += other.events;
        self.free += other.free;
    }
}
