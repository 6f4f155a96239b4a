//! Where a container is between two steps of an order.

use std::collections::BTreeSet;

use driver_protocol::Lifecycle;

use crate::model::rules::State;
use crate::model::state::Phase;
use crate::model::world::later;

/// A process of a container: an exec, or the first.
pub(super) type Whose = Option<u8>;

/// Where it is.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Default)]
pub(super) struct Spot {
    /// By the model.
    pub state: State,
    /// Execs that are registered, and not started yet.
    pub added: BTreeSet<u8>,
    /// Whose end was told.
    pub told: BTreeSet<Whose>,
    /// Its task outlived its record, or something went wrong: anything may be.
    pub adrift: bool,
}

impl Spot {
    /// All that may become of it by itself, itself first.
    pub(super) fn later(&self) -> Vec<Self> {
        if self.adrift {
            return vec![self.clone()];
        }
        let others = later(&self.state).into_iter().filter(|state| *state != self.state);
        let others = others.map(|state| Self { state, ..self.clone() });
        std::iter::once(self.clone()).chain(others).collect()
    }

    /// The same place with another state: what is gone with it is forgotten.
    pub(super) fn with(&self, state: State) -> Self {
        let mut next = Self { state, ..self.clone() };
        let task = next.state.as_ref().and_then(|container| container.task.as_ref());
        let Some(task) = task else {
            (next.added, next.told) = Default::default();
            return next;
        };
        next.told.retain(|whose| whose.is_none_or(|exec| task.execs.contains_key(&exec)));
        next
    }

    /// Without an exec that was registered and did not come to run, and what was told of it.
    pub(super) fn unregistered(&self, exec: u8) -> Self {
        let mut next = self.clone();
        if next.added.remove(&exec) {
            next.told.remove(&Some(exec));
        }
        next
    }

    pub(super) fn adrift() -> Self {
        Self { adrift: true, ..Self::default() }
    }

    /// After the end of a process was told; `None`: it has not ended so, or it was told before.
    pub(super) fn ended(&self, whose: Whose, status: Option<u32>) -> Option<Self> {
        if self.adrift {
            return Some(self.clone());
        }
        let task = self.state.as_ref()?.task.as_ref()?;
        let so = |end: u32| status.is_none_or(|status| status == end);
        let fits = match whose {
            None => match task.phase {
                Phase::Stopped(end) => so(end),
                Phase::Created | Phase::Running | Phase::Paused => false,
            },
            Some(exec) => {
                self.added.contains(&exec)
                    || task.execs.get(&exec).is_some_and(|exec| exec.exited.is_some_and(so))
            }
        };
        let mut next = self.clone();
        (fits && next.told.insert(whose)).then_some(next)
    }

    /// What the observer sees.
    pub(super) fn seen(&self) -> Option<Lifecycle> {
        let task = self.state.as_ref().and_then(|container| container.task.as_ref())?;
        Some(task.phase.told())
    }
}
