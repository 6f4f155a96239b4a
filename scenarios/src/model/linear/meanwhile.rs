//! What others did to the same task while an operation was under way.

use driver_protocol::Outcome;

use super::history::{Act, History, Slot};
use super::part::NOBODY_ANSWERS;
use crate::model::Move;

/// What they did.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Meanwhile {
    /// They were making or removing it.
    pub(super) contested: bool,
    /// They removed it.
    pub(super) removed: bool,
    /// They signalled all of it, for which it is frozen for a moment.
    pub(super) frozen: bool,
    /// They paused or resumed it.
    pub(super) turned: bool,
    /// They were registering an exec of the same id.
    pub(super) registering: bool,
    /// The exec that it is about was asked for while they removed its task: it may be one of the next.
    pub(super) astray: bool,
}

impl Meanwhile {
    pub(super) fn of(history: &History, act: &Act) -> Self {
        let others = |other: &&Act| {
            !std::ptr::eq(*other, act) && other.play.container() == act.play.container()
        };
        let makes = |play: &Move| matches!(play, Move::Start { .. } | Move::CreateTask { .. });
        let mut meanwhile = Self { astray: is_astray(history, act), ..Self::default() };
        for other in history.acts.iter().filter(others) {
            meanwhile.removed |= other.may_remove_during(act);
            if !act.overlaps(other) {
                continue;
            }
            meanwhile.contested |= makes(&other.play) || other.removes();
            meanwhile.turned |= other.turns();
            meanwhile.frozen |= matches!(other.play, Move::KillAll { .. });
            let same = other.play.exec() == act.play.exec();
            meanwhile.registering |= same && matches!(other.play, Move::Exec { .. });
        }
        meanwhile
    }
}

/// Whether the exec that an operation is about was asked for while its task was removed.
fn is_astray(history: &History, act: &Act) -> bool {
    let same = |other: &&Act| {
        other.play.container() == act.play.container() && other.play.exec() == act.play.exec()
    };
    let asked =
        |other: &&Act| matches!(other.play, Move::Exec { .. }) && other.invoked < act.invoked;
    let removed = |exec: &Act| {
        let of_it = |other: &&Act| other.play.container() == exec.play.container();
        history.acts.iter().filter(of_it).any(|other| other.may_remove_during(exec))
    };
    history.acts.iter().filter(same).filter(asked).any(removed)
}

impl Act {
    /// Whether it is to remove the task.
    pub(super) fn removes(&self) -> bool {
        matches!(self.play, Move::DeleteTask { .. } | Move::ForceDelete { .. })
    }

    /// Whether it is to pause or resume it.
    pub(super) fn turns(&self) -> bool {
        matches!(self.play, Move::Pause { .. } | Move::Resume { .. })
    }

    /// Until when it may take effect. Who removes a task and is told that nobody answers does not know when it
    /// is gone: the server still cleans up after the shim.
    pub(super) fn until(&self) -> Slot {
        if self.goes_unanswered() { Slot::MAX } else { self.returned }
    }

    fn goes_unanswered(&self) -> bool {
        self.removes() && !self.excused && NOBODY_ANSWERS.is(&self.outcome)
    }

    fn may_remove_during(&self, other: &Self) -> bool {
        let done = matches!(self.outcome, Outcome::Ok(_)) || self.goes_unanswered();
        done && self.removes() && self.invoked < other.returned && other.invoked < self.until()
    }
}

#[cfg(test)]
mod tests {
    use super::super::tests::{ABSENT, Answer, C, RUNNING, TAKEN, WRONG_STATE, act};
    use super::{Act, History, Meanwhile, NOBODY_ANSWERS};
    use crate::model::{Move, Program};

    /// What is so, by name.
    fn words(found: Meanwhile) -> Vec<&'static str> {
        let Meanwhile { contested, removed, frozen, turned, registering, astray } = found;
        let all = [
            (contested, "contested"),
            (removed, "removed"),
            (frozen, "frozen"),
            (turned, "turned"),
            (registering, "registering"),
            (astray, "astray"),
        ];
        all.into_iter().filter(|(so, _)| *so).map(|(_, word)| word).collect()
    }

    /// What the first of them met.
    fn met(acts: Vec<Act>) -> Vec<&'static str> {
        let history = History { acts, ..History::default() };
        words(Meanwhile::of(&history, &history.acts[0]))
    }

    fn exec(c: u8, e: u8) -> Move {
        Move::Exec { c, e, process: Program::Sleeps }
    }

    #[test]
    fn what_others_asked_of_the_same_task_meanwhile_is_known() {
        let status = Move::Status { c: C };
        let kill = |e| Move::ExecKill { c: C, e, signal: 9 };
        for (play, other, answer, expected) in [
            (&status, Move::CreateTask { c: C }, TAKEN, &["contested"][..]),
            (&status, Move::Start { c: C }, Answer::Ok, &["contested"]),
            (&status, Move::DeleteTask { c: C }, WRONG_STATE, &["contested"]),
            (&status, Move::DeleteTask { c: C }, Answer::Exit(0), &["contested", "removed"]),
            (&status, Move::ForceDelete { c: C }, Answer::Exit(0), &["contested", "removed"]),
            (&status, Move::Pause { c: C }, Answer::Ok, &["turned"]),
            (&status, Move::Resume { c: C }, WRONG_STATE, &["turned"]),
            (&status, Move::KillAll { c: C, signal: 9 }, Answer::Ok, &["frozen"]),
            (&status, Move::Kill { c: C, signal: 9 }, Answer::Ok, &[]),
            (&status, Move::StartTask { c: C }, Answer::Ok, &[]),
            (&status, Move::ForceDelete { c: C + 1 }, Answer::Exit(0), &[]),
            (&status, exec(C, 0), Answer::Ok, &[]),
            (&exec(C, 0), exec(C, 0), Answer::Ok, &["registering"]),
            (&exec(C, 0), exec(C, 1), Answer::Ok, &[]),
            (&exec(C, 0), kill(0), Answer::Ok, &[]),
        ] {
            let one = act(1, play.clone(), TAKEN, 10, 20);
            let at = |invoked| act(2, other.clone(), answer, invoked, invoked + 5);
            assert_eq!(met(vec![one.clone(), at(12)]), expected, "{other:?} during {play:?}");
            assert_eq!(met(vec![one.clone(), at(1)]), [""; 0], "{other:?} before {play:?}");
            assert_eq!(met(vec![one, at(30)]), [""; 0], "{other:?} after {play:?}");
        }
        let delete = act(1, Move::DeleteTask { c: C }, Answer::Exit(0), 10, 20);
        assert_eq!(met(vec![delete]), [""; 0], "it is not its own rival");
    }

    #[test]
    fn a_removal_that_nobody_answers_may_take_effect_later() {
        let pause = act(1, Move::Pause { c: C }, NOBODY_ANSWERS, 30, 31);
        let delete =
            |answer, invoked| act(2, Move::DeleteTask { c: C }, answer, invoked, invoked + 5);
        for (answer, invoked, removed) in [
            (NOBODY_ANSWERS, 10, true),
            (NOBODY_ANSWERS, 40, false),
            (ABSENT, 10, false),
            (Answer::Exit(0), 25, false),
            (Answer::Exit(0), 31, false),
        ] {
            let found = met(vec![pause.clone(), delete(answer, invoked)]);
            assert_eq!(found.contains(&"removed"), removed, "{answer:?} at {invoked}");
            assert!(!found.contains(&"contested"), "it was answered before");
        }
        let excused = Act { excused: true, ..delete(NOBODY_ANSWERS, 10) };
        assert_eq!(met(vec![pause, excused]), [""; 0], "a fault has its own excuse");
    }

    #[test]
    fn an_exec_is_astray_that_was_asked_for_while_its_task_was_removed() {
        let kill = act(1, Move::ExecKill { c: C, e: 0, signal: 9 }, ABSENT, 30, 31);
        let asked = act(2, exec(C, 0), Answer::Ok, 10, 20);
        let removed = act(3, Move::DeleteTask { c: C }, Answer::Exit(0), 12, 18);
        let forced = Act { play: Move::ForceDelete { c: C }, ..removed.clone() };
        let of = |play: Move, act: &Act| Act { play, ..act.clone() };
        let at = |invoked, act: &Act| Act { invoked, returned: invoked + 5, ..act.clone() };
        let refused = act(3, Move::DeleteTask { c: C }, WRONG_STATE, 12, 18);
        for (asked, removed, astray, what) in [
            (&asked, &removed, true, "deleted"),
            (&asked, &forced, true, "deleted by force"),
            (&asked, &refused, false, "refused"),
            (&asked, &of(Move::DeleteTask { c: C + 1 }, &removed), false, "another's"),
            (&asked, &of(Move::Pause { c: C }, &removed), false, "paused"),
            (&asked, &at(1, &removed), false, "deleted before"),
            (&asked, &at(22, &removed), false, "deleted after"),
            (&of(exec(C, 1), &asked), &removed, false, "another exec"),
            (&of(exec(C + 1, 0), &asked), &removed, false, "of another container"),
            (&of(Move::ExecResize { c: C, e: 0 }, &asked), &removed, false, "not asked for"),
            (&at(40, &asked), &at(42, &removed), false, "asked for later"),
        ] {
            let met = met(vec![kill.clone(), asked.clone(), removed.clone()]);
            assert_eq!(met.contains(&"astray"), astray, "{what}");
        }
        // What becomes of the asking itself is another question.
        assert_eq!(met(vec![asked.clone(), removed.clone()]), ["contested", "removed"]);
        let status = act(1, Move::Status { c: C }, RUNNING, 30, 31);
        assert_eq!(met(vec![status, asked, removed]), [""; 0], "it is of no exec");
    }
}
