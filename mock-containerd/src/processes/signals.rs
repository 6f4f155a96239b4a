//! Signals on their way to one process: what it does about each, and which have come.

use std::sync::{Arc, Mutex, MutexGuard};

use tokio::sync::Notify;

use super::signal::SIGNAL_MAX;

/// What a process does about a signal.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Disposition {
    /// What the kernel does for those who say nothing.
    Default,
    /// Nothing.
    Ignored,
    /// Something of its own.
    Handled,
}

/// Held by the state, which delivers, and by the player, which reacts.
#[derive(Clone, Debug, Default)]
pub(crate) struct Signals {
    inner: Arc<Inner>,
}

#[derive(Debug, Default)]
struct Inner {
    sets: Mutex<Sets>,
    came: Notify,
}

/// One bit a signal: two of a kind that nobody has looked at yet are one, as in the kernel.
#[derive(Debug, Default)]
struct Sets {
    ignored: u64,
    handled: u64,
    pending: u64,
}

fn bit(signal: u32) -> u64 {
    assert!((1..=SIGNAL_MAX).contains(&signal), "checked where it came in");
    1 << (signal - 1)
}

impl Signals {
    fn sets(&self) -> MutexGuard<'_, Sets> {
        self.inner.sets.lock().expect("nothing panics while it holds the sets")
    }

    /// From now on it does this about a signal.
    pub(crate) fn dispose(&self, signal: u32, disposition: Disposition) {
        let mut sets = self.sets();
        let bit = bit(signal);
        sets.ignored &= !bit;
        sets.handled &= !bit;
        match disposition {
            Disposition::Default => {}
            Disposition::Ignored => sets.ignored |= bit,
            Disposition::Handled => sets.handled |= bit,
        }
    }

    pub(crate) fn disposition(&self, signal: u32) -> Disposition {
        let (sets, bit) = (self.sets(), bit(signal));
        match (sets.ignored & bit, sets.handled & bit) {
            (0, 0) => Disposition::Default,
            (0, _) => Disposition::Handled,
            _ => Disposition::Ignored,
        }
    }

    /// It comes; the player will see it.
    pub(crate) fn deliver(&self, signal: u32) {
        self.sets().pending |= bit(signal);
        self.inner.came.notify_one();
    }

    /// One that has come, the lowest first.
    pub(crate) fn take(&self) -> Option<u32> {
        let mut sets = self.sets();
        let lowest = sets.pending.trailing_zeros();
        if lowest == u64::BITS {
            return None;
        }
        sets.pending &= !(1 << lowest);
        Some(lowest + 1)
    }

    /// The next one. It may be dropped while it waits: nothing is lost.
    pub(crate) async fn next(&self) -> u32 {
        loop {
            if let Some(signal) = self.take() {
                return signal;
            }
            self.inner.came.notified().await;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn what_came_is_seen_once_and_the_lowest_first() {
        let signals = Signals::default();
        for signal in [15, 1, 15] {
            signals.deliver(signal);
        }
        assert_eq!((signals.next().await, signals.next().await), (1, 15));
        assert_eq!(signals.take(), None);
    }

    #[test]
    fn a_disposition_replaces_the_one_before() {
        let signals = Signals::default();
        for one in [Disposition::Handled, Disposition::Ignored, Disposition::Default] {
            signals.dispose(64, one);
            assert_eq!(signals.disposition(64), one);
        }
    }
}
