//! The execs of one task: running and finished, for whoever inspects it.

use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;

use super::Incarnation;
use super::lineage::Lineage;

/// How many finished execs of a task stay listed.
pub(crate) const FINISHED_MAX: usize = 128;

#[derive(Debug, Default)]
pub(crate) struct Execs {
    by_id: BTreeMap<String, Lineage>,
    finished: VecDeque<String>,
}

impl Execs {
    pub(super) fn lineage(&mut self, id: &str) -> &mut Lineage {
        if !self.by_id.contains_key(id) {
            self.by_id.insert(id.to_owned(), Lineage::default());
        }
        self.by_id.get_mut(id).expect("it was inserted if it was not there")
    }

    pub(super) fn get(&self, id: &str) -> Option<&Lineage> {
        self.by_id.get(id)
    }

    /// The latest bearer of each id.
    pub(super) fn all(&self) -> impl Iterator<Item = &Arc<Incarnation>> {
        self.by_id.values().filter_map(Lineage::latest)
    }

    /// All lineages.
    pub(super) fn lineages(&mut self) -> impl Iterator<Item = &mut Lineage> {
        self.by_id.values_mut()
    }

    /// One more has finished: the oldest of too many is listed no more, unless it lives again.
    pub(super) fn finished(&mut self, id: &str) {
        self.finished.push_back(id.to_owned());
        if self.finished.len() <= FINISHED_MAX {
            return;
        }
        let Some(oldest) = self.finished.pop_front() else { return };
        let again = self.finished.contains(&oldest);
        let lives = |lineage: &Lineage| lineage.latest().is_some_and(|latest| latest.lives());
        if !again && !self.by_id.get(&oldest).is_some_and(lives) {
            self.by_id.remove(&oldest);
        }
    }
}
