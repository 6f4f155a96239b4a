//! What events teach.

use std::sync::Arc;

use super::book::{Book, execs};
use super::lineage::{Heard, Lineage, Whose};
use super::{Exit, ExitNews, Incarnation, Status};
use crate::events::{TaskEvent, Told};

impl Book {
    pub(super) fn hear(&mut self, told: Told) {
        let Told { at_ns, what } = told;
        match what {
            TaskEvent::Created { container, pid } => {
                let make = || Incarnation::task(&container, pid, Status::Created);
                let birth = Heard::birth(Some(pid), at_ns);
                let passed = self.touch(&container).born(birth, make);
                self.passed(passed);
            }
            TaskEvent::Started { container, pid } => {
                if !self.touch(&container).is_repeated(Heard::start(pid, at_ns)) {
                    self.meant(&container, pid).turn(Status::Created, Status::Running);
                }
            }
            TaskEvent::Paused { container } => {
                self.turn(&container, Status::Running, Status::Paused);
            }
            TaskEvent::Resumed { container } => {
                self.turn(&container, Status::Paused, Status::Running);
            }
            TaskEvent::Exited { container, exec, pid, exit } => {
                self.exited(&container, exec.as_deref(), pid, exit);
            }
            TaskEvent::ExecAdded { container, exec } => {
                let task = self.within(&container, &exec);
                let make = || Incarnation::exec_in(&task, &exec, 0, Status::Created);
                let birth = Heard::birth(None, at_ns);
                let passed = self.touch_exec(&task, &exec, |lineage| lineage.born(birth, make));
                self.passed(passed);
            }
            TaskEvent::ExecStarted { container, exec, pid } => {
                self.exec_started(&container, &exec, Heard::start(pid, at_ns));
            }
            TaskEvent::Deleted { container, pid, exit } => self.deleted(&container, pid, exit),
        }
    }

    /// The task of which the stream tells something by its pid.
    fn meant(&mut self, container: &str, pid: u32) -> Arc<Incarnation> {
        let lineage = self.touch(container);
        if let Some(found) = lineage.meant(pid) {
            return found;
        }
        let stranger = Incarnation::stranger(container, pid, Status::Unknown);
        let passed = lineage.found(&stranger);
        self.passed(passed);
        stranger
    }

    /// The task in which the stream tells of an exec.
    fn within(&mut self, container: &str, id: &str) -> Arc<Incarnation> {
        let lineage = self.touch(container);
        let has = |task: &Incarnation| execs(task).get(id).is_some();
        if let Some(told) = lineage.told().filter(|told| !told.is_gone() || has(told)) {
            return told.clone();
        }
        // The birth of the next was lost.
        if let Some(next) = lineage.advance(|_| true).or_else(|| lineage.told().cloned()) {
            return next;
        }
        let stranger = Incarnation::stranger(container, 0, Status::Unknown);
        let passed = lineage.found(&stranger);
        self.passed(passed);
        stranger
    }

    fn turn(&mut self, container: &str, from: Status, to: Status) {
        if let Some(told) = self.touch(container).told() {
            told.turn(from, to);
        }
    }

    fn exec_started(&mut self, container: &str, id: &str, start: Heard) {
        let (task, pid) = (self.within(container, id), start.pid.unwrap_or_default());
        let passed = self.touch_exec(&task, id, |lineage| {
            if lineage.is_repeated(start) {
                return None;
            }
            if let Some(found) = lineage.meant(pid) {
                found.learn(Status::Running);
                return None;
            }
            let stranger = Incarnation::exec_in(&task, id, pid, Status::Running);
            Some(lineage.found(&stranger))
        });
        self.passed(passed.unwrap_or_default());
    }

    fn exited(&mut self, container: &str, exec: Option<&str>, pid: u32, exit: Exit) {
        let Some(id) = exec else { return self.init_exited(container, pid, exit) };
        // Told late, it may come when the next task has been told already.
        if let Some(orphan) = self.get(container).and_then(|lineage| lineage.orphaned(id, pid)) {
            return self.end(&orphan, exit);
        }
        let task = self.within(container, id);
        match self.touch_exec(&task, id, |lineage| lineage.whose(pid, exit)) {
            Whose::Told => {}
            Whose::Of(one) => self.end(&one, exit),
            Whose::Stranger => {
                let stranger = Incarnation::exec_in(&task, id, pid, Status::Running);
                let passed = self.touch_exec(&task, id, |lineage| lineage.found(&stranger));
                self.passed(passed);
                self.end(&stranger, exit);
            }
        }
    }

    fn init_exited(&mut self, container: &str, pid: u32, exit: Exit) {
        // A shim that died, told by a daemon that found no pid of its task: the status is made up.
        if pid == 0 && !self.get(container).is_some_and(Lineage::has_nameless) {
            return;
        }
        if let Some(exec) = self.namesake(container, pid) {
            return self.end(&exec, exit);
        }
        let lineage = self.touch(container);
        match lineage.whose(pid, exit) {
            Whose::Told => {}
            Whose::Of(one) => self.end(&one, exit),
            Whose::Stranger if lineage.latest().is_none() && !lineage.is_empty() => {
                let stranger = Incarnation::stranger(container, pid, Status::Running);
                let passed = lineage.found(&stranger);
                self.passed(passed);
                self.end(&stranger, exit);
            }
            Whose::Stranger => {
                // Of an earlier bearer of the name: told, and not kept.
                lineage.ended(pid, exit);
                self.news.push(ExitNews { container: container.to_owned(), exec: None, exit });
            }
        }
    }

    /// An exec that is named like its container: its exit looks like the init's, but for the pid.
    fn namesake(&mut self, container: &str, pid: u32) -> Option<Arc<Incarnation>> {
        let task = self.get(container)?.told()?.clone();
        if task.pid() == pid && task.exit().is_none() {
            return None;
        }
        let execs = execs(&task);
        let exec = execs.get(container)?.told()?;
        (exec.pid() == pid && exec.exit().is_none()).then(|| exec.clone())
    }

    fn deleted(&mut self, container: &str, pid: u32, exit: Exit) {
        if let Some(gone) = self.touch(container).meant(pid) {
            return self.gone(&gone, exit);
        }
        // The same: whoever bears the name is gone, and how it ended is not known by this.
        let bearer = self.get(container).and_then(Lineage::told).filter(|_| pid == 0).cloned();
        if let Some(bearer) = bearer.filter(|bearer| !bearer.is_gone()) {
            self.leave(&bearer);
        }
    }

    /// Somebody is deleted, and this is said of how it ended: nothing, where it has no time. A
    /// process that never ran is said to have ended with 0.
    pub(super) fn gone(&mut self, gone: &Arc<Incarnation>, exit: Exit) {
        if exit.at_ns.is_some() {
            self.end(gone, exit);
        }
        self.leave(gone);
    }

    /// No event has come of how it ended, and none is waited for any more.
    pub(super) fn resolve(&mut self, one: &Arc<Incarnation>) {
        self.end(one, Exit::UNKNOWN);
    }
}
