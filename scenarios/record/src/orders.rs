//! How much of what several actors did at once was put in order.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// What a run's concurrent cases came to.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Orders {
    /// Cases.
    pub cases: u64,
    /// Operations in them, the openings and endings among them.
    pub operations: u64,
    /// Places that were looked at in the search for an order.
    pub nodes: u64,
    /// Cases of which it could not be decided whether there is one: never a pass.
    pub undecided: u64,
    /// Cases in which a record was deleted under a task that was being made.
    pub adrift: u64,
}

impl Orders {
    /// All of another's.
    pub fn add(&mut self, other: &Self) {
        self.cases += other.cases;
        self.operations += other.operations;
        self.nodes += other.nodes;
        self.undecided += other.undecided;
        self.adrift += other.adrift;
    }
}
