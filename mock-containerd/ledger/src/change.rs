//! Telling those who wait that something changed, without an async runtime.

use std::collections::BTreeMap;
use std::future::Future;
use std::pin::Pin;
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll, Waker};

#[derive(Debug, Default)]
struct State {
    generation: u64,
    next: u64,
    waiting: BTreeMap<u64, Waker>,
}

/// The side that tells.
#[derive(Clone, Debug, Default)]
pub(crate) struct Change {
    state: Arc<Mutex<State>>,
}

impl Change {
    pub(crate) fn tell(&self) {
        let waiting = {
            let mut state = self.state.lock().expect("nothing panics while it holds this lock");
            state.generation += 1;
            std::mem::take(&mut state.waiting)
        };
        waiting.into_values().for_each(Waker::wake);
    }

    pub(crate) fn changed(&self) -> Changed {
        let mut state = self.state.lock().expect("nothing panics while it holds this lock");
        state.next += 1;
        Changed { state: self.state.clone(), since: state.generation, id: state.next }
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
    state: Arc<Mutex<State>>,
    since: u64,
    id: u64,
}

impl Future for Changed {
    type Output = ();

    fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<()> {
        let mut state = self.state.lock().expect("nothing panics while it holds this lock");
        if state.generation != self.since {
            return Poll::Ready(());
        }
        state.waiting.insert(self.id, context.waker().clone());
        Poll::Pending
    }
}

impl Drop for Changed {
    fn drop(&mut self) {
        let mut state = self.state.lock().expect("nothing panics while it holds this lock");
        state.waiting.remove(&self.id);
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
