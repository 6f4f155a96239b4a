//! What was asked, when, and what came of it.

use driver_protocol::{Lifecycle, Outcome};

use super::entry::entries;
use super::part::Loose;
use super::search::{Found, Search};
use super::timeline::timeline;
use crate::model::Move;
use crate::model::moves::CONTAINERS;

/// A place among all that was asked and heard.
pub type Slot = u64;

/// One operation of one actor.
#[derive(Clone, Debug)]
pub struct Act {
    /// Whose.
    pub actor: usize,
    /// What was asked.
    pub play: Move,
    /// What was answered.
    pub outcome: Outcome,
    /// When it was asked.
    pub invoked: Slot,
    /// When it was answered.
    pub returned: Slot,
    /// Something was made to go wrong that may have made the answer what it is.
    pub excused: bool,
}

/// Something was made to go wrong by which tasks may end, or the server with them.
#[derive(Clone, Debug)]
pub struct Blow {
    /// In words.
    pub what: String,
    /// From when on it was to happen.
    pub from: Slot,
}

/// The end of a process, as the observer heard it.
#[derive(Clone, Debug)]
pub struct End {
    /// Of which container.
    pub container: u8,
    /// Of which exec; `None`: of the first process.
    pub exec: Option<u8>,
    /// With which status.
    pub status: Option<u32>,
    /// When the observer had heard of it.
    pub seen: Slot,
    /// When the client told of it; it may never have.
    pub heard: Option<Slot>,
}

/// The observer looked at a task.
#[derive(Clone, Debug)]
pub struct Look {
    /// Of which container.
    pub container: u8,
    /// What it saw; `None`: no task.
    pub state: Option<Lifecycle>,
    /// When.
    pub at: Slot,
}

/// All of it.
#[derive(Clone, Debug, Default)]
pub struct History {
    /// What actors did.
    pub acts: Vec<Act>,
    /// What one more did meanwhile.
    pub blows: Vec<Blow>,
    /// How processes ended.
    pub ends: Vec<End>,
    /// What the observer saw while nobody acted.
    pub looks: Vec<Look>,
}

/// What came of looking for an order.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Ordered {
    /// The containers for which there is none, each with what was asked of it, in words.
    pub impossible: Vec<String>,
    /// Those for which it was given up.
    pub undecided: Vec<u8>,
    /// Those of which nobody can say what is left: a task outlived its record, or what went wrong is the
    /// only reason for what was answered.
    pub adrift: Vec<u8>,
    /// How much was tried.
    pub nodes: u64,
}

impl History {
    /// Whether the record of a container was deleted while a task of it was being made: the task may be
    /// there still, though its making was refused.
    fn may_drift(&self, slot: u8) -> bool {
        let about = |act: &&Act| act.play.container() == Some(slot);
        let acts = || self.acts.iter().filter(about);
        let gone =
            |act: &&Act| matches!((&act.play, &act.outcome), (Move::Delete { .. }, Outcome::Ok(_)));
        let made = |act: &&Act| matches!(act.play, Move::Start { .. } | Move::CreateTask { .. });
        acts().filter(gone).any(|delete| {
            let meanwhile =
                |make: &Act| make.invoked < delete.returned && delete.invoked < make.returned;
            acts().filter(made).any(meanwhile)
        })
    }

    /// Whether several were starting or removing the task of a container at once: a real server tells then
    /// of its end twice, and of a birth after it.
    pub fn tells_twice(&self, slot: u8) -> bool {
        let at_it = |act: &&Act| {
            let play = &act.play;
            let does = matches!(
                play,
                Move::Start { .. }
                    | Move::StartTask { .. }
                    | Move::DeleteTask { .. }
                    | Move::ForceDelete { .. }
            );
            does && play.container() == Some(slot)
        };
        let all: Vec<&Act> = self.acts.iter().filter(at_it).collect();
        let overlap =
            |one: &Act, two: &Act| one.invoked < two.returned && two.invoked < one.returned;
        all.iter().enumerate().any(|(place, one)| all[..place].iter().any(|two| overlap(one, two)))
    }

    /// Whether something went wrong that may be the reason for anything about a container.
    fn is_excused(&self, slot: u8) -> bool {
        let about = |act: &Act| act.play.container().is_none_or(|container| container == slot);
        !self.blows.is_empty() || self.acts.iter().any(|act| act.excused && about(act))
    }

    /// Looks for an order, trying so much of each container at most.
    pub fn order(&self, nodes_max: u64) -> Ordered {
        let mut ordered = Ordered::default();
        for slot in 0..CONTAINERS {
            let entries = entries(self, slot);
            let mut search = Search::new(&entries, nodes_max);
            let loose = Loose { deleted: self.may_drift(slot), faults: self.is_excused(slot) };
            let mut found = search.run(Loose::default());
            let mut adrift = loose.deleted;
            // What needs no excuse has none.
            if found == Found::None && loose != Loose::default() {
                found = search.run(loose);
                adrift = true;
            }
            if found == Found::Order && adrift {
                ordered.adrift.push(slot);
            }
            ordered.nodes += search.nodes();
            match found {
                Found::Order => {}
                Found::None => ordered.impossible.push(timeline(slot, &entries, search.furthest())),
                Found::GaveUp => ordered.undecided.push(slot),
            }
        }
        ordered
    }
}
