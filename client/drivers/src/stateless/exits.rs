//! Exits, kept from events as Moby's daemon kept them.

use std::collections::BTreeMap;
use std::sync::Arc;

use driver_protocol::{ContainerId, ExecId, Exited, Notice};
use laconic_client::TaskEvent;
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
    pub(super) fn listen(mut events: mpsc::UnboundedReceiver<TaskEvent>) -> Self {
        let (keep, kept) = watch::channel(Kept::new());
        let (end, ended) = watch::channel(false);
        let (tell, notices) = mpsc::unbounded_channel();
        let keep = Arc::new(keep);
        let keeper = keep.clone();
        let listening = tokio::spawn(async move {
            while let Some(event) = events.recv().await {
                match event {
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
                    // A new bearer of the name: what was kept is an earlier one's.
                    TaskEvent::Created { container, .. } => {
                        keeper.send_modify(|kept| {
                            kept.insert((container, None), None);
                        });
                    }
                    TaskEvent::ExecAdded { container, exec } => {
                        keeper.send_modify(|kept| {
                            kept.insert((container, Some(exec)), None);
                        });
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
            kept.insert(name, Some(exited));
        });
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

    /// Waits for an exit; `None`: the stream ended first.
    pub(super) async fn wait(&self, name: &Name) -> Option<Exited> {
        let mut kept = self.kept.clone();
        let heard = |kept: &Kept| matches!(kept.get(name), Some(Some(_)));
        let ended = async { self.ended.clone().wait_for(|ended| *ended).await.map(|_| ()) };
        tokio::select! {
            biased;
            found = kept.wait_for(heard) => found.ok()?.get(name).cloned().flatten(),
            _ = ended => None,
        }
    }

    pub(super) async fn next(&self) -> Option<Notice> {
        self.notices.lock().await.recv().await
    }
}
