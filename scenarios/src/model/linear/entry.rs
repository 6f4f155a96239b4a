//! What is put in order for one container, and what must come before what.

use driver_protocol::{Lifecycle, Ok as Done, Outcome};

use super::history::{Act, History, Slot};
use super::part::{self, Loose, Meanwhile, Stage};
use super::spot::{Spot, Whose};
use crate::model::Move;
use crate::model::moves::container_id;

/// What is put in order.
#[derive(Clone, Debug)]
pub(super) enum Deed<'h> {
    /// An operation, and what others did meanwhile.
    Act(&'h Act, Meanwhile),
    /// An operation on all containers was refused: there is no reason for that but what went wrong.
    Refused(&'h Act),
    /// What an operation on all containers found of this one: whether there is a task.
    Counted(&'h Act, bool),
    /// Something was made to go wrong.
    Blow(&'h str),
    /// A process has ended.
    End(Whose, Option<u32>),
    /// The observer saw the task.
    Look(Option<Lifecycle>),
}

#[derive(Clone, Debug)]
pub(super) struct Entry<'h> {
    pub(super) deed: Deed<'h>,
    pub(super) invoked: Slot,
    pub(super) returned: Slot,
    /// When the client told of it, if ever.
    heard: Option<Slot>,
    /// Those that must come before it, by place.
    pub(super) before: Vec<usize>,
}

/// All that is about one container.
pub(super) fn entries(history: &History, slot: u8) -> Vec<Entry<'_>> {
    let mut entries: Vec<Entry<'_>> = history
        .acts
        .iter()
        .filter_map(|act| {
            let deed = deed(history, act, slot)?;
            Some(Entry::of(deed, act.invoked, act.returned, None))
        })
        .collect();
    for blow in &history.blows {
        // Nobody is told when it is over.
        entries.push(Entry::of(Deed::Blow(&blow.what), blow.from, Slot::MAX, None));
    }
    let twice = history.tells_twice(slot);
    let mut told = Vec::new();
    for end in history.ends.iter().filter(|end| end.container == slot) {
        if twice && told.contains(&(end.exec, end.status)) {
            continue;
        }
        told.push((end.exec, end.status));
        let deed = Deed::End(end.exec, end.status);
        entries.push(Entry::of(deed, 0, end.seen, end.heard));
    }
    for look in history.looks.iter().filter(|look| look.container == slot) {
        let deed = Deed::Look(look.state);
        entries.push(Entry::of(deed, look.at, look.at, None));
    }
    entries.sort_by_key(|entry| entry.returned);
    let before: Vec<Vec<usize>> = entries
        .iter()
        .map(|entry| {
            let must = |other: &Entry<'_>| other.precedes(entry);
            let all = entries.iter().enumerate();
            all.filter(|(_, other)| must(other)).map(|(place, _)| place).collect()
        })
        .collect();
    for (entry, before) in entries.iter_mut().zip(before) {
        entry.before = before;
    }
    entries
}

fn deed<'h>(history: &'h History, act: &'h Act, slot: u8) -> Option<Deed<'h>> {
    if act.play.container() == Some(slot) {
        return Some(Deed::Act(act, meanwhile(history, act)));
    }
    match (&act.play, &act.outcome) {
        (Move::StatsAll {}, Outcome::Ok(Done::StatsAll { found })) => {
            Some(Deed::Counted(act, found.contains(&container_id(slot))))
        }
        (Move::StatsAll {}, _) if slot == 0 => Some(Deed::Refused(act)),
        _ => None,
    }
}

/// What others did to the same task while it was under way.
fn meanwhile(history: &History, act: &Act) -> Meanwhile {
    let overlaps = |other: &&Act| {
        !std::ptr::eq(*other, act)
            && other.play.container() == act.play.container()
            && act.invoked < other.returned
            && other.invoked < act.returned
    };
    let makes = |play: &Move| matches!(play, Move::Start { .. } | Move::CreateTask { .. });
    let mut meanwhile = Meanwhile { astray: is_astray(history, act), ..Meanwhile::default() };
    for other in history.acts.iter().filter(overlaps) {
        meanwhile.contested |= makes(&other.play) || removes(&other.play);
        meanwhile.removed |= removes(&other.play) && matches!(other.outcome, Outcome::Ok(_));
        meanwhile.turned |= turns(&other.play);
        meanwhile.frozen |= matches!(other.play, Move::KillAll { .. });
        let same = other.play.exec().is_some() && other.play.exec() == act.play.exec();
        meanwhile.registering |= same && matches!(other.play, Move::Exec { .. });
    }
    meanwhile
}

/// Whether the exec that an operation is about was asked for while its task was removed.
fn is_astray(history: &History, act: &Act) -> bool {
    let same = |other: &&Act| {
        other.play.container() == act.play.container() && other.play.exec() == act.play.exec()
    };
    let asked =
        |other: &&Act| matches!(other.play, Move::Exec { .. }) && other.invoked < act.invoked;
    let removed = |exec: &Act| {
        history.acts.iter().any(|other| {
            let overlaps = exec.invoked < other.returned && other.invoked < exec.returned;
            let of_it = other.play.container() == exec.play.container();
            of_it && overlaps && removes(&other.play) && matches!(other.outcome, Outcome::Ok(_))
        })
    };
    act.play.exec().is_some() && history.acts.iter().filter(same).filter(asked).any(removed)
}

impl<'h> Entry<'h> {
    fn of(deed: Deed<'h>, invoked: Slot, returned: Slot, heard: Option<Slot>) -> Self {
        Self { deed, invoked, returned, heard, before: Vec::new() }
    }

    /// Whether it must come before another: it was over when that began. What a client tells by itself
    /// comes after what it had learned, and that only.
    fn precedes(&self, other: &Entry<'_>) -> bool {
        if let (Deed::End(one, _), Deed::End(two, _)) = (&self.deed, &other.deed) {
            // Of one process after the other they are told.
            return one == two && self.returned < other.returned;
        }
        let Deed::Act(told, _) = &other.deed else { return self.returned < other.invoked };
        let learned = match &self.deed {
            _ if !tells(told) => Some(self.returned),
            Deed::Act(act, meanwhile) => {
                let crossed = (meanwhile.contested && removes(&act.play))
                    || (meanwhile.turned && turns(&act.play));
                (teaches(act, told) && !crossed).then_some(self.returned)
            }
            Deed::End(whose, _) => {
                self.heard.filter(|_| whose.is_none() || told.play.exec().is_some())
            }
            Deed::Refused(_) | Deed::Counted(..) | Deed::Look(_) | Deed::Blow(_) => None,
        };
        learned.is_some_and(|learned| learned < other.invoked)
    }

    /// Whether it leaves all as it is, however it comes about.
    pub(super) fn changes_nothing(&self) -> bool {
        match &self.deed {
            Deed::Counted(..) | Deed::Look(_) => true,
            Deed::End(..) | Deed::Refused(_) | Deed::Blow(_) => false,
            // What went wrong may have left anything.
            Deed::Act(act, _) if act.excused => false,
            Deed::Act(act, _) => match act.play {
                Move::Start { .. }
                | Move::Exec { .. }
                | Move::ForceDelete { .. }
                | Move::Delete { .. } => false,
                Move::Status { .. }
                | Move::ExitStatus { .. }
                | Move::ExecExitStatus { .. }
                | Move::Wait { .. }
                | Move::ExecWait { .. }
                | Move::Pids { .. }
                | Move::Stats { .. } => true,
                _ => matches!(act.outcome, Outcome::Error(_)),
            },
        }
    }

    /// What may come of it at a place.
    pub(super) fn next(&self, stage: Option<Stage>, spot: &Spot, loose: Loose) -> Vec<part::Next> {
        let same = |fits: bool| fits.then(|| (None, spot.clone())).into_iter().collect();
        match &self.deed {
            Deed::Act(act, meanwhile) => part::next((act, *meanwhile), stage, spot, loose),
            Deed::Refused(act) => same(act.excused && loose.faults),
            Deed::Counted(act, found) => {
                let excused = act.excused && loose.faults;
                same(excused || spot.adrift || spot.seen().is_some() == *found)
            }
            Deed::Blow(_) => {
                let mut next: Vec<part::Next> = same(true);
                next.extend(loose.faults.then(|| (None, Spot::adrift())));
                next
            }
            Deed::End(whose, status) => {
                spot.ended(*whose, *status).map(|next| (None, next)).into_iter().collect()
            }
            Deed::Look(state) => same(spot.adrift || spot.seen() == *state),
        }
    }
}

fn removes(play: &Move) -> bool {
    matches!(play, Move::DeleteTask { .. } | Move::ForceDelete { .. })
}

fn turns(play: &Move) -> bool {
    matches!(play, Move::Pause { .. } | Move::Resume { .. })
}

/// Whether its client knows more, once it is answered, of what it tells with another.
fn teaches(act: &Act, told: &Act) -> bool {
    let Outcome::Ok(done) = &act.outcome else { return false };
    let one_life = match act.play {
        // Whether a task is there, and all its execs with it.
        Move::Create { .. }
        | Move::CreateTask { .. }
        | Move::Start { .. }
        | Move::DeleteTask { .. }
        | Move::ForceDelete { .. }
        | Move::Delete { .. } => return true,
        // What is gone without a known end is waited for a little longer.
        Move::Load { .. } => matches!(done, Done::Load(found) if found.task.is_some()),
        Move::StartTask { .. } | Move::Pause { .. } | Move::Resume { .. } | Move::Wait { .. } => {
            true
        }
        // How it ended is told by another than whether it has.
        Move::Status { .. } => !matches!(told.play, Move::ExitStatus { .. }),
        Move::ExitStatus { .. } => true,
        Move::Exec { e, .. }
        | Move::DeleteExec { e, .. }
        | Move::ExecWait { e, .. }
        | Move::ExecExitStatus { e, .. } => return told.play.exec() == Some(e),
        _ => false,
    };
    // Of an exec that there is the state of its task says nothing.
    let of_task = told.play.exec().is_none() || matches!(told.play, Move::Exec { .. });
    one_life && of_task
}

/// Whether a client may have answered it by what it knows.
fn tells(act: &Act) -> bool {
    let reads = matches!(
        act.play,
        Move::Status { .. } | Move::ExitStatus { .. } | Move::ExecExitStatus { .. }
    );
    reads || matches!(act.outcome, Outcome::Error(_))
}
