//! One life of a process: what a handle holds, and what is never mistaken for another life of the
//! same name.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, Weak};

use tokio::sync::watch;

use super::execs::Execs;
use super::{Exit, Status};
use crate::io::Hold;

/// How an incarnation stands.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Standing {
    /// 0: not known (yet).
    pub(crate) pid: u32,
    pub(crate) status: Status,
    /// The daemon has it no more, or another bears its name.
    pub(crate) gone: bool,
}

impl Standing {
    /// It has exited, or is gone.
    pub(crate) fn has_ended(&self) -> bool {
        self.gone || matches!(self.status, Status::Stopped(_))
    }
}

/// A task or an exec, from its creation to its deletion. Its name may be borne by others before
/// and after, even with the same pid: what tells them apart is that they are different objects.
#[derive(Debug)]
pub(crate) struct Incarnation {
    pub(crate) container: String,
    /// `None`: the init.
    pub(crate) exec: Option<String>,
    /// Of an exec: the task that it is in.
    pub(super) task: Weak<Incarnation>,
    standing: watch::Sender<Standing>,
    /// Of a task.
    pub(super) execs: Mutex<Execs>,
    /// What this client has of it.
    pub(crate) hold: Hold,
    /// A start was asked for: of an exec there must be no second.
    begun: AtomicBool,
    /// No answer has shown it, and no birth was told.
    hearsay: AtomicBool,
}

impl Incarnation {
    pub(super) fn task(container: &str, pid: u32, status: Status) -> Arc<Self> {
        Self::new(container.to_owned(), None, Weak::new(), pid, status)
    }

    /// One that the stream speaks of, and of whom nothing else is known.
    pub(super) fn stranger(container: &str, pid: u32, status: Status) -> Arc<Self> {
        let stranger = Self::task(container, pid, status);
        stranger.hearsay.store(true, Ordering::Relaxed);
        stranger
    }

    pub(super) fn exec_in(task: &Arc<Self>, id: &str, pid: u32, status: Status) -> Arc<Self> {
        let (container, within) = (task.container.clone(), Arc::downgrade(task));
        Self::new(container, Some(id.to_owned()), within, pid, status)
    }

    fn new(
        container: String,
        exec: Option<String>,
        task: Weak<Self>,
        pid: u32,
        status: Status,
    ) -> Arc<Self> {
        let standing = watch::Sender::new(Standing { pid, status, gone: false });
        let (execs, hold, begun, hearsay) = Default::default();
        Arc::new(Self { container, exec, task, standing, execs, hold, begun, hearsay })
    }

    pub(crate) fn standing(&self) -> Standing {
        *self.standing.borrow()
    }

    pub(crate) fn pid(&self) -> u32 {
        self.standing().pid
    }

    /// How it ended, if it is known to have.
    pub(crate) fn exit(&self) -> Option<Exit> {
        match self.standing().status {
            Status::Stopped(exit) => Some(exit),
            _ => None,
        }
    }

    pub(crate) fn is_gone(&self) -> bool {
        self.standing().gone
    }

    /// Here, and not known to have exited.
    pub(super) fn lives(&self) -> bool {
        !self.standing().has_ended()
    }

    /// How it stands, now and as it changes.
    pub(crate) fn watch(&self) -> watch::Receiver<Standing> {
        self.standing.subscribe()
    }

    /// Waits for its end.
    pub(crate) async fn ended(&self) -> Exit {
        let mut standing = self.standing.subscribe();
        loop {
            if let Status::Stopped(exit) = standing.borrow_and_update().status {
                return exit;
            }
            // The sender is in `self`, which outlives this.
            if standing.changed().await.is_err() {
                return std::future::pending().await;
            }
        }
    }

    /// Whether this client has given out a handle for it.
    pub(crate) fn is_held(&self) -> bool {
        self.hold.is_given()
    }

    /// A start is asked for now. `false`: one was before, or it is known to have begun.
    pub(crate) fn begin(&self) -> bool {
        let first = !self.begun.swap(true, Ordering::Relaxed);
        first && self.standing().status == Status::Created
    }

    /// Whether it may have gone before it was heard of: what is told late does not say so.
    pub(crate) fn is_hearsay(&self) -> bool {
        self.hearsay.load(Ordering::Relaxed)
    }

    /// An answer shows it.
    pub(super) fn seen(&self) {
        self.hearsay.store(false, Ordering::Relaxed);
    }

    fn change(&self, change: impl FnOnce(&mut Standing)) {
        self.standing.send_if_modified(|standing| {
            let before = *standing;
            change(standing);
            *standing != before
        });
    }

    pub(super) fn learn_pid(&self, pid: u32) {
        self.change(|standing| {
            if standing.pid == 0 {
                standing.pid = pid;
            }
        });
    }

    /// It is shown in this state; what is known may be further along.
    pub(super) fn learn(&self, status: Status) {
        self.change(|standing| {
            if rank(status) >= rank(standing.status) {
                standing.status = status;
            }
        });
    }

    /// It is shown in this state by an answer that is newer than all that is known.
    pub(super) fn refresh(&self, status: Status) {
        self.change(|standing| {
            if !matches!(standing.status, Status::Stopped(_)) {
                standing.status = status;
            }
        });
    }

    /// It turned from one state to another; one that is in neither is further along.
    pub(super) fn turn(&self, from: Status, to: Status) {
        self.change(|standing| {
            // What the server could not tell is told by whatever happens to it next.
            if standing.status == from || standing.status == Status::Unknown {
                standing.status = to;
            }
        });
    }

    /// `false`: it had ended already, and that stands.
    pub(super) fn end(&self, exit: Exit) -> bool {
        let ends = self.exit().is_none();
        if ends {
            self.change(|standing| standing.status = Status::Stopped(exit));
        }
        ends
    }

    /// Nothing may be done to it any more. Of its streams what was taken can be read to its end.
    pub(super) fn pass(&self) {
        self.change(|standing| standing.gone = true);
        self.hold.end();
    }
}

fn rank(status: Status) -> u8 {
    match status {
        Status::Unknown => 0,
        Status::Created => 1,
        Status::Running | Status::Paused => 2,
        Status::Stopped(_) => 3,
    }
}
