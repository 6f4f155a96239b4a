//! What all services share: state, bus, scripts. State changes under one lock, and the events of a
//! change are published under it, so that their order is the order of the changes.

use std::sync::{Arc, Mutex};

use crate::events::Bus;
use crate::processes::{OpenStreams, Scripts, play};
use crate::state::{Launch, State};

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
}

impl World {
    pub(crate) fn new(state: State, scripts: Scripts) -> Self {
        Self { inner: Arc::new(Inner { state: Mutex::new(state), bus: Bus::default(), scripts }) }
    }

    /// Looks at or changes the state; what happened is published before anybody else can look.
    pub(crate) fn change<T>(&self, change: impl FnOnce(&mut State) -> T) -> T {
        let mut state = self.inner.state.lock().expect("a panic in the state is a bug to surface");
        let result = change(&mut state);
        for envelope in state.take_events() {
            self.inner.bus.publish(envelope);
        }
        result
    }

    pub(crate) fn bus(&self) -> &Bus {
        &self.inner.bus
    }

    pub(crate) fn scripts(&self) -> &Scripts {
        &self.inner.scripts
    }

    /// Plays a process until it ends.
    pub(crate) fn launch(
        &self,
        namespace: String,
        id: String,
        exec: String,
        launch: Launch,
        streams: OpenStreams,
    ) {
        let world = self.clone();
        let pid = launch.pid;
        tokio::spawn(async move {
            if let Some(status) = play(launch, streams).await {
                world.change(|state| state.exits(&(namespace, id), &exec, pid, status));
            }
        });
    }
}
