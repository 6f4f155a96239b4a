//! What is known of every process of the namespace: from replies, and from the event stream,
//! whichever comes first.

use std::collections::BTreeMap;
use std::sync::Mutex;

use tokio::sync::{mpsc, watch};

use super::{Exit, Status};
use crate::client::ExitNews;
use crate::events::TaskEvent;

/// Names a process: container, and exec unless it is the init.
pub(crate) type Name = (String, Option<String>);

/// What is known of one name.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Known {
    /// There is none, as a reply or an event has told.
    Gone,
    /// One that has no pid yet: an exec that was registered.
    Added,
    /// One with this pid.
    Process { pid: u32, status: Status },
}

#[derive(Debug)]
pub(crate) struct Registry {
    // Never held over an await.
    known: Mutex<BTreeMap<Name, Known>>,
    news: mpsc::UnboundedSender<ExitNews>,
    version: watch::Sender<Version>,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Version {
    number: u64,
    stream_lost: bool,
}

impl Registry {
    pub(crate) fn new(news: mpsc::UnboundedSender<ExitNews>) -> Self {
        Self { known: Mutex::default(), news, version: watch::Sender::default() }
    }

    fn change<T>(&self, change: impl FnOnce(&mut BTreeMap<Name, Known>) -> T) -> T {
        let mut known = self.known.lock().expect("nothing panics while it holds what is known");
        let result = change(&mut known);
        drop(known);
        self.version.send_modify(|version| version.number += 1);
        result
    }

    pub(crate) fn get(&self, name: &Name) -> Option<Known> {
        let known = self.known.lock().expect("nothing panics while it holds what is known");
        known.get(name).cloned()
    }

    pub(crate) fn set(&self, name: Name, known: Known) {
        self.change(|all| all.insert(name, known));
    }

    /// A reply told of a process with this pid. Events may have told more already.
    pub(crate) fn learn(&self, name: Name, pid: u32, status: Status) {
        self.change(|all| match all.get(&name) {
            Some(Known::Process { pid: have, status: ahead })
                if *have == pid && further(*ahead, status) => {}
            _ => {
                all.insert(name, Known::Process { pid, status });
            }
        });
    }

    /// A reply told of a turn from one state to another; an event may have told of more.
    pub(crate) fn turn(&self, name: Name, pid: u32, from: Status, to: Status) {
        self.change(|all| {
            if matches!(all.get(&name), Some(Known::Process { pid: have, .. }) if *have == pid) {
                step(all, &name, from, to);
            }
        });
    }

    /// A reply told that a task and all in it is gone.
    pub(crate) fn gone(&self, container: &str) {
        self.change(|all| {
            all.retain(|(have, exec), _| have != container || exec.is_none());
            all.insert((container.to_owned(), None), Known::Gone);
        });
    }

    /// A container's record is gone: its id means nothing any more.
    pub(crate) fn forget(&self, container: &str) {
        self.change(|all| all.retain(|(have, _), _| have != container));
    }

    pub(crate) fn lost(&self) {
        self.version.send_modify(|version| version.stream_lost = true);
    }

    pub(crate) fn stream_lost(&self) -> bool {
        self.version.borrow().stream_lost
    }

    /// Waits until `look` finds something, or the stream is lost (`None`).
    pub(crate) async fn when<T>(&self, look: impl Fn() -> Option<T>) -> Option<T> {
        let mut version = self.version.subscribe();
        loop {
            let lost = version.borrow_and_update().stream_lost;
            if let Some(found) = look() {
                return Some(found);
            }
            if lost || version.changed().await.is_err() {
                return None;
            }
        }
    }

    /// An event. The stream is in order: what is told of a pid that is not the known one is old.
    pub(crate) fn hear(&self, event: TaskEvent) {
        let news = self.change(|all| match event {
            TaskEvent::Created { container, pid } => {
                let name = (container, None);
                if !matches!(all.get(&name), Some(Known::Process { pid: have, .. }) if *have == pid)
                {
                    all.insert(name, Known::Process { pid, status: Status::Created });
                }
                None
            }
            TaskEvent::Started { container } => {
                step(all, &(container, None), Status::Created, Status::Running);
                None
            }
            TaskEvent::Paused { container } => {
                step(all, &(container, None), Status::Running, Status::Paused);
                None
            }
            TaskEvent::Resumed { container } => {
                step(all, &(container, None), Status::Paused, Status::Running);
                None
            }
            TaskEvent::ExecAdded { container, exec } => {
                let name = (container, Some(exec));
                if !matches!(all.get(&name), Some(Known::Process { .. })) {
                    all.insert(name, Known::Added);
                }
                None
            }
            TaskEvent::ExecStarted { container, exec, pid } => {
                let name = (container, Some(exec));
                if !matches!(all.get(&name), Some(Known::Process { pid: have, .. }) if *have == pid)
                {
                    all.insert(name, Known::Process { pid, status: Status::Running });
                }
                None
            }
            TaskEvent::Exited { container, exec, pid, exit } => {
                exited(all, container, exec, pid, exit)
            }
            TaskEvent::Deleted { container, pid } => {
                let name = (container.clone(), None);
                if matches!(all.get(&name), Some(Known::Process { pid: have, .. }) if *have == pid)
                {
                    all.retain(|(have, exec), _| *have != container || exec.is_none());
                    all.insert(name, Known::Gone);
                }
                None
            }
        });
        if let Some(news) = news {
            // Nobody may be listening: exits are kept in any case.
            let _ = self.news.send(news);
        }
    }
}

/// Whether what is known is further along than what a reply says.
fn further(known: Status, told: Status) -> bool {
    let rank = |status| match status {
        Status::Unknown => 0,
        Status::Created => 1,
        Status::Running | Status::Paused => 2,
        Status::Stopped(_) => 3,
    };
    rank(known) >= rank(told)
}

fn step(all: &mut BTreeMap<Name, Known>, name: &Name, from: Status, to: Status) {
    if let Some(Known::Process { status, .. }) = all.get_mut(name)
        && (*status == from || *status == Status::Unknown)
    {
        *status = to;
    }
}

fn exited(
    all: &mut BTreeMap<Name, Known>,
    container: String,
    exec: Option<String>,
    pid: u32,
    exit: Exit,
) -> Option<ExitNews> {
    let name = (container.clone(), exec.clone());
    match all.get_mut(&name) {
        // Told already: containerd repeats exits now and then.
        Some(Known::Process { status: Status::Stopped(_), .. }) => return None,
        Some(Known::Process { pid: have, status }) if *have == pid => {
            *status = Status::Stopped(exit);
        }
        // Of an earlier bearer of the name, or of one that is gone: told, and not kept.
        Some(_) => {}
        None => {
            all.insert(name, Known::Process { pid, status: Status::Stopped(exit) });
        }
    }
    Some(ExitNews { container, exec, exit })
}

#[cfg(test)]
mod tests {
    use super::*;

    const EXIT: Exit = Exit { status: crate::ExitStatus::Code(7), at_ns: Some(1) };

    fn registry() -> (Registry, mpsc::UnboundedReceiver<ExitNews>) {
        let (news, heard) = mpsc::unbounded_channel();
        (Registry::new(news), heard)
    }

    fn name() -> Name {
        ("c0".to_owned(), None)
    }

    fn exited_event(pid: u32) -> TaskEvent {
        TaskEvent::Exited { container: "c0".into(), exec: None, pid, exit: EXIT }
    }

    #[test]
    fn an_exit_that_is_told_before_the_start_replies_is_not_lost() {
        let (registry, _) = registry();
        registry.learn(name(), 5, Status::Created);
        registry.hear(exited_event(5));
        registry.learn(name(), 5, Status::Running);
        let known = Known::Process { pid: 5, status: Status::Stopped(EXIT) };
        assert_eq!(registry.get(&name()), Some(known));
    }

    #[test]
    fn an_exit_that_is_told_twice_is_news_once() {
        let (registry, mut news) = registry();
        registry.learn(name(), 5, Status::Running);
        registry.hear(exited_event(5));
        registry.hear(exited_event(5));
        assert!(news.try_recv().is_ok());
        assert!(news.try_recv().is_err());
    }

    #[test]
    fn a_late_exit_of_an_earlier_task_does_not_end_the_newcomer() {
        let (registry, _) = registry();
        registry.learn(name(), 5, Status::Running);
        registry.gone("c0");
        registry.learn(name(), 6, Status::Running);
        registry.hear(exited_event(5));
        let known = Known::Process { pid: 6, status: Status::Running };
        assert_eq!(registry.get(&name()), Some(known));
    }

    #[tokio::test]
    async fn whoever_waits_is_released_when_the_stream_is_lost() {
        let (registry, _) = registry();
        registry.lost();
        assert_eq!(registry.when(|| None::<()>).await, None);
    }
}
