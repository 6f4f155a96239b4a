//! All who bore one name, one after the other, and of whom the stream speaks.
//!
//! Replies and events tell of the same lives, each in order, and neither waits for the other. So
//! two places are kept: who bears the name by the latest of both (`latest`), and of whom the stream
//! speaks at present (`told`). The stream goes on to the next life when it tells of a birth.

use std::collections::VecDeque;
use std::sync::Arc;

use super::{Exit, Incarnation};

/// How many ends of earlier lives are remembered, to know them when they are told again.
const ENDS_KEPT: usize = 8;
/// How many births and starts are remembered, to know them when they are told again.
const HEARD_KEPT: usize = 8;
/// How many of those that no reply had told of are remembered, to know whose reply comes then.
const UNASKED_KEPT: usize = 4;

#[derive(Debug, Default)]
pub(super) struct Lineage {
    latest: Option<Arc<Incarnation>>,
    /// It is known that nobody bears the name, while `latest` is none or gone.
    empty: bool,
    told: Option<Arc<Incarnation>>,
    /// The stream has told the birth of `told`, and not only of what came after it.
    told_born: bool,
    /// Known by replies; their births have not been told.
    coming: VecDeque<Arc<Incarnation>>,
    /// Past, and how they ended is not known yet.
    passed: Vec<Arc<Incarnation>>,
    /// Execs that went with a task, and how they ended was not known then.
    orphans: Vec<Arc<Incarnation>>,
    ends: VecDeque<(u32, Exit)>,
    heard: VecDeque<Heard>,
    /// Births told by the stream, and lives that a reading found.
    births: u64,
    /// The last of those that no reply had told of, by number: a reply may come long after.
    unasked: VecDeque<(u64, Arc<Incarnation>)>,
    /// When something was last learned of it.
    pub(super) touched: u64,
    /// Its container's record is gone: it is kept for late events only.
    pub(super) grave: bool,
}

/// Who bears the name no more by what was learned just now.
pub(super) type Passed = Vec<Arc<Incarnation>>;

/// A birth or a start that the stream tells. What a daemon tells once more has the time that it had
/// at first, by which it is known where nothing else in it says whose it is.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Heard {
    start: bool,
    /// An exec's birth tells none.
    pub(super) pid: Option<u32>,
    at_ns: Option<i64>,
}

impl Heard {
    pub(super) fn birth(pid: Option<u32>, at_ns: Option<i64>) -> Self {
        Self { start: false, pid, at_ns }
    }

    pub(super) fn start(pid: u32, at_ns: Option<i64>) -> Self {
        Self { start: true, pid: Some(pid), at_ns }
    }
}

/// Whose exit an event tells.
#[derive(Debug)]
pub(super) enum Whose {
    /// This one's.
    Of(Arc<Incarnation>),
    /// One's that has been told already.
    Told,
    /// One's of whom nothing else is known.
    Stranger,
}

impl Lineage {
    /// Who bears the name.
    pub(super) fn current(&self) -> Option<&Arc<Incarnation>> {
        self.latest.as_ref().filter(|latest| !latest.is_gone())
    }

    /// Who bore it last.
    pub(super) fn latest(&self) -> Option<&Arc<Incarnation>> {
        self.latest.as_ref()
    }

    /// Of whom the stream speaks.
    pub(super) fn told(&self) -> Option<&Arc<Incarnation>> {
        self.told.as_ref()
    }

    /// Whether the pid of one whose end is not known is not known either.
    pub(super) fn has_nameless(&self) -> bool {
        let all = self.told.iter().chain(&self.coming).chain(&self.passed);
        all.into_iter().any(|one| one.pid() == 0 && one.exit().is_none())
    }

    /// Whether it is known that nobody bears the name.
    pub(super) fn is_empty(&self) -> bool {
        self.empty && self.current().is_none()
    }

    pub(super) fn set_empty(&mut self) {
        self.empty = true;
    }

    pub(super) fn births(&self) -> u64 {
        self.births
    }

    /// Past: nothing may be done to it any more.
    fn pass_by(&mut self, earlier: Arc<Incarnation>) -> Arc<Incarnation> {
        earlier.pass();
        let waited_for = self.passed.iter().any(|one| Arc::ptr_eq(one, &earlier));
        if earlier.exit().is_none() && !waited_for {
            self.passed.push(earlier.clone());
        }
        earlier
    }

    /// It bears the name no more.
    pub(super) fn leave(&mut self, gone: &Arc<Incarnation>) -> Passed {
        if self.latest.as_ref().is_some_and(|latest| Arc::ptr_eq(latest, gone)) {
            self.empty = true;
        }
        vec![self.pass_by(gone.clone())]
    }

    /// Past, and how they ended is not known yet.
    pub(super) fn unended(&self) -> impl Iterator<Item = &Arc<Incarnation>> {
        self.passed.iter().filter(|one| one.exit().is_none())
    }

    /// A task goes, and its execs with it. Those of the ones before that have ended are forgotten.
    pub(super) fn orphan(&mut self, execs: Passed) {
        self.orphans.retain(|one| one.exit().is_none());
        self.orphans.extend(execs);
    }

    /// The exec that is meant, if it went with its task.
    pub(super) fn orphaned(&self, id: &str, pid: u32) -> Option<Arc<Incarnation>> {
        let meant = |one: &&Arc<Incarnation>| one.pid() == pid && one.exec.as_deref() == Some(id);
        self.orphans.iter().find(meant).cloned()
    }

    /// A reply tells of one who was born since there were so many births. Has the stream told it?
    pub(super) fn claim(&mut self, births: u64, pid: Option<u32>) -> Option<Arc<Incarnation>> {
        let ours = |(number, one): &(u64, Arc<Incarnation>)| {
            *number > births && pid.is_none_or(|pid| [0, pid].contains(&one.pid()))
        };
        let at = self.unasked.iter().position(ours)?;
        let (_, one) = self.unasked.remove(at)?;
        one.learn_pid(pid.unwrap_or_default());
        Some(one)
    }

    /// A reply tells of one who was born.
    pub(super) fn replied(&mut self, newcomer: &Arc<Incarnation>) -> Passed {
        self.coming.push_back(newcomer.clone());
        self.succeed(newcomer)
    }

    /// A reading tells of one whose birth may or may not have been told. The reply to its creation
    /// may be still to come, as after an event.
    pub(super) fn found(&mut self, newcomer: &Arc<Incarnation>) -> Passed {
        self.told = Some(newcomer.clone());
        self.told_born = false;
        self.coming.clear();
        self.unasked_for(newcomer);
        self.succeed(newcomer)
    }

    /// One is known of whom no reply has told.
    fn unasked_for(&mut self, newcomer: &Arc<Incarnation>) {
        self.births += 1;
        if self.unasked.len() == UNASKED_KEPT {
            self.unasked.pop_front();
        }
        self.unasked.push_back((self.births, newcomer.clone()));
    }

    fn succeed(&mut self, newcomer: &Arc<Incarnation>) -> Passed {
        self.empty = false;
        self.grave = false;
        let earlier = self.latest.replace(newcomer.clone());
        earlier.map(|earlier| self.pass_by(earlier)).into_iter().collect()
    }

    /// The stream goes on to the first of those known by replies for whom `fits` holds.
    pub(super) fn advance(
        &mut self,
        fits: impl Fn(&Incarnation) -> bool,
    ) -> Option<Arc<Incarnation>> {
        let at = self.coming.iter().position(|one| fits(one))?;
        self.coming.drain(..at);
        self.told = self.coming.pop_front();
        self.told_born = false;
        self.told.clone()
    }

    /// Whether a birth is that of `told`, of whom other things were told before: what a shim cannot
    /// tell while its daemon is away it tells seconds later, after what has happened since.
    fn is_late(&self, pid: Option<u32>) -> bool {
        let fits = |one: &Incarnation| pid.is_none_or(|pid| [0, one.pid()].contains(&pid));
        let told = self.told.as_ref().filter(|told| !self.told_born && told.pid() != 0);
        // An exec has no pid yet, and none of the next is known: that is told by its start.
        let next = pid.is_some() && self.coming.iter().any(|one| fits(one));
        told.is_some_and(|told| fits(told)) && !next
    }

    /// Whether the same was told before. It is known from now on.
    pub(super) fn is_repeated(&mut self, heard: Heard) -> bool {
        if heard.at_ns.is_none() {
            return false;
        }
        let repeated = self.heard.contains(&heard);
        if !repeated {
            if self.heard.len() == HEARD_KEPT {
                self.heard.pop_front();
            }
            self.heard.push_back(heard);
        }
        repeated
    }

    /// The stream tells of a birth; an exec has no pid yet.
    pub(super) fn born(&mut self, birth: Heard, make: impl FnOnce() -> Arc<Incarnation>) -> Passed {
        if self.is_repeated(birth) {
            return Passed::new();
        }
        let pid = birth.pid;
        let late = self.is_late(pid);
        if let Some(told) = self.told.as_ref().filter(|_| late) {
            told.learn_pid(pid.unwrap_or_default());
            self.told_born = true;
            return Passed::new();
        }
        let before = self.told.take().map(|before| self.pass_by(before));
        let mut passed = Passed::from_iter(before);
        // A task that is restored is born without a pid, and may have one by its start by now.
        let advanced = self.advance(|one| pid.is_none_or(|pid| [0, one.pid()].contains(&pid)));
        self.told_born = true;
        if advanced.is_some() {
            self.births += 1;
            return passed;
        }
        let newcomer = make();
        self.told = Some(newcomer.clone());
        self.unasked_for(&newcomer);
        if self.coming.is_empty() {
            // It came after all that is known.
            passed.extend(self.succeed(&newcomer));
            return passed;
        }
        // It came before one that a reply told of; if that is gone, nothing is known for sure.
        newcomer.pass();
        if self.current().is_none() {
            self.empty = false;
        }
        passed
    }

    /// The stream tells something of a process with this pid: the one that is meant, if it is known.
    pub(super) fn meant(&mut self, pid: u32) -> Option<Arc<Incarnation>> {
        let known = |one: &Incarnation| one.pid() == pid;
        let fits = |one: &Incarnation| known(one) || one.pid() == 0;
        // Of one who is gone without a pid nothing is told any more.
        let means = |told: &&Arc<Incarnation>| known(told) || told.pid() == 0 && !told.is_gone();
        let next = self.coming.iter().any(|one| known(one));
        if let Some(told) = self.told.as_ref().filter(means).filter(|told| known(told) || !next) {
            told.learn_pid(pid);
            return Some(told.clone());
        }
        // Its birth was not told, or is lost: theirs who have this pid, before those who have none yet.
        let found = self.advance(known).or_else(|| self.advance(fits))?;
        found.learn_pid(pid);
        Some(found)
    }

    /// The stream tells an exit.
    pub(super) fn whose(&mut self, pid: u32, exit: Exit) -> Whose {
        let again = exit.at_ns.is_some() && self.ends.contains(&(pid, exit));
        if again {
            return Whose::Told;
        }
        let ends = |one: &&Arc<Incarnation>| one.exit().is_none() && one.pid() == pid;
        if let Some(told) = self.told.as_ref().filter(ends) {
            return Whose::Of(told.clone());
        }
        if let Some(passed) = self.passed.iter().find(ends) {
            return Whose::Of(passed.clone());
        }
        let told_before = self.told.as_ref().is_some_and(|told| told.pid() == pid);
        if told_before || self.ends.iter().any(|(ended, _)| *ended == pid) {
            // Unless it is of one whose birth was lost: then a reply has told of it.
            let coming = self.coming.front().is_some_and(|next| next.pid() == pid);
            if !coming || told_before {
                return Whose::Told;
            }
        }
        match self.meant(pid) {
            Some(one) if one.exit().is_none() => Whose::Of(one),
            Some(_) => Whose::Told,
            None => Whose::Stranger,
        }
    }

    /// How one of them ended: it is not waited for any more, and known when it is told again.
    pub(super) fn ended(&mut self, pid: u32, exit: Exit) {
        self.passed.retain(|one| one.exit().is_none());
        if self.ends.len() == ENDS_KEPT {
            self.ends.pop_front();
        }
        self.ends.push_back((pid, exit));
    }
}
