//! What is put in order for one container, and what must come before what.

use driver_protocol::{Lifecycle, Ok as Done, Outcome};

use super::history::{Act, End, History, Slot};
use super::meanwhile::Meanwhile;
use super::part::{self, Loose, Stage};
use super::spot::{Spot, Whose};
use crate::model::moves::container_id;
use crate::model::{KILL, Move};

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
            Some(Entry::of(deed, act.invoked, act.until(), None))
        })
        .collect();
    for blow in &history.blows {
        // Nobody is told when it is over.
        entries.push(Entry::of(Deed::Blow(&blow.what), blow.from, Slot::MAX, None));
    }
    let twice = history.tells_twice(slot);
    let mut told: Vec<&End> = Vec::new();
    for end in history.ends.iter().filter(|end| end.container == slot) {
        // Whoever cleans up tells the status with which it would have killed.
        let again = |one: &&End| {
            one.exec == end.exec && (one.status == end.status || end.status == Some(128 + KILL))
        };
        if twice && told.iter().any(again) {
            continue;
        }
        told.push(end);
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
        return Some(Deed::Act(act, Meanwhile::of(history, act)));
    }
    match (&act.play, &act.outcome) {
        (Move::StatsAll {}, Outcome::Ok(Done::StatsAll { found })) => {
            Some(Deed::Counted(act, found.contains(&container_id(slot))))
        }
        (Move::StatsAll {}, _) if slot == 0 => Some(Deed::Refused(act)),
        _ => None,
    }
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
                let crossed =
                    (meanwhile.contested && act.removes()) || (meanwhile.turned && act.turns());
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

#[cfg(test)]
mod tests {
    use super::super::tests::{Answer, C, CREATED, RUNNING, STOPPED, TAKEN, WRONG_STATE, act};
    use super::{Entry, Slot, entries};
    use crate::model::linear::{End, History, Look};
    use crate::model::{Move, Program};

    fn exec(c: u8, e: u8) -> Move {
        Move::Exec { c, e, process: Program::Sleeps }
    }

    fn end(exec: Option<u8>, status: u32, seen: Slot, heard: Option<Slot>) -> End {
        End { container: C, exec, status: Some(status), seen, heard }
    }

    /// How many must come before what is asked last.
    fn before(history: &History) -> usize {
        entries(history, C).last().expect("something was asked").before.len()
    }

    /// Whether one that was answered must come before another that is asked later.
    fn comes_first(one: (Move, Answer), other: (Move, Answer)) -> bool {
        let acts = vec![act(1, one.0, one.1, 10, 11), act(2, other.0, other.1, 20, 21)];
        before(&History { acts, ..History::default() }) == 1
    }

    #[test]
    fn a_client_that_tells_by_itself_has_learned_what_it_was_answered_of_the_same_thing() {
        let status = || (Move::Status { c: C }, RUNNING);
        let ended = || (Move::ExitStatus { c: C }, Answer::Exit(0));
        let exec_ended = || (Move::ExecExitStatus { c: C, e: 0 }, Answer::Exit(0));
        let refused = || (exec(C, 0), TAKEN);
        let create = Move::Create { c: C, process: Program::Sleeps };
        // By what is told next: the state, the exit, the exit of an exec, why an exec is refused.
        let all = [true; 4];
        let of_task = [true, true, false, true];
        let of_exec = [false, false, true, true];
        let nothing = [false; 4];
        for (play, answer, expected) in [
            (create.clone(), Answer::Ok, all),
            (create, TAKEN, nothing),
            (Move::CreateTask { c: C }, Answer::Ok, all),
            (Move::Start { c: C }, Answer::Ok, all),
            (Move::DeleteTask { c: C }, Answer::Exit(0), all),
            (Move::ForceDelete { c: C }, Answer::Exit(0), all),
            (Move::Delete { c: C }, Answer::Ok, all),
            (Move::Load { c: C }, CREATED, of_task),
            (Move::Load { c: C }, Answer::State(None), nothing),
            (Move::StartTask { c: C }, Answer::Ok, of_task),
            (Move::Pause { c: C }, Answer::Ok, of_task),
            (Move::Pause { c: C }, WRONG_STATE, nothing),
            (Move::Resume { c: C }, Answer::Ok, of_task),
            (Move::Wait { c: C }, Answer::Exit(0), of_task),
            (Move::Status { c: C }, STOPPED, [true, false, false, true]),
            (Move::ExitStatus { c: C }, Answer::Exit(0), of_task),
            (exec(C, 0), Answer::Ok, of_exec),
            (exec(C, 1), Answer::Ok, nothing),
            (Move::DeleteExec { c: C, e: 0 }, Answer::Exit(0), of_exec),
            (Move::ExecWait { c: C, e: 0 }, Answer::Exit(0), of_exec),
            (Move::ExecExitStatus { c: C, e: 0 }, Answer::Exit(0), of_exec),
            (Move::ExecExitStatus { c: C, e: 1 }, Answer::Exit(0), nothing),
            (Move::Kill { c: C, signal: 9 }, Answer::Ok, nothing),
        ] {
            let found = [status(), ended(), exec_ended(), refused()]
                .map(|told| comes_first((play.clone(), answer), told));
            assert_eq!(found, expected, "{play:?}, {answer:?}");
            let asks = (Move::Pids { c: C }, Answer::Ok);
            assert!(
                comes_first((play.clone(), answer), asks),
                "{play:?} before who asks the server"
            );
        }
    }

    #[test]
    fn whose_answers_may_have_crossed_has_not_learned_which_came_last() {
        let (delete, force) = (Move::DeleteTask { c: C }, Move::ForceDelete { c: C });
        let (create, wait) = (Move::CreateTask { c: C }, Move::Wait { c: C });
        let (pause, resume) = (Move::Pause { c: C }, Move::Resume { c: C });
        let status = || act(3, Move::Status { c: C }, RUNNING, 30, 31);
        let pids = || act(3, Move::Pids { c: C }, Answer::Ok, 30, 31);
        for (one, other, learned) in [
            (&delete, &create, 1),
            (&force, &create, 1),
            (&pause, &resume, 0),
            (&wait, &create, 2),
            (&wait, &pause, 2),
        ] {
            let then = |last| {
                let other = act(2, other.clone(), Answer::Ok, 12, 18);
                let acts = vec![act(1, one.clone(), Answer::Exit(0), 10, 20), other, last];
                before(&History { acts, ..History::default() })
            };
            assert_eq!(then(status()), learned, "{one:?} and {other:?}");
            assert_eq!(then(pids()), 2, "the server knows");
        }
    }

    #[test]
    fn a_client_knows_an_end_from_when_it_told_of_it() {
        let first = |exec, heard: Option<Slot>, play: &Move, answer| {
            let acts = vec![act(1, play.clone(), answer, 20, 21)];
            before(&History { acts, ends: vec![end(exec, 0, 12, heard)], ..History::default() })
                == 1
        };
        let status = Move::Status { c: C };
        let exec_ended = Move::ExecExitStatus { c: C, e: 0 };
        let pids = Move::Pids { c: C };
        for (exec, heard, of_task, of_exec) in [
            (None, Some(15), true, true),
            (None, Some(20), false, false),
            (None, Some(25), false, false),
            (None, None, false, false),
            (Some(0), Some(15), false, true),
            (Some(0), None, false, false),
        ] {
            let told = [(&status, STOPPED), (&exec_ended, Answer::Exit(0))]
                .map(|(play, answer)| first(exec, heard, play, answer));
            assert_eq!(told, [of_task, of_exec], "the end of {exec:?}, told at {heard:?}");
            assert!(first(exec, heard, &pids, Answer::Ok), "the observer had heard of it");
        }
    }

    #[test]
    fn ends_of_one_process_come_in_the_order_in_which_they_were_heard() {
        let ends = [(None, 10), (Some(0), 20), (None, 30), (None, 30)];
        let ends = ends.map(|(exec, seen)| end(exec, 0, seen, None)).to_vec();
        let history = History { ends, ..History::default() };
        let before: Vec<Vec<usize>> =
            entries(&history, C).into_iter().map(|entry| entry.before).collect();
        assert_eq!(before, [vec![], vec![], vec![0], vec![0]]);
    }

    #[test]
    fn what_the_observer_looked_at_no_client_has_learned_and_the_server_has() {
        let looks = vec![Look { container: C, state: None, at: 10 }];
        let after = |play, answer| {
            let acts = vec![act(1, play, answer, 20, 21)];
            before(&History { acts, looks: looks.clone(), ..History::default() })
        };
        assert_eq!(after(Move::Status { c: C }, RUNNING), 0);
        assert_eq!(after(Move::Pids { c: C }, Answer::Ok), 1);
    }

    #[test]
    fn an_end_that_is_told_again_is_one_where_two_were_at_the_task() {
        let ends = |invoked| {
            let start = act(1, Move::StartTask { c: C }, Answer::Ok, 10, 20);
            let delete = act(2, Move::DeleteTask { c: C }, Answer::Exit(0), invoked, 40);
            let ends = [(0, 25), (0, 26), (1, 27)];
            let ends = ends.map(|(status, seen)| end(None, status, seen, None)).to_vec();
            let history = History { acts: vec![start, delete], ends, ..History::default() };
            let is_end = |entry: &Entry<'_>| matches!(entry.deed, super::Deed::End(..));
            entries(&history, C).iter().filter(|entry| is_end(entry)).count()
        };
        assert_eq!(ends(15), 2);
        assert_eq!(ends(30), 3, "one after the other each end is one");
    }
}
