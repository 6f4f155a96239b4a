//! Exits, kept from events as Moby's daemon kept them.

use std::collections::BTreeMap;
use std::sync::Arc;

use driver_protocol::{ContainerId, ExecId, Exited, Notice};
use laconic_client::{TaskEvent, Told};
use tokio::sync::{Mutex, mpsc, watch};

/// Container, and exec unless it is the init.
pub(super) type Name = (String, Option<String>);

type Kept = BTreeMap<Name, Option<Exited>>;

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
        let (keep, kept) = watch::channel(Kept::new());
        let (end, ended) = watch::channel(false);
        let (tell, notices) = mpsc::unbounded_channel();
        let keep = Arc::new(keep);
        let keeper = keep.clone();
        let listening = tokio::spawn(async move {
            while let Some(told) = events.recv().await {
                match told.what {
                    TaskEvent::Exited { container, exec, exit, .. } => {
                        let exited = crate::exited(exit);
                        keeper.send_modify(|kept| {
                            kept.insert((container.clone(), exec.clone()), Some(exited.clone()));
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
            kept.entry(name).or_default().get_or_insert(exited);
        });
    }

    /// A process of this name is about to be made: what is kept is an earlier one's. It is returned,
    /// should none be made.
    pub(super) fn forget(&self, name: &Name) -> Option<Option<Exited>> {
        let mut before = None;
        self.keep.send_modify(|kept| before = kept.remove(name));
        before
    }

    /// None was made: the earlier one is the one of this name, unless more was heard since.
    pub(super) fn put_back(&self, name: Name, before: Option<Option<Exited>>) {
        let Some(before) = before else { return };
        self.keep.send_modify(|kept| {
            kept.entry(name).or_insert(before);
        });
    }

    /// A task is gone: its execs whose exits were not heard of until now have none.
    pub(super) fn task_is_gone(&self, id: &str) {
        self.keep.send_modify(|kept| {
            kept.retain(|(container, _), exited| container != id || exited.is_some());
        });
    }

    /// A container is gone: the next of that name has none of its processes.
    pub(super) fn container_is_gone(&self, id: &str) {
        self.keep.send_modify(|kept| kept.retain(|(container, _), _| container != id));
    }

    /// There is such a process: its exit can be waited for.
    pub(super) fn expect(&self, name: Name) {
        self.keep.send_modify(|kept| {
            kept.entry(name).or_default();
        });
    }

    /// Whether its exit can be waited for, or is known.
    pub(super) fn expects(&self, name: &Name) -> bool {
        self.kept.borrow().contains_key(name)
    }

    pub(super) fn of(&self, name: &Name) -> Option<Exited> {
        self.kept.borrow().get(name).cloned().flatten()
    }

    /// Waits for an exit; `None`: the stream ended first, or nobody will ever tell.
    pub(super) async fn wait(&self, name: &Name) -> Option<Exited> {
        let mut kept = self.kept.clone();
        let heard = |kept: &Kept| !matches!(kept.get(name), Some(None));
        let ended = async { self.ended.clone().wait_for(|ended| *ended).await.map(|_| ()) };
        tokio::select! {
            biased;
            found = kept.wait_for(heard) => found.ok()?.get(name).cloned().flatten(),
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
        if let Some(exited) = kept.get_mut(name) {
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
    async fn a_wait_for_an_exec_of_a_task_that_goes_without_telling_ends() {
        let (_tell, exits) = exits();
        exits.expect(exec());
        exits.task_is_gone("c0");
        assert_eq!(exits.wait(&exec()).await, None);
        assert!(exits.hears() && !exits.expects(&exec()));
    }

    #[tokio::test]
    async fn what_an_earlier_exec_came_to_is_told_again_only_if_no_other_is_made() {
        let (_tell, exits) = exits();
        exits.keep(exec(), seven());
        let before = exits.forget(&exec());
        assert_eq!(exits.of(&exec()), None);
        exits.put_back(exec(), before);
        assert_eq!(exits.of(&exec()), Some(seven()));
    }
}
