//! The handle by which faults are added, taken back, listed, and done at once.

use std::time::Duration;

use rpc_ledger::ConnectionId;

use super::engine::{Order, Passing, Then};
use super::layer::{Doing, Obey};
use super::{DaemonFault, Engine, Faults, Fired, Line, Lines, TasksAfter};
use crate::world::World;

/// Makes things go wrong on a mock that runs.
///
/// ```
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// use mock_containerd::MockContainerd;
/// use mock_containerd::faults::{Faults, TasksAfter, When};
///
/// let mock = MockContainerd::builder().start().await?;
/// let faults = mock.faults();
/// faults.add(Faults::default().rpc("Tasks/Kill", When::After, "1*error(unavailable)")?);
/// assert!(faults.fired().is_empty());
/// assert_eq!(faults.unfired().len(), 1);
/// faults.clear();
/// assert!(!faults.kill_shim("default", "c1"), "there is no such task");
/// faults.restart(TasksAfter::Kept);
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Debug)]
pub struct FaultControl {
    engine: Engine,
    world: World,
    lines: Lines,
}

impl FaultControl {
    pub(crate) fn new(engine: Engine, world: World, lines: Lines) -> Self {
        Self { engine, world, lines }
    }

    /// Adds faults. What they count begins now.
    pub fn add(&self, faults: Faults) {
        self.engine.add(faults);
    }

    /// Takes all faults back. What they hold of events is published; shims that hang go on hanging.
    pub fn clear(&self) {
        for envelope in self.engine.clear() {
            self.world.bus().pass(Passing::Now(envelope));
        }
    }

    /// What fired, in order; the first 65,536.
    pub fn fired(&self) -> Vec<Fired> {
        self.engine.fired()
    }

    /// What fired in one namespace, in order.
    pub fn fired_in(&self, namespace: &str) -> Vec<Fired> {
        self.engine.fired_in(namespace)
    }

    /// A test begins in a namespace: what is drawn there is drawn for its name, so that it meets the
    /// same faults wherever and beside whatever it runs. Without, all namespaces draw alike.
    pub fn enter(&self, namespace: &str, name: &str) {
        self.engine.enter(namespace, name);
    }

    /// The test is over: what hangs in its namespace goes on, what is held there is told, and what
    /// was counted and fired there is forgotten.
    pub fn leave(&self, namespace: &str) {
        for envelope in self.engine.leave(namespace) {
            self.world.bus().pass(Passing::Now(envelope));
        }
        self.world.change(|state| state.wake_shims(namespace));
    }

    /// How many fired that are not in the list.
    pub fn fired_dropped(&self) -> u64 {
        self.engine.fired_dropped()
    }

    /// The faults that nothing has set off, as they are written.
    pub fn unfired(&self) -> Vec<String> {
        self.engine.unfired()
    }

    /// The shim of a task dies, and the task with it: exit 137 and delete are told, who waits gets
    /// UNKNOWN `ttrpc: closed`. So does that of a sandbox. `false`: there is no such task or sandbox.
    pub fn kill_shim(&self, namespace: &str, id: &str) -> bool {
        self.world.change(|state| state.kill_shim(namespace, id))
    }

    /// The shim of a task answers no more: calls to it wait, and after 2 s the task is shown as
    /// UNKNOWN. `false`: there is no such task.
    pub fn hang_shim(&self, namespace: &str, id: &str) -> bool {
        self.world.change(|state| state.hang_shim(namespace, id))
    }

    /// A shim that hung goes on: the calls that waited are carried out, and what exited meanwhile is
    /// told. `false`: it did not hang.
    pub fn wake_shim(&self, namespace: &str, id: &str) -> bool {
        self.world.change(|state| state.wake_shim(namespace, id))
    }

    /// The daemon restarts: all connections are cut.
    pub fn restart(&self, tasks: TasksAfter) {
        self.world.change(|state| state.daemon_restarts(tasks == TasksAfter::Lost));
        self.lines.cut();
    }

    /// Cuts a connection, with every call that is open there. `false`: there is none of this number.
    pub fn cut_connection(&self, connection: ConnectionId) -> bool {
        let line = self.lines.find(connection);
        line.as_ref().map(Line::cut).is_some()
    }

    fn wake_later(&self, namespace: String, id: String, span: Duration) {
        let world = self.world.clone();
        tokio::spawn(async move {
            tokio::time::sleep(span).await;
            world.change(|state| state.wake_shim(&namespace, &id));
        });
    }
}

impl Obey for FaultControl {
    fn obey(&self, order: &Order) -> Option<Doing> {
        let namespace = &order.fired.namespace;
        let (done, word) = match &order.what {
            Then::Daemon(DaemonFault::KillShim(id)) => (self.kill_shim(namespace, id), "killed"),
            Then::Daemon(DaemonFault::HangShim(id, span)) => {
                let hangs = self.hang_shim(namespace, id);
                if let (true, Some(span)) = (hangs, span) {
                    self.wake_later(namespace.clone(), id.clone(), *span);
                }
                (hangs, "hung")
            }
            Then::Daemon(DaemonFault::Restart(_)) | Then::Cut(_) => return None,
        };
        self.engine.note(order.fired.shim(done, word));
        None
    }

    /// The reply is on its way by then: whoever looks at what a fault did must find it among those that
    /// fired, so it is noted first.
    fn cut(&self, order: Order, line: &Line) {
        match order.what {
            Then::Cut(what) => self.engine.cut(order.fired, what, line),
            Then::Daemon(DaemonFault::Restart(tasks)) => {
                let done = "daemon restarted".to_owned();
                self.engine.note(Fired { done, ..order.fired });
                self.restart(tasks);
            }
            Then::Daemon(_) => {}
        }
    }
}

impl Order {
    /// Whether it cuts connections or streams.
    pub(crate) fn cuts(&self) -> bool {
        matches!(self.what, Then::Cut(_) | Then::Daemon(DaemonFault::Restart(_)))
    }
}

#[cfg(test)]
mod tests {
    use std::pin::pin;
    use std::sync::{Arc, Mutex};
    use std::task::{Context, Wake, Waker};

    use super::super::{Arrivals, Door, Effect};
    use super::*;
    use crate::clock::Clock;
    use crate::events::{Bus, QUEUE_MAX};
    use crate::processes::{Pids, Scripts};
    use crate::state::State;
    use crate::store::Store;
    use crate::{Cgroups, Profile};

    /// Looks at what fired at the very moment in which it is woken.
    struct Looks {
        control: FaultControl,
        seen: Mutex<Option<usize>>,
    }

    impl Wake for Looks {
        fn wake(self: Arc<Self>) {
            *self.seen.lock().unwrap() = Some(self.control.fired().len());
        }
    }

    #[tokio::test]
    async fn who_sees_what_a_restart_did_finds_it_among_what_fired() {
        let engine = Engine::default();
        let state = State::new(Profile::V1_6, Cgroups::default(), Clock::Wall);
        let bus = Bus::new(engine.clone(), QUEUE_MAX);
        let world = World::new(state, bus, Scripts::default(), Store::new(None), Pids::default());
        let lines = Lines::default();
        let control = FaultControl::new(engine, world.clone(), lines.clone());
        world.change(|state| crate::world::tests::run(state, "c1".to_owned()));
        let mut waited = world.change(|state| state.wait("n", "c1", "")).unwrap();
        waited.mark_unchanged();
        let looks = Arc::new(Looks { control: control.clone(), seen: Mutex::default() });
        let waker = Waker::from(looks.clone());
        let mut changed = pin!(waited.changed());
        assert!(changed.as_mut().poll(&mut Context::from_waker(&waker)).is_pending());

        let ledger = rpc_ledger::Ledger::new();
        let listed = lines.begin(Arrivals::default().arrive(&ledger, Door::Front));
        let lost = DaemonFault::Restart(TasksAfter::Lost);
        let fired = Fired {
            occasion: String::new(),
            namespace: "n".to_owned(),
            connection: None,
            effect: Effect::Daemon(lost.clone()),
            done: String::new(),
            rule: String::new(),
            origin: String::new(),
        };
        control.cut(Order { what: Then::Daemon(lost), fired }, listed.line());
        assert_eq!(*looks.seen.lock().unwrap(), Some(1));
    }
}
