//! What replies to this client's own calls teach.

use std::sync::Arc;

use super::book::execs;
use super::{Exit, Incarnation, Registry, Status};

impl Registry {
    /// How many tasks of a container the stream has told the birth of: asked before one is created.
    pub(crate) fn births(&self, container: &str) -> u64 {
        self.look(|book| book.get(container).map_or(0, |lineage| lineage.births()))
    }

    /// A task was created. The stream may have told of it already: then a birth was added since.
    pub(crate) fn created(&self, container: &str, births: u64, pid: u32) -> Arc<Incarnation> {
        self.change(|book| {
            let lineage = book.touch(container);
            if let Some(told) = lineage.claim(births, Some(pid)) {
                return told;
            }
            let newcomer = Incarnation::task(container, pid, Status::Created);
            let passed = lineage.replied(&newcomer);
            book.passed(passed);
            newcomer
        })
    }

    /// As [`Registry::births`], of an exec.
    pub(crate) fn exec_births(&self, task: &Incarnation, id: &str) -> u64 {
        self.look(|_| execs(task).get(id).map_or(0, |lineage| lineage.births()))
    }

    /// An exec was registered.
    pub(crate) fn exec_added(
        &self,
        task: &Arc<Incarnation>,
        id: &str,
        births: u64,
    ) -> Arc<Incarnation> {
        self.change(|book| {
            let (added, passed) = book.touch_exec(task, id, |lineage| {
                let told = lineage.claim(births, None);
                told.map_or_else(
                    || {
                        let newcomer = Incarnation::exec_in(task, id, 0, Status::Created);
                        let passed = lineage.replied(&newcomer);
                        (newcomer, passed)
                    },
                    |told| (told, Vec::new()),
                )
            });
            book.passed(passed);
            if task.is_gone() {
                book.leave(&added);
            }
            added
        })
    }

    /// It was started, and has this pid.
    pub(crate) fn started(&self, one: &Arc<Incarnation>, pid: u32) {
        self.change(|book| {
            one.learn_pid(pid);
            one.learn(Status::Running);
            book.touch_of(one, |_| ());
        });
    }

    /// It was turned from one state to another; an event may have told of more.
    pub(crate) fn turned(&self, one: &Arc<Incarnation>, from: Status, to: Status) {
        self.change(|book| {
            one.turn(from, to);
            book.touch_of(one, |_| ());
        });
    }

    /// An exec was deleted, and this was said of it. Whose start failed for its client may have run: its pid
    /// was not known until now, and what the stream tells of it is its own.
    pub(crate) fn exec_deleted(&self, exec: &Arc<Incarnation>, pid: u32, exit: Exit) {
        self.change(|book| {
            exec.learn_pid(pid);
            book.gone(exec, exit);
        });
    }

    /// It was deleted, and this was said of how it had ended.
    pub(crate) fn deleted(&self, one: &Arc<Incarnation>, exit: Exit) {
        self.change(|book| book.gone(one, exit));
    }

    /// A container was created: it has no task.
    pub(crate) fn no_task(&self, container: &str) {
        self.change(|book| {
            let lineage = book.touch(container);
            lineage.grave = false;
            lineage.set_empty();
        });
    }

    /// A container's record is gone.
    pub(crate) fn bury(&self, container: &str) {
        self.change(|book| book.bury(container));
    }
}
