//! How many wait for an exit: while somebody does, tasks that vanish without a word are looked for.

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use tokio::sync::Notify;

#[derive(Debug, Default)]
pub(crate) struct Waits {
    pending: AtomicUsize,
    /// Some task's state could not be told.
    unsettled: AtomicBool,
    begun: Notify,
}

/// A wait that goes on. Dropping it ends it.
#[derive(Debug)]
pub(crate) struct Pending<'w>(&'w Waits);

impl Waits {
    pub(crate) fn begin(&self) -> Pending<'_> {
        if self.pending.fetch_add(1, Ordering::Relaxed) == 0 {
            self.begun.notify_one();
        }
        Pending(self)
    }

    pub(super) fn unsettle(&self) {
        if !self.unsettled.swap(true, Ordering::Relaxed) {
            self.begun.notify_one();
        }
    }

    pub(super) fn settle(&self) {
        self.unsettled.store(false, Ordering::Relaxed);
    }

    /// Whether it is worth looking.
    pub(crate) fn any(&self) -> bool {
        self.pending.load(Ordering::Relaxed) > 0 || self.unsettled.load(Ordering::Relaxed)
    }

    /// Waits until it is.
    pub(crate) async fn until_any(&self) {
        while !self.any() {
            self.begun.notified().await;
        }
    }
}

impl Drop for Pending<'_> {
    fn drop(&mut self) {
        self.0.pending.fetch_sub(1, Ordering::Relaxed);
    }
}
