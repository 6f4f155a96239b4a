//! The search for an order: depth first, with a memory of what was tried, and a limit.

use std::collections::HashSet;

use super::entry::Entry;
use super::part::{Loose, Stage};
use super::spot::Spot;

/// Entries of one container that an order can be looked for.
const ENTRIES_MAX: usize = 64;

/// What came of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Found {
    /// There is one.
    Order,
    /// There is none.
    None,
    /// There may be one: the limit was reached.
    GaveUp,
}

/// How far an order has come.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Default)]
struct Place {
    /// A bit for each entry.
    done: u64,
    /// Those of several parts that have begun, by entry.
    begun: Vec<(usize, Stage)>,
    spot: Spot,
}

pub(super) struct Search<'s> {
    entries: &'s [Entry<'s>],
    nodes: u64,
    nodes_max: u64,
    tried: HashSet<Place>,
    furthest: u64,
}

impl<'s> Search<'s> {
    pub(super) fn new(entries: &'s [Entry<'s>], nodes_max: u64) -> Self {
        Self { entries, nodes: 0, nodes_max, tried: HashSet::new(), furthest: 0 }
    }

    pub(super) fn nodes(&self) -> u64 {
        self.nodes
    }

    /// Which entries were in order where most of them were.
    pub(super) fn furthest(&self) -> u64 {
        self.furthest
    }

    /// Looks for an order.
    pub(super) fn run(&mut self, loose: Loose) -> Found {
        if self.entries.len() > ENTRIES_MAX {
            return Found::GaveUp;
        }
        self.tried.clear();
        let mut open = vec![Place::default()];
        while let Some(place) = open.pop() {
            if place.done.count_ones() > self.furthest.count_ones() {
                self.furthest = place.done;
            }
            if place.done.count_ones() as usize == self.entries.len() {
                return Found::Order;
            }
            if !self.tried.insert(place.clone()) {
                continue;
            }
            self.nodes += 1;
            if self.nodes > self.nodes_max {
                return Found::GaveUp;
            }
            self.open_next(&place, loose, &mut open);
        }
        Found::None
    }

    /// Puts all that may come next on the pile; what returned first is tried first.
    fn open_next(&self, place: &Place, loose: Loose, open: &mut Vec<Place>) {
        let from = open.len();
        for (number, entry) in self.entries.iter().enumerate() {
            let done = |other: &usize| place.done >> other & 1 == 1;
            if done(&number) || !entry.before.iter().all(done) {
                continue;
            }
            let stage = place.begun.iter().find(|(one, _)| *one == number).map(|(_, stage)| *stage);
            for spot in place.spot.later() {
                for (stage, left) in entry.next(stage, &spot, loose) {
                    let next = place.after(number, stage, left);
                    if entry.changes_nothing() && next.spot == place.spot {
                        // Whatever order there is, this may come first.
                        open.truncate(from);
                        open.push(next);
                        return;
                    }
                    open.push(next);
                }
            }
        }
        open[from..].reverse();
    }
}

impl Place {
    fn after(&self, number: usize, stage: Option<Stage>, spot: Spot) -> Self {
        let mut next = Self { done: self.done, begun: self.begun.clone(), spot };
        next.begun.retain(|(one, _)| *one != number);
        match stage {
            None => next.done |= 1 << number,
            Some(stage) => next.begun.push((number, stage)),
        }
        next.begun.sort();
        next
    }
}
