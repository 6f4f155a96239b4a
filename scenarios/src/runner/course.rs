//! What is played: steps with what is right after each, or moves that the model judges.

use std::collections::BTreeSet;

use driver_protocol::Capability;

use crate::model::Move;
use crate::needs::needs_of;
use crate::{Scenario, Step};

/// A case, by its id.
pub(super) struct Case<'s> {
    pub(super) id: String,
    pub(super) course: Course<'s>,
}

pub(super) enum Course<'s> {
    Written(&'s [Step]),
    Modelled(&'s [Move]),
}

impl<'s> Case<'s> {
    pub(super) fn named(scenario: &'s Scenario) -> Self {
        Self { id: scenario.case(), course: Course::Written(&scenario.steps) }
    }

    pub(super) fn of_moves(id: &str, moves: &'s [Move]) -> Self {
        Self { id: id.to_owned(), course: Course::Modelled(moves) }
    }
}

/// Whether a client that can do so much can be asked for a move.
pub(super) fn can(capabilities: &BTreeSet<Capability>, play: &Move) -> bool {
    let cancels = matches!(play, Move::Cancel { .. }).then_some(Capability::Cancel);
    let needs = needs_of(&play.operation());
    needs.iter().chain(&cancels).all(|need| capabilities.contains(need))
}
