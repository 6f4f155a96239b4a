//! What is played: steps with what is right after each, or moves that the model judges.

use std::collections::BTreeSet;

use driver_protocol::Capability;

use crate::checks::Trace;
use crate::model::Move;
use crate::needs::needs_of;
use crate::plot::Plot;
use crate::replay::{Replay, Replayed};
use crate::{Scenario, Step};

/// A case, by its id.
pub(super) struct Case<'s> {
    pub(super) id: String,
    pub(super) course: Course<'s>,
    /// What it came to elsewhere.
    pub(super) reference: Option<Trace>,
    /// Nothing is made to go wrong: of two servers that are held against each other, one may be real.
    pub(super) calm: bool,
}

#[derive(Clone, Copy)]
pub(super) enum Course<'s> {
    Written(&'s [Step]),
    Modelled(&'s [Move]),
    Plotted(&'s Plot),
}

impl<'s> Case<'s> {
    fn of(id: String, course: Course<'s>) -> Self {
        Self { id, course, reference: None, calm: false }
    }

    pub(super) fn named(scenario: &'s Scenario) -> Self {
        Self::of(scenario.case(), Course::Written(&scenario.steps))
    }

    /// The same, with nothing made to go wrong.
    pub(super) fn calm(&self) -> Self {
        Self { calm: true, ..Self::of(self.id.clone(), self.course) }
    }

    /// The same, held against what it came to elsewhere.
    pub(super) fn beside(&self, reference: Trace) -> Self {
        Self { reference: Some(reference), ..self.calm() }
    }

    /// Whether something is to be made to go wrong in it.
    pub(super) fn is_faulty(&self) -> bool {
        let faulty = match self.course {
            Course::Written(_) => false,
            Course::Modelled(moves) => moves.iter().any(|play| matches!(play, Move::Fault(_))),
            Course::Plotted(plot) => !plot.faults.is_empty(),
        };
        faulty && !self.calm
    }

    pub(super) fn of_moves(id: &str, moves: &'s [Move]) -> Self {
        Self::of(id.to_owned(), Course::Modelled(moves))
    }

    pub(super) fn of_plot(id: &str, plot: &'s Plot) -> Self {
        Self::of(id.to_owned(), Course::Plotted(plot))
    }

    pub(super) fn of_replay(id: &str, replay: &'s Replay) -> Self {
        Self::of_drawn(id, &replay.play)
    }

    pub(super) fn of_drawn(id: &str, drawn: &'s Replayed) -> Self {
        match drawn {
            Replayed::Moves(moves) => Self::of_moves(id, moves),
            Replayed::Plot(plot) => Self::of_plot(id, plot),
        }
    }
}

/// Whether a client that can do so much can be asked for a move.
pub(super) fn can(capabilities: &BTreeSet<Capability>, play: &Move) -> bool {
    let cancels = matches!(play, Move::Cancel { .. }).then_some(Capability::Cancel);
    let needs = needs_of(&play.operation());
    needs.iter().chain(&cancels).all(|need| capabilities.contains(need))
}
