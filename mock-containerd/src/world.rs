//! What all services share: state, bus, scripts, store. State changes under one lock, and the
//! events of a change are published under it, so that their order is the order of the changes.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use tokio::sync::watch;

use crate::Profile;
use crate::events::Bus;
use crate::processes::{Held, Pids, Register, Scripts, play};
use crate::state::{Failure, Labels, Launch, State};
use crate::store::{Spooled, Store};
use crate::streams::Streams;

/// containerd asks a shim no longer than this how its task is.
const STATE_LIMIT: Duration = Duration::from_secs(2);

/// A handle on everything.
#[derive(Clone, Debug)]
pub(crate) struct World {
    inner: Arc<Inner>,
}

#[derive(Debug)]
struct Inner {
    profile: Profile,
    // Never held over an await: `change` takes a plain closure.
    state: Mutex<State>,
    bus: Bus,
    scripts: Scripts,
    store: Store,
    streams: Streams,
    pids: Register,
}

impl World {
    pub(crate) fn new(state: State, bus: Bus, scripts: Scripts, store: Store, pids: Pids) -> Self {
        let (profile, pids, streams) = (state.profile, Register::new(pids), Streams::default());
        let state = Mutex::new(state);
        Self { inner: Arc::new(Inner { profile, state, bus, scripts, store, streams, pids }) }
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
        self.inner.streams.close(&garbage.streams);
        // What has a number of its own cannot come back: it need not be removed under the lock.
        self.inner.store.remove_numbered(garbage);
        result
    }

    pub(crate) fn profile(&self) -> Profile {
        self.inner.profile
    }

    pub(crate) fn bus(&self) -> &Bus {
        &self.inner.bus
    }

    pub(crate) fn scripts(&self) -> &Scripts {
        &self.inner.scripts
    }

    /// Streams that wait for a transfer.
    pub(crate) fn streams(&self) -> &Streams {
        &self.inner.streams
    }

    pub(crate) fn store(&self) -> &Store {
        &self.inner.store
    }

    /// Does what blocks on the disk, away from the runtime's own threads.
    pub(crate) async fn on_disk<T: Send + 'static>(
        &self,
        what: &'static str,
        work: impl FnOnce(&Store) -> std::io::Result<T> + Send + 'static,
    ) -> Result<T, Failure> {
        let inner = self.inner.clone();
        let done = tokio::task::spawn_blocking(move || work(&inner.store)).await;
        let done = done.expect("work on the disk does not panic, and is not aborted");
        done.map_err(|error| Failure::disk(what, &error))
    }

    /// Makes what was spooled a blob that the namespace knows.
    pub(crate) fn enter_layer(
        &self,
        namespace: &str,
        lease: Option<&str>,
        spooled: Spooled,
        labels: Labels,
    ) -> Result<(), Failure> {
        let Spooled { file, digest, size } = spooled;
        self.change(|state| {
            // Moved under the lock, as every commit is: a deletion of the same bytes elsewhere comes
            // before or after, and never between.
            let moved = self.store().finish_ingest(file, &digest);
            moved.map_err(|error| Failure::disk("cannot keep a blob", &error))?;
            state.enter_layer(namespace, lease, &digest, size, labels);
            Ok(())
        })
    }

    /// Pids for a process and its children.
    pub(crate) async fn take_pids(&self, is_init: bool, children: u32) -> Result<Held, Failure> {
        self.inner.pids.take(is_init, children).await.map_err(|error| not_held(&error))
    }

    /// Whoever ends the placeholder of a process, ends the process.
    pub(crate) fn watch(
        &self,
        namespace: &str,
        id: &str,
        exec: &str,
        pids: &mut Held,
    ) -> Result<(), Failure> {
        let Some(struck) = pids.struck().map_err(|error| not_held(&error))? else { return Ok(()) };
        let (place, exec) = ((namespace.to_owned(), id.to_owned()), exec.to_owned());
        let (pid, inner) = (pids.own(), Arc::downgrade(&self.inner));
        tokio::spawn(async move {
            let status = struck.await;
            if let Some(inner) = inner.upgrade() {
                Self { inner }.change(|state| state.struck(&place, &exec, pid, status));
            }
        });
        Ok(())
    }

    /// Waits until the shim of a task answers: nearly always, now.
    pub(crate) async fn answering(&self, namespace: &str, id: &str) -> Result<(), Failure> {
        match self.change(|state| state.hung(namespace, id)) {
            Some(hung) => self.back(hung).await,
            None => Ok(()),
        }
    }

    /// As long as the daemon waits for a shim to say how its task is. `false`: it did not say.
    pub(crate) async fn answers_in_time(&self, hung: watch::Receiver<bool>) -> bool {
        tokio::time::timeout(STATE_LIMIT, self.back(hung)).await.is_ok()
    }

    async fn back(&self, mut hung: watch::Receiver<bool>) -> Result<(), Failure> {
        let back = hung.wait_for(|back| *back).await.is_ok();
        if back { Ok(()) } else { Err(self.change(|state| state.shim_closed())) }
    }

    /// Plays a process until it ends.
    pub(crate) fn launch(&self, namespace: String, id: String, exec: String, launch: Launch) {
        // Weakly: what is played for ever does not keep a mock alive that nobody holds.
        let (pid, inner) = (launch.pid, Arc::downgrade(&self.inner));
        tokio::spawn(async move {
            if let Some(ending) = play(launch).await
                && let Some(inner) = inner.upgrade()
            {
                let place = (namespace, id);
                Self { inner }.change(|state| state.exits(&place, &exec, pid, ending));
            }
        });
    }
}

fn not_held(error: &std::io::Error) -> Failure {
    Failure::plain(tonic::Code::Unknown, format!("the mock could not hold a pid: {error}"))
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;
    use crate::clock::Clock;
    use crate::events::QUEUE_MAX;
    use crate::faults::{Door, Engine};
    use crate::processes::{ProcessScript, Setting};
    use crate::state::{NewTask, Streams};
    use containerd_client::services::v1::{Container, container::Runtime};

    const TASKS: usize = 10_000;

    /// A container with a running init, in the namespace `n`.
    pub(crate) fn run(state: &mut State, id: String) {
        let runtime = Runtime { name: "io.containerd.runc.v2".to_owned(), options: None };
        let container = Container {
            id: id.clone(),
            runtime: Some(runtime),
            spec: Some(prost_types::Any::default()),
            ..Container::default()
        };
        state.create_container("n", Some(container)).unwrap();
        let script = ProcessScript::runs_until_killed();
        let new = NewTask {
            id: id.clone(),
            streams: Streams::default(),
            script,
            setting: Setting::default(),
            props: Default::default(),
            rootfs: Vec::new(),
            restore: None,
        };
        state.create_task("n", new).unwrap();
        state.start("n", &id).unwrap();
    }

    #[tokio::test]
    async fn ten_thousand_live_tasks_are_told_in_order_to_all_subscribers() {
        let bus = Bus::new(Engine::default(), QUEUE_MAX);
        let state = State::new(Profile::V1_6, crate::Cgroups::default(), Clock::Wall);
        let world = World::new(state, bus, Scripts::default(), Store::new(None), Pids::default());
        let mut all: Vec<_> =
            (0..16).map(|_| world.bus().subscribe(Vec::new(), Door::Front)).collect();
        for number in 0..TASKS {
            world.change(|state| run(state, format!("c{number}")));
        }
        for subscription in &mut all {
            for _ in 0..TASKS {
                for topic in ["/containers/create", "/tasks/create", "/tasks/start"] {
                    assert_eq!(subscription.next().await.unwrap().unwrap().topic, topic);
                }
            }
        }
        assert_eq!(world.change(|state| state.list_tasks("n")).len(), TASKS);
    }
}
