//! What all services share: state, bus, scripts, store. State changes under one lock, and the
//! events of a change are published under it, so that their order is the order of the changes.

use std::sync::{Arc, Mutex};

use crate::events::Bus;
use crate::processes::{Scripts, play};
use crate::state::{Launch, State};
use crate::store::Store;

/// A handle on everything.
#[derive(Clone, Debug)]
pub(crate) struct World {
    inner: Arc<Inner>,
}

#[derive(Debug)]
struct Inner {
    // Never held over an await: `change` takes a plain closure.
    state: Mutex<State>,
    bus: Bus,
    scripts: Scripts,
    store: Store,
}

impl World {
    pub(crate) fn new(state: State, scripts: Scripts, store: Store) -> Self {
        let (state, bus) = (Mutex::new(state), Bus::default());
        Self { inner: Arc::new(Inner { state, bus, scripts, store }) }
    }

    /// Looks at or changes the state; what happened is published before anybody else can look.
    pub(crate) fn change<T>(&self, change: impl FnOnce(&mut State) -> T) -> T {
        let mut state = self.inner.state.lock().expect("a panic in the state is a bug to surface");
        let result = change(&mut state);
        state.collect_if_dirty();
        for envelope in state.take_events() {
            self.inner.bus.publish(envelope);
        }
        let garbage = state.take_garbage();
        // Under the lock: afterwards somebody may commit the same bytes anew.
        self.inner.store.remove_blobs(&garbage.blobs);
        drop(state);
        // What has a number of its own cannot come back: it need not be removed under the lock.
        self.inner.store.remove_numbered(garbage);
        result
    }

    pub(crate) fn bus(&self) -> &Bus {
        &self.inner.bus
    }

    pub(crate) fn scripts(&self) -> &Scripts {
        &self.inner.scripts
    }

    pub(crate) fn store(&self) -> &Store {
        &self.inner.store
    }

    /// Does what blocks on the disk, away from the runtime's own threads.
    pub(crate) async fn on_disk<T: Send + 'static>(
        &self,
        what: &'static str,
        work: impl FnOnce(&Store) -> std::io::Result<T> + Send + 'static,
    ) -> Result<T, crate::state::Failure> {
        let inner = self.inner.clone();
        let done = tokio::task::spawn_blocking(move || work(&inner.store)).await;
        let done = done.expect("work on the disk does not panic, and is not aborted");
        done.map_err(|error| crate::state::Failure::disk(what, &error))
    }

    /// Plays a process until it ends.
    pub(crate) fn launch(&self, namespace: String, id: String, exec: String, launch: Launch) {
        let world = self.clone();
        let pid = launch.pid;
        tokio::spawn(async move {
            if let Some(ending) = play(launch).await {
                world.change(|state| state.exits(&(namespace, id), &exec, pid, ending));
            }
        });
    }
}
