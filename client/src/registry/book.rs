//! Who bears which name, and what follows when somebody leaves or ends.

use std::collections::{BTreeMap, VecDeque};
use std::sync::{Arc, MutexGuard};

use super::execs::Execs;
use super::lineage::{Lineage, Passed};
use super::{Exit, ExitNews, ExitStatus, Incarnation, Status};

/// Containers whose records are gone are remembered for late events, so many of them.
const GRAVES_MAX: usize = 1024;

#[derive(Debug, Default)]
pub(super) struct Book {
    tasks: BTreeMap<String, Lineage>,
    graves: VecDeque<String>,
    /// Counts what was learned.
    pub(super) clock: u64,
    /// To be told when the lock is let go.
    pub(super) news: Vec<ExitNews>,
    /// Past without a known end: an event may still tell it.
    pub(super) unresolved: Vec<Arc<Incarnation>>,
}

/// A task's execs; its lock is taken only under the book's.
pub(super) fn execs(task: &Incarnation) -> MutexGuard<'_, Execs> {
    task.execs.lock().expect("nothing panics while it holds a task's execs")
}

impl Book {
    pub(super) fn get(&self, container: &str) -> Option<&Lineage> {
        self.tasks.get(container)
    }

    pub(super) fn all(&self) -> impl Iterator<Item = (&String, &Lineage)> {
        self.tasks.iter()
    }

    /// The lineage of a container's tasks, of which something is learned now.
    pub(super) fn touch(&mut self, container: &str) -> &mut Lineage {
        self.clock += 1;
        if !self.tasks.contains_key(container) {
            self.tasks.insert(container.to_owned(), Lineage::default());
        }
        let lineage = self.tasks.get_mut(container).expect("inserted if it was not there");
        lineage.touched = self.clock;
        lineage
    }

    /// Changes the lineage of an exec, of which something is learned now.
    pub(super) fn touch_exec<T>(
        &mut self,
        task: &Incarnation,
        id: &str,
        change: impl FnOnce(&mut Lineage) -> T,
    ) -> T {
        self.clock += 1;
        let mut execs = execs(task);
        let lineage = execs.lineage(id);
        lineage.touched = self.clock;
        change(lineage)
    }

    /// Changes the lineage that somebody belongs to.
    pub(super) fn touch_of<T>(
        &mut self,
        one: &Incarnation,
        change: impl FnOnce(&mut Lineage) -> T,
    ) -> Option<T> {
        match &one.exec {
            None => Some(change(self.touch(&one.container))),
            Some(id) => {
                let task = one.task.upgrade()?;
                Some(self.touch_exec(&task, id, change))
            }
        }
    }

    /// They bear their names no more: neither do the execs of a task.
    pub(super) fn passed(&mut self, passed: Passed) {
        for one in passed {
            if one.exit().is_none() {
                self.unresolved.push(one.clone());
            }
            let (mut within, mut orphans) = (Passed::new(), Passed::new());
            for lineage in execs(&one).lineages() {
                if let Some(exec) = lineage.current().cloned() {
                    within.extend(lineage.leave(&exec));
                }
                orphans.extend(lineage.unended().cloned());
            }
            self.unresolved.extend(within.into_iter().filter(|exec| exec.exit().is_none()));
            if let Some(lineage) =
                self.tasks.get_mut(&one.container).filter(|_| !orphans.is_empty())
            {
                lineage.orphan(orphans);
            }
        }
    }

    /// The daemon has it no more.
    pub(super) fn leave(&mut self, gone: &Arc<Incarnation>) {
        let passed = self.touch_of(gone, |lineage| lineage.leave(gone));
        self.passed(passed.unwrap_or_default());
    }

    /// It has ended. Told once, whoever says so again.
    pub(super) fn end(&mut self, one: &Arc<Incarnation>, exit: Exit) {
        let ran = one.exec.is_none() || one.standing().status != Status::Created;
        if !one.end(exit) {
            return;
        }
        let pid = one.pid();
        self.touch_of(one, |lineage| lineage.ended(pid, exit));
        if let (Some(id), Some(task)) = (&one.exec, one.task.upgrade()) {
            execs(&task).finished(id);
        }
        // An exec that was never started has no exit: whoever waits for it is let go, no more.
        if ran || exit.status != ExitStatus::Unknown {
            self.tell(one, exit);
        }
    }

    /// Its exit is news.
    pub(super) fn tell(&mut self, one: &Incarnation, exit: Exit) {
        let (container, exec) = (one.container.clone(), one.exec.clone());
        self.news.push(ExitNews { container, exec, exit });
    }

    /// A container's record is gone. What still comes of its tasks must not look new.
    pub(super) fn bury(&mut self, container: &str) {
        let lineage = self.touch(container);
        lineage.set_empty();
        if std::mem::replace(&mut lineage.grave, true) {
            return;
        }
        self.graves.push_back(container.to_owned());
        if self.graves.len() > GRAVES_MAX
            && let Some(oldest) = self.graves.pop_front()
            && self.tasks.get(&oldest).is_some_and(|lineage| lineage.grave)
        {
            self.tasks.remove(&oldest);
        }
    }
}
