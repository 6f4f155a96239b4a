//! Exits, kept from events as Moby's daemon kept them.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::sync::Arc;

use driver_protocol::{ContainerId, ExecId, Exited, Notice};
use laconic_client::{TaskEvent, Told};
use tokio::sync::{Mutex, mpsc, watch};

/// Container, and exec unless it is the init.
pub(super) type Name = (String, Option<String>);

/// Exits by which one that is told again is known: a shim whose daemon was away tells some twice.
const TOLD_KEPT: usize = 64;

#[derive(Debug, Default)]
struct Kept {
    /// How those ended that there are or were; `None`: not yet.
    exits: BTreeMap<Name, Option<Exited>>,
    /// How often one of a name came to be.
    births: BTreeMap<Name, u64>,
    /// Containers that are gone, until a task of that name is born: what is heard of theirs comes late.
    gone: BTreeSet<String>,
}

#[derive(Debug)]
pub(super) struct Exits {
    keep: Arc<watch::Sender<Kept>>,
    kept: watch::Receiver<Kept>,
    /// The stream is over: nothing more will be heard.
    ended: watch::Receiver<bool>,
    notices: Mutex<mpsc::UnboundedReceiver<Notice>>,
    listening: tokio::task::JoinHandle<()>,
}

impl Drop for Exits {
    fn drop(&mut self) {
        self.listening.abort();
    }
}

impl Exits {
    pub(super) fn listen(mut events: mpsc::UnboundedReceiver<Told>) -> Self {
        let (keep, kept) = watch::channel(Kept::default());
        let (end, ended) = watch::channel(false);
        let (tell, notices) = mpsc::unbounded_channel();
        let keep = Arc::new(keep);
        let keeper = keep.clone();
        let listening = tokio::spawn(async move {
            let mut before = VecDeque::new();
            while let Some(told) = events.recv().await {
                match told.what {
                    TaskEvent::Exited { container, exec, pid, exit } => {
                        let exited = crate::exited(exit);
                        let this = (container.clone(), exec.clone(), pid, exited.clone());
                        if exited.at_ns.is_some() && before.contains(&this) {
                            continue;
                        }
                        if before.len() == TOLD_KEPT {
                            before.pop_front();
                        }
                        before.push_back(this);
                        keeper.send_modify(|kept| {
                            if !kept.gone.contains(&container) {
                                let name = (container.clone(), exec.clone());
                                kept.exits.insert(name, Some(exited.clone()));
                            }
                        });
                        let notice = Notice::Exit {
                            container: ContainerId::new(container),
                            exec: exec.map(ExecId::new),
                            status: exited.status,
                            at_ns: exited.at_ns,
                        };
                        // Whoever does not listen for notices still finds what is kept.
                        let _ = tell.send(notice);
                    }
                    TaskEvent::Created { container, .. } => born(&keeper, &(container, None)),
                    TaskEvent::ExecAdded { container, exec } => {
                        born(&keeper, &(container, Some(exec)));
                    }
                    _ => {}
                }
            }
            end.send_replace(true);
        });
        Self { keep, kept, ended, notices: Mutex::new(notices), listening }
    }

    /// An exit that a reply told of.
    pub(super) fn keep(&self, name: Name, exited: Exited) {
        self.keep.send_modify(|kept| {
            kept.exits.entry(name).or_default().get_or_insert(exited);
        });
    }

    /// A process of this name is about to be made: how many came to be before, as far as was heard. What is
    /// known of the one before it stays until there is another: it may be the one that is in the way.
    pub(super) fn births(&self, name: &Name) -> u64 {
        self.kept.borrow().births.get(name).copied().unwrap_or_default()
    }

    /// It was made: what is kept is an earlier one's, unless its birth was heard of since.
    pub(super) fn made(&self, name: Name, before: u64) {
        self.keep.send_modify(|kept| {
            let heard = kept.births.get(&name).copied().unwrap_or_default() > before;
            kept.gone.remove(&name.0);
            let exited = kept.exits.entry(name).or_default();
            if !heard {
                *exited = None;
            }
        });
    }

    /// There is no such process, and none is waited for.
    pub(super) fn forget(&self, name: &Name) {
        self.keep.send_modify(|kept| {
            kept.exits.remove(name);
        });
    }

    /// A task is gone: its execs whose exits were not heard of until now have none.
    pub(super) fn task_is_gone(&self, id: &str) {
        self.keep.send_modify(|kept| {
            kept.exits.retain(|(container, _), exited| container != id || exited.is_some());
        });
    }

    /// A container is gone: the next of that name has none of its processes.
    pub(super) fn container_is_gone(&self, id: &str) {
        self.keep.send_modify(|kept| {
            kept.exits.retain(|(container, _), _| container != id);
            kept.gone.insert(id.to_owned());
        });
    }

    /// There is such a process: its exit can be waited for.
    pub(super) fn expect(&self, name: Name) {
        self.keep.send_modify(|kept| {
            kept.gone.remove(&name.0);
            kept.exits.entry(name).or_default();
        });
    }

    /// Whether its exit can be waited for, or is known.
    pub(super) fn expects(&self, name: &Name) -> bool {
        self.kept.borrow().exits.contains_key(name)
    }

    pub(super) fn of(&self, name: &Name) -> Option<Exited> {
        self.kept.borrow().exits.get(name).cloned().flatten()
    }

    /// Waits for an exit; `None`: the stream ended first, or nobody will ever tell.
    pub(super) async fn wait(&self, name: &Name) -> Option<Exited> {
        let mut kept = self.kept.clone();
        let heard = |kept: &Kept| !matches!(kept.exits.get(name), Some(None));
        let ended = async { self.ended.clone().wait_for(|ended| *ended).await.map(|_| ()) };
        tokio::select! {
            biased;
            found = kept.wait_for(heard) => found.ok()?.exits.get(name).cloned().flatten(),
            _ = ended => None,
        }
    }

    /// Whether more will be heard.
    pub(super) fn hears(&self) -> bool {
        !*self.ended.borrow()
    }

    pub(super) async fn next(&self) -> Option<Notice> {
        self.notices.lock().await.recv().await
    }
}

/// A new bearer of a name: what was kept is an earlier one's. Who was told of none by a reply has
/// none to wait for: its start may fail.
fn born(keep: &watch::Sender<Kept>, name: &Name) {
    keep.send_modify(|kept| {
        *kept.births.entry(name.clone()).or_default() += 1;
        kept.gone.remove(&name.0);
        if let Some(exited) = kept.exits.get_mut(name) {
            *exited = None;
        }
    });
}

#[cfg(test)]
mod tests {
    use super::*;
    use driver_protocol::ExitStatus;

    fn exec() -> Name {
        ("c0".to_owned(), Some("e0".to_owned()))
    }

    fn seven() -> Exited {
        Exited { status: ExitStatus::Code(7), at_ns: None }
    }

    fn exits() -> (mpsc::UnboundedSender<Told>, Exits) {
        let (tell, events) = mpsc::unbounded_channel();
        (tell, Exits::listen(events))
    }

    #[tokio::test]
    async fn an_exec_that_was_registered_and_not_started_is_not_waited_for() {
        let (tell, exits) = exits();
        let what = TaskEvent::ExecAdded { container: "c0".into(), exec: "e0".into() };
        let _ = tell.send(Told { at_ns: None, what });
        drop(tell);
        // Its end tells that the event was heard.
        assert_eq!(exits.wait(&exec()).await, None);
        assert!(!exits.expects(&exec()));
    }

    #[tokio::test]
    async fn an_exit_that_is_told_twice_is_passed_on_once() {
        let (tell, exits) = exits();
        for (status, at_ns) in [(7, 1), (7, 1), (7, 2)] {
            let status = laconic_client::ExitStatus::Code(status);
            let exit = laconic_client::Exit { status, at_ns: Some(at_ns) };
            let what = TaskEvent::Exited { container: "c0".into(), exec: None, pid: 5, exit };
            let _ = tell.send(Told { at_ns: None, what });
        }
        drop(tell);
        let mut times = Vec::new();
        while let Some(Notice::Exit { at_ns, .. }) = exits.next().await {
            times.extend(at_ns);
        }
        assert_eq!(times, [1, 2]);
    }

    #[tokio::test]
    async fn an_exit_that_comes_after_its_container_is_gone_is_nobodys() {
        let (tell, exits) = exits();
        let name = ("c0".to_owned(), None);
        exits.expect(name.clone());
        exits.container_is_gone("c0");
        let exit =
            laconic_client::Exit { status: laconic_client::ExitStatus::Code(137), at_ns: Some(1) };
        let what = TaskEvent::Exited { container: "c0".into(), exec: None, pid: 5, exit };
        let _ = tell.send(Told { at_ns: None, what });
        assert!(exits.next().await.is_some(), "it is told");
        assert!(!exits.expects(&name));
        // The next of that name has its own.
        exits.made(name.clone(), 0);
        assert_eq!(exits.of(&name), None);
    }

    #[tokio::test]
    async fn a_wait_for_an_exec_of_a_task_that_goes_without_telling_ends() {
        let (_tell, exits) = exits();
        exits.expect(exec());
        exits.task_is_gone("c0");
        assert_eq!(exits.wait(&exec()).await, None);
        assert!(exits.hears() && !exits.expects(&exec()));
    }

    #[tokio::test]
    async fn what_is_known_of_a_process_stays_while_another_of_that_name_is_refused() {
        let (tell, exits) = exits();
        exits.expect(exec());
        let name = exec();
        let waiting = exits.wait(&name);
        let refused = async {
            let _ = exits.births(&exec());
            tokio::task::yield_now().await;
            exits.keep(exec(), seven());
        };
        let (told, ()) = tokio::join!(biased; waiting, refused);
        drop(tell);
        assert_eq!(told, Some(seven()));
        assert_eq!(exits.of(&exec()), Some(seven()));
    }

    #[tokio::test]
    async fn what_an_earlier_exec_came_to_is_not_the_next_ones_whichever_is_heard_first() {
        let (tell, exits) = exits();
        exits.keep(exec(), seven());
        let before = exits.births(&exec());
        exits.made(exec(), before);
        assert_eq!(exits.of(&exec()), None, "the reply came before the event");
        let before = exits.births(&exec());
        let (container, exec_id) = ("c0".to_owned(), "e0".to_owned());
        let what = TaskEvent::ExecAdded { container, exec: exec_id };
        let _ = tell.send(Told { at_ns: None, what });
        while exits.births(&exec()) == before {
            tokio::task::yield_now().await;
        }
        exits.keep(exec(), seven());
        exits.made(exec(), before);
        assert_eq!(exits.of(&exec()), Some(seven()), "birth and exit came before the reply");
    }
}
