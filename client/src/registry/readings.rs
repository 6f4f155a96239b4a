//! What readings teach: answers about processes that somebody else may have changed. An answer is
//! older than whatever has been learned since it was asked for: `mark` tells when that was.

use std::collections::BTreeMap;
use std::sync::Arc;

use containerd_client::types::v1::Process as Shown;
use containerd_client::types::v1::Status as Wire;

use super::book::{Book, execs};
use super::{Exit, Incarnation, Registry, Status};

/// A task's state as the API shows it.
fn task_status(process: &Shown) -> Status {
    match process.status() {
        Wire::Created => Status::Created,
        Wire::Running => Status::Running,
        Wire::Paused | Wire::Pausing => Status::Paused,
        Wire::Stopped => match Exit::new(process.exit_status, process.exited_at) {
            // Of what never ran and is being deleted containerd shows 0 and no time: it is no exit.
            exit if exit.at_ns.is_none() => Status::Unknown,
            exit => Status::Stopped(exit),
        },
        Wire::Unknown => Status::Unknown,
    }
}

/// An exec's. While the task is frozen every exec is shown as that, also one that has exited: only
/// that one has a time.
fn exec_status(process: &Shown) -> Status {
    let exit = Exit::new(process.exit_status, process.exited_at);
    match task_status(process) {
        Status::Paused if exit.at_ns.is_some() => Status::Stopped(exit),
        Status::Paused if process.pid == 0 => Status::Created,
        Status::Paused => Status::Running,
        status => status,
    }
}

impl Book {
    fn read(&mut self, one: &Arc<Incarnation>, pid: u32, status: Status) {
        one.seen();
        one.learn_pid(pid);
        match status {
            Status::Stopped(exit) => self.end(one, exit),
            status => one.refresh(status),
        }
    }

    /// Who is known by more than an answer that was asked for before: not one of whom nothing is known but
    /// that an exec was told to be in it. That one was there when the stream began, and is the one shown.
    fn told_since(&self, container: &str, mark: u64) -> Option<Arc<Incarnation>> {
        let lineage = self.get(container).filter(|lineage| lineage.touched > mark)?;
        let known = |one: &&Arc<Incarnation>| {
            one.is_gone() || one.pid() != 0 || one.standing().status != Status::Unknown
        };
        lineage.latest().filter(known).cloned()
    }

    fn task_shown(&mut self, container: &str, process: &Shown) -> (Arc<Incarnation>, bool) {
        let status = task_status(process);
        let lineage = self.touch(container);
        let same = |one: &&Arc<Incarnation>| {
            process.pid == 0 || one.pid() == 0 || one.pid() == process.pid
        };
        if let Some(current) = lineage.current().filter(same).cloned() {
            self.read(&current, process.pid, status);
            return (current, false);
        }
        let newcomer = Incarnation::task(container, process.pid, status);
        let passed = lineage.found(&newcomer);
        if let Status::Stopped(exit) = status {
            lineage.ended(process.pid, exit);
        }
        self.passed(passed);
        (newcomer, true)
    }
}

impl Registry {
    /// The present, for a reading that is asked for now.
    pub(crate) fn mark(&self) -> u64 {
        self.look(|book| book.clock)
    }

    /// A task is shown to whoever asked for it; a newcomer that has exited is no news to them.
    pub(crate) fn shown(&self, container: &str, mark: u64, process: &Shown) -> Arc<Incarnation> {
        let task = self.change(|book| {
            let told = book.told_since(container, mark);
            told.unwrap_or_else(|| book.task_shown(container, process).0)
        });
        self.unsettle_by(&task);
        task
    }

    /// A container is shown to have no task.
    pub(crate) fn found_none(&self, container: &str, mark: u64) {
        self.change(|book| {
            let later = book.get(container).is_some_and(|lineage| lineage.touched > mark);
            if later {
                return;
            }
            let lineage = book.touch(container);
            lineage.set_empty();
            if let Some(gone) = lineage.current().cloned() {
                book.leave(&gone);
            }
        });
    }

    /// An exec is shown to whoever asked for it.
    pub(crate) fn exec_shown(
        &self,
        task: &Arc<Incarnation>,
        id: &str,
        mark: u64,
        process: &Shown,
    ) -> Arc<Incarnation> {
        let status = exec_status(process);
        self.change(|book| {
            let (later, current) = {
                let execs = execs(task);
                let lineage = execs.get(id);
                let later = lineage.is_some_and(|lineage| lineage.touched > mark);
                (later, lineage.and_then(|lineage| lineage.latest()).cloned())
            };
            let fits = |one: &Incarnation| {
                !one.is_gone() && (process.pid == 0 || [0, process.pid].contains(&one.pid()))
            };
            match current {
                Some(latest) if later => latest,
                Some(latest) if fits(&latest) => {
                    book.read(&latest, process.pid, status);
                    latest
                }
                _ => {
                    let newcomer = Incarnation::exec_in(task, id, process.pid, status);
                    let passed = book.touch_exec(task, id, |lineage| lineage.found(&newcomer));
                    book.passed(passed);
                    newcomer
                }
            }
        })
    }

    /// All tasks are shown. Returned are those known to live that are not among them. What has
    /// exited is found to be gone when it is deleted: 1.6 may keep a shim that only that ends.
    pub(crate) fn listed(&self, mark: u64, processes: &[Shown]) -> Vec<Arc<Incarnation>> {
        let shown: BTreeMap<&str, &Shown> =
            processes.iter().map(|process| (process.id.as_str(), process)).collect();
        self.waits().settle();
        let (absent, present) = self.change(|book| {
            let known: Vec<(String, bool)> = book
                .all()
                .filter(|(id, _)| book.told_since(id, mark).is_none())
                .map(|(id, lineage)| (id.clone(), lineage.current().is_some_and(|one| one.lives())))
                .collect();
            let (mut absent, mut present) = (Vec::new(), Vec::new());
            for (id, lives) in known {
                match shown.get(id.as_str()) {
                    Some(process) => {
                        let (task, new) = book.task_shown(&id, process);
                        if let (true, Status::Stopped(exit)) = (new, task_status(process)) {
                            book.tell(&task, exit);
                        }
                        present.push(task);
                    }
                    None if lives => {
                        absent.extend(book.get(&id).and_then(|lineage| lineage.current()).cloned());
                    }
                    None => {}
                }
            }
            (absent, present)
        });
        present.iter().for_each(|task| self.unsettle_by(task));
        absent
    }

    /// What an answer about one alone shows.
    pub(crate) fn confirmed(&self, one: &Arc<Incarnation>, mark: u64, process: &Shown) {
        match one.exec.as_deref().zip(one.task.upgrade()) {
            Some((id, task)) => drop(self.exec_shown(&task, id, mark, process)),
            None => drop(self.shown(&one.container, mark, process)),
        }
    }

    /// The daemon does not have it, says an answer about it alone.
    pub(crate) fn vanished(&self, one: &Arc<Incarnation>, mark: u64) {
        self.change(|book| {
            let later = match (&one.exec, one.task.upgrade()) {
                (Some(id), Some(task)) => execs(&task).get(id).map(|lineage| lineage.touched),
                (Some(_), None) => None,
                (None, _) => book.get(&one.container).map(|lineage| lineage.touched),
            };
            if later.is_none_or(|touched| touched <= mark) {
                book.leave(one);
            }
        });
    }

    /// Execs that are not known to have ended, of tasks that are there: also of those that have ended,
    /// for the server tells then how each of their execs did.
    pub(crate) fn living_execs(&self) -> Vec<Arc<Incarnation>> {
        self.look(|book| {
            let tasks = book.all().filter_map(|(_, lineage)| lineage.current());
            tasks
                .flat_map(|task| execs(task).all().cloned().collect::<Vec<_>>())
                .filter(|exec| exec.lives())
                .collect()
        })
    }

    fn unsettle_by(&self, task: &Incarnation) {
        if task.standing().status == Status::Unknown {
            self.waits().unsettle();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use prost_types::Timestamp;

    #[test]
    fn what_is_shown_as_stopped_without_a_time_has_not_been_told_to_have_exited() {
        let shown = |at: Option<Timestamp>, status| {
            let mut process = Shown { exit_status: status, exited_at: at, ..Shown::default() };
            process.set_status(Wire::Stopped);
            task_status(&process)
        };
        // Go's zero time, as a task that never ran is shown while it is being deleted.
        let zero = Timestamp { seconds: -62_135_596_800, nanos: 0 };
        assert_eq!(shown(Some(zero), 0), Status::Unknown);
        assert_eq!(shown(None, 0), Status::Unknown);
        let at = Timestamp { seconds: 7, nanos: 1 };
        assert_eq!(shown(Some(at), 3), Status::Stopped(Exit::new(3, Some(at))));
    }
}
