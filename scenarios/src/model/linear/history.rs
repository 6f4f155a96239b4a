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

impl Act {
    /// Whether it was under way while another was.
    pub(super) fn overlaps(&self, other: &Self) -> bool {
        self.invoked < other.returned && other.invoked < self.returned
    }
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
        acts().filter(gone).any(|delete| acts().filter(made).any(|make| make.overlaps(delete)))
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
        all.iter().enumerate().any(|(place, one)| all[..place].iter().any(|two| one.overlaps(two)))
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

#[cfg(test)]
mod tests {
    use super::super::tests::{ABSENT, Answer, C, RUNNING, TAKEN, act};
    use super::{Act, Blow, History, Move};
    use crate::model::Program;

    #[test]
    fn what_is_over_when_another_begins_does_not_overlap_it() {
        let at = |invoked, returned| act(1, Move::Pids { c: C }, Answer::Ok, invoked, returned);
        let one = at(10, 20);
        for (invoked, returned, overlaps) in [
            (1, 9, false),
            (1, 10, false),
            (1, 11, true),
            (12, 14, true),
            (1, 30, true),
            (19, 30, true),
            (20, 30, false),
            (21, 30, false),
        ] {
            let other = at(invoked, returned);
            assert_eq!(one.overlaps(&other), overlaps, "{invoked} to {returned}");
            assert_eq!(other.overlaps(&one), overlaps, "{invoked} to {returned}, the other way");
        }
    }

    #[test]
    fn an_end_may_be_told_twice_where_two_start_or_remove_one_task_at_once() {
        let start = Move::Start { c: C };
        let twice = |one: &Move, two: &Move, invoked| {
            let one = act(1, one.clone(), Answer::Ok, 10, 20);
            let two = act(2, two.clone(), TAKEN, invoked, 30);
            History { acts: vec![one, two], ..History::default() }.tells_twice(C)
        };
        for (play, does) in [
            (Move::Start { c: C }, true),
            (Move::StartTask { c: C }, true),
            (Move::DeleteTask { c: C }, true),
            (Move::ForceDelete { c: C }, true),
            (Move::CreateTask { c: C }, false),
            (Move::Status { c: C }, false),
            (Move::Start { c: C + 1 }, false),
        ] {
            assert_eq!(twice(&start, &play, 15), does, "{play:?} meanwhile");
            assert!(!twice(&start, &play, 25), "{play:?} later");
        }
        let pids = Move::Pids { c: C };
        assert!(!twice(&pids, &pids, 15), "neither starts or removes it");
        let other = Move::Start { c: C + 1 };
        assert!(!twice(&other, &other, 15), "it is another's");
    }

    #[test]
    fn without_an_excuse_an_order_is_looked_for_once() {
        let status = act(1, Move::Status { c: C }, RUNNING, 10, 11);
        let create = Move::Create { c: C + 1, process: Program::Sleeps };
        let other = Act { excused: true, ..act(2, create, Answer::Ok, 10, 11) };
        let alone = History { acts: vec![status.clone()], ..History::default() };
        assert_eq!(alone.order(10).nodes, 1);
        let beside = History { acts: vec![status, other], ..History::default() };
        let ordered = beside.order(10);
        // One of them is the other container's.
        assert_eq!((ordered.impossible.len(), ordered.nodes), (1, 2));
        let blows = vec![Blow { what: "a shim".into(), from: 20 }];
        let ordered = History { blows, ..alone }.order(10);
        // Twice, and what went wrong is put in order, too.
        assert_eq!((ordered.impossible.len(), ordered.nodes), (1, 4), "it came later");
    }

    #[test]
    fn a_record_is_deleted_under_its_task_only_where_that_is_made_meanwhile() {
        let drifts = |made: Move, answer, deleted: Move, at| {
            let make = act(1, made, Answer::Ok, 10, 20);
            let delete = act(2, deleted, answer, at, at + 5);
            History { acts: vec![make, delete], ..History::default() }.may_drift(C)
        };
        let delete = |c| Move::Delete { c };
        assert!(drifts(Move::Start { c: C }, Answer::Ok, delete(C), 15));
        assert!(drifts(Move::CreateTask { c: C }, Answer::Ok, delete(C), 15));
        assert!(!drifts(Move::StartTask { c: C }, Answer::Ok, delete(C), 15), "it was made before");
        assert!(!drifts(Move::Start { c: C }, Answer::Ok, delete(C), 25), "not meanwhile");
        assert!(!drifts(Move::Start { c: C }, ABSENT, delete(C), 15), "it was not deleted");
        assert!(!drifts(Move::Start { c: C }, Answer::Ok, delete(C + 1), 15), "another was");
        assert!(!drifts(Move::Start { c: C + 1 }, Answer::Ok, delete(C + 1), 15), "of another");
    }
}
