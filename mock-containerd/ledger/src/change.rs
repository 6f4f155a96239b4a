//! Telling those who wait that something changed, without an async runtime.

use std::collections::BTreeMap;
use std::future::Future;
use std::pin::Pin;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll, Waker};

type Wakers = BTreeMap<u64, Waker>;

/// A change looks at two numbers; the lock is for those who wait.
#[derive(Debug, Default)]
struct State {
    generation: AtomicU64,
    next: AtomicU64,
    waiting: AtomicUsize,
    wakers: Mutex<Wakers>,
}

impl State {
    fn generation(&self) -> u64 {
        self.generation.load(Ordering::SeqCst)
    }

    fn with_wakers<T>(&self, act: impl FnOnce(&mut Wakers) -> T) -> T {
        let mut wakers = self.wakers.lock().expect("nothing panics while it holds this lock");
        let result = act(&mut wakers);
        self.waiting.store(wakers.len(), Ordering::SeqCst);
        result
    }
}

/// The side that tells.
#[derive(Clone, Debug, Default)]
pub(crate) struct Change {
    state: Arc<State>,
}

impl Change {
    pub(crate) fn tell(&self) {
        self.state.generation.fetch_add(1, Ordering::SeqCst);
        if self.state.waiting.load(Ordering::SeqCst) == 0 {
            return;
        }
        let waiting = self.state.with_wakers(std::mem::take);
        waiting.into_values().for_each(Waker::wake);
    }

    pub(crate) fn changed(&self) -> Changed {
        let id = self.state.next.fetch_add(1, Ordering::Relaxed);
        Changed { state: self.state.clone(), since: self.state.generation(), id }
    }
}

/// Done when something has changed since it was made.
///
/// ```
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() {
/// use rpc_ledger::{Ledger, Opening, Rpc};
///
/// let ledger = Ledger::new();
/// let changed = ledger.changed();
/// let call = ledger.start(Opening::of(Rpc::from_path("/a.v1.A/One")));
/// changed.await;
/// # }
/// ```
#[derive(Debug)]
pub struct Changed {
    state: Arc<State>,
    since: u64,
    id: u64,
}

impl Future for Changed {
    type Output = ();

    fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<()> {
        if self.state.generation() != self.since {
            return Poll::Ready(());
        }
        self.state.with_wakers(|wakers| wakers.insert(self.id, context.waker().clone()));
        // Looked at again: a change that came in between saw nobody waiting.
        if self.state.generation() != self.since {
            return Poll::Ready(());
        }
        Poll::Pending
    }
}

impl Drop for Changed {
    fn drop(&mut self) {
        self.state.with_wakers(|wakers| wakers.remove(&self.id));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_change_before_the_first_poll_is_not_lost() {
        let change = Change::default();
        let changed = change.changed();
        change.tell();
        changed.await;
    }

    #[tokio::test]
    async fn those_who_wait_are_woken() {
        let change = Change::default();
        let changed = change.changed();
        let waiting = tokio::spawn(changed);
        tokio::task::yield_now().await;
        change.tell();
        waiting.await.unwrap();
    }
}
