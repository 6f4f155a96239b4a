//! What is done once a call has been answered: cuts by the proxy itself, the rest by whoever has the
//! daemon in his hands.

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;

use rpc_ledger::Ledger;
use tokio::sync::watch;

use super::{Daemon, Taking};
use crate::faults::engine::{Order, Then};
use crate::faults::layer::{Doing, Obey};
use crate::faults::{DaemonFault, Engine, Fired, Line, Lines, TasksAfter};

/// How long calls that were cut may take to be given up behind.
const REST_LIMIT: Duration = Duration::from_secs(10);

pub(super) struct HandParts {
    pub(super) engine: Engine,
    pub(super) lines: Lines,
    pub(super) forwarded: Ledger,
    pub(super) daemon: Option<Arc<dyn Daemon>>,
    /// The daemon is being restarted: nobody comes to it.
    pub(super) away: watch::Sender<bool>,
}

/// Clones are one.
#[derive(Clone)]
pub(super) struct Hand {
    inner: Arc<Inner>,
}

struct Inner {
    parts: HandParts,
    /// Shims that hang, by namespace and id.
    hung: Mutex<BTreeSet<(String, String)>>,
    /// A restart that is known to come, and waits for its reply to be written.
    restarting: Mutex<Option<Taking<'static, bool>>>,
}

impl Hand {
    pub(super) fn new(parts: HandParts) -> Self {
        Self {
            inner: Arc::new(Inner { parts, hung: Mutex::default(), restarting: Mutex::default() }),
        }
    }

    fn hung(&self) -> MutexGuard<'_, BTreeSet<(String, String)>> {
        self.inner.hung.lock().expect("nothing panics while it holds the names")
    }

    /// All shims of a namespace that hang go on.
    pub(super) fn wake_all(&self, namespace: &str) {
        let mut hung = self.hung();
        let here: Vec<_> = hung.iter().filter(|(of, _)| of == namespace).cloned().collect();
        hung.retain(|(of, _)| of != namespace);
        drop(hung);
        for (namespace, id) in here {
            if let Some(daemon) = &self.inner.parts.daemon {
                daemon.wake_shim(&namespace, &id);
            }
        }
    }

    async fn kill(&self, fired: Fired, id: String) {
        let done = match &self.inner.parts.daemon {
            None => nobody(&fired),
            Some(daemon) => fired.shim(daemon.kill_shim(&fired.namespace, &id).await, "killed"),
        };
        self.inner.parts.engine.note(done);
    }

    fn hang(&self, fired: &Fired, id: &str, back: Option<Duration>) {
        let Some(daemon) = &self.inner.parts.daemon else {
            return self.inner.parts.engine.note(nobody(fired));
        };
        let hangs = daemon.hang_shim(&fired.namespace, id);
        if hangs {
            self.hung().insert((fired.namespace.clone(), id.to_owned()));
        }
        self.inner.parts.engine.note(fired.shim(hangs, "hung"));
        if let (true, Some(span)) = (hangs, back) {
            let (hand, named) = (self.clone(), (fired.namespace.clone(), id.to_owned()));
            tokio::spawn(async move {
                tokio::time::sleep(span).await;
                let still = hand.hung().remove(&named);
                if let (true, Some(daemon)) = (still, &hand.inner.parts.daemon) {
                    daemon.wake_shim(&named.0, &named.1);
                }
            });
        }
    }

    fn restarting(&self) -> MutexGuard<'_, Option<Taking<'static, bool>>> {
        self.inner.restarting.lock().expect("nothing panics while it holds the restart")
    }

    fn announce(&self, tasks: TasksAfter) {
        if let Some(daemon) = &self.inner.parts.daemon {
            self.restarting().get_or_insert_with(|| daemon.clone().restart(tasks));
        }
    }

    fn restart(&self, fired: Fired) {
        let parts = &self.inner.parts;
        if parts.daemon.is_none() {
            return parts.engine.note(nobody(&fired));
        }
        parts.engine.note(Fired { done: "daemon restarted".to_owned(), ..fired });
        // Of two that one call set off, the first does it for both.
        let Some(restart) = self.restarting().take() else { return };
        parts.away.send_replace(true);
        parts.lines.cut();
        let (away, forwarded) = (parts.away.clone(), parts.forwarded.clone());
        tokio::spawn(async move {
            // Then whatever was passed on was answered before the daemon is asked what it counted, or
            // is known to have been given up.
            let _ = tokio::time::timeout(REST_LIMIT, at_rest(&forwarded)).await;
            if restart.await {
                away.send_replace(false);
            }
        });
    }
}

async fn at_rest(ledger: &Ledger) {
    loop {
        let changed = ledger.changed();
        if ledger.in_flight() == 0 {
            return;
        }
        changed.await;
    }
}

fn nobody(fired: &Fired) -> Fired {
    Fired { done: "no daemon in these hands: nothing done".to_owned(), ..fired.clone() }
}

impl Obey for Hand {
    fn obey(&self, order: &Order) -> Option<Doing> {
        match &order.what {
            Then::Daemon(DaemonFault::KillShim(id)) => {
                let (hand, fired, id) = (self.clone(), order.fired.clone(), id.clone());
                Some(Box::pin(async move { hand.kill(fired, id).await }))
            }
            Then::Daemon(DaemonFault::HangShim(id, back)) => {
                self.hang(&order.fired, id, *back);
                None
            }
            // Whoever is told that the call is over, and asks how things stand, waits for it.
            Then::Daemon(DaemonFault::Restart(tasks)) => {
                self.announce(*tasks);
                None
            }
            Then::Cut(_) => None,
        }
    }

    fn cut(&self, order: Order, line: &Line) {
        match order.what {
            Then::Cut(what) => self.inner.parts.engine.cut(order.fired, what, line),
            Then::Daemon(DaemonFault::Restart(_)) => self.restart(order.fired),
            Then::Daemon(_) => {}
        }
    }
}
