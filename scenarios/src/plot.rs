//! A plot: what several actors do at once, behind an opening by one.

use std::num::NonZeroU8;

use crate::model::{Move, Trouble};

/// Actors at most.
pub const ACTORS_MAX: u8 = 4;
/// Operations of an actor at most.
pub const ACTS_MAX: usize = 6;
/// Faults at most.
pub(crate) const FAULTS_MAX: usize = 2;

/// How many act at once: 1 to [`ACTORS_MAX`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Actors(NonZeroU8);

impl Actors {
    /// So many; `None` where that is none or too many.
    pub fn new(count: u8) -> Option<Self> {
        NonZeroU8::new(count).filter(|count| count.get() <= ACTORS_MAX).map(Self)
    }

    /// How many.
    pub fn count(self) -> u8 {
        self.0.get()
    }
}

/// A case of several actors.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Plot {
    /// What is done before, one after the other.
    pub opening: Vec<Move>,
    /// What each of them does.
    pub actors: Vec<Vec<Move>>,
    /// What one more does meanwhile: each goes wrong at the next occasion after the opening.
    pub faults: Vec<Trouble>,
    /// Of which it is drawn how long messages take, where that is up to us.
    pub interleave: u64,
}

impl Plot {
    /// Whether a move may be an actor's: those that end the client have no place in an order of what one
    /// client was answered, and what goes wrong is nobody's turn.
    pub fn takes(play: &Move) -> bool {
        !matches!(play, Move::Restart {} | Move::Cancel { .. } | Move::Fault(_))
    }

    /// How many operations it has.
    pub fn acts(&self) -> usize {
        self.opening.len() + self.actors.iter().map(Vec::len).sum::<usize>() + self.faults.len()
    }

    /// Without what real servers do not survive, and how many operations that was: an exec that is started
    /// while its task is paused is frozen half-made with it, and its shim then answers nobody.
    pub fn without_hazards(&self) -> (Self, usize) {
        let execs = |actor: usize, slot: u8| {
            let others = self.actors.iter().enumerate().filter(|(other, _)| *other != actor);
            let starts = |play: &Move| matches!(play, Move::Exec { c, .. } if *c == slot);
            others.flat_map(|(_, moves)| moves).any(starts)
        };
        let mut safe = self.clone();
        for (actor, moves) in safe.actors.iter_mut().enumerate() {
            moves.retain(|play| !matches!(play, Move::Pause { c } if execs(actor, *c)));
        }
        let dropped = self.acts() - safe.acts();
        (safe, dropped)
    }

    /// The slots of its containers.
    pub fn containers(&self) -> std::collections::BTreeSet<u8> {
        let all = self.opening.iter().chain(self.actors.iter().flatten());
        all.filter_map(Move::container).collect()
    }

    /// The same without one of its operations or faults, counted through; `None`: it has not so many.
    pub fn without(&self, number: usize) -> Option<Self> {
        let mut rest = self.clone();
        let mut number = number;
        for moves in std::iter::once(&mut rest.opening).chain(&mut rest.actors) {
            if number < moves.len() {
                moves.remove(number);
                rest.actors.retain(|moves| !moves.is_empty());
                return Some(rest);
            }
            number -= moves.len();
        }
        (number < rest.faults.len()).then(|| {
            rest.faults.remove(number);
            rest
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn there_are_one_to_four_actors() {
        let counts: Vec<Option<u8>> =
            (0..=5).map(|count| Actors::new(count).map(Actors::count)).collect();
        assert_eq!(counts, [None, Some(1), Some(2), Some(3), Some(4), None]);
    }

    #[test]
    fn who_pauses_what_another_starts_execs_in_does_not_where_that_is_a_hazard() {
        let (c, e, process) = (0, 0, crate::model::Program::Sleeps);
        let (pause, exec) = (Move::Pause { c }, Move::Exec { c, e, process });
        let plot = |actors| Plot { actors, ..Plot::default() };
        let meeting = plot(vec![vec![pause.clone(), Move::Status { c }], vec![exec.clone()]]);
        let (safe, dropped) = meeting.without_hazards();
        assert_eq!((safe.actors[0].clone(), dropped), (vec![Move::Status { c }], 1));
        let apart = plot(vec![vec![exec, pause.clone()], vec![Move::Pause { c: 1 }, pause]]);
        let (safe, dropped) = apart.without_hazards();
        assert_eq!((safe.actors[0].len(), safe.actors[1].len(), dropped), (2, 1, 1));
    }

    #[test]
    fn a_plot_without_one_operation_has_one_less_and_nobody_who_does_nothing() {
        let (c, process) = (0, crate::model::Program::Sleeps);
        let plot = Plot {
            opening: vec![Move::Create { c, process }],
            actors: vec![vec![Move::Start { c }], vec![Move::Start { c }, Move::Pause { c }]],
            faults: vec![Trouble::Cut { cut: "connection".into(), after: "Tasks/Pause".into() }],
            interleave: 7,
        };
        assert_eq!(plot.without(0).map(|rest| rest.opening), Some(vec![]));
        assert_eq!(plot.without(1).map(|rest| rest.actors.len()), Some(1));
        assert_eq!(
            plot.without(3).map(|rest| rest.actors[1].clone()),
            Some(vec![Move::Start { c }])
        );
        assert_eq!(plot.without(4).map(|rest| rest.faults), Some(vec![]));
        assert_eq!(plot.without(5), None);
        assert_eq!((plot.acts(), plot.containers()), (5, [0].into()));
    }
}
