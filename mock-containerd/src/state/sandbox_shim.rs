//! Shims of sandboxes: those that a controller started, and what becomes of them.

use prost::{Message, Name};
use prost_types::Timestamp;
use tonic::Code;

use super::process::{Phase, Process};
use super::task::Happened;
use super::{Exit, Failure, Key, Launch, State, Streams, go_json, key};
use crate::processes::signal::KILLED;
use crate::processes::{Ending, Held, OpenStreams, Setting};
use crate::{Profile, SandboxScript};

/// The service that a shim has, or lacks.
const SERVICE: &str = "service containerd.runtime.sandbox.v1.Sandbox";
/// What is told of a shim of a sandbox that is gone: nothing of a process is known.
const GONE: (u32, u32) = (0, 255);
/// The same, when the shim never had a sandbox: Go's -1.
const NEVER: (u32, u32) = (u32::MAX, KILLED);

/// The shim of a sandbox.
#[derive(Debug)]
pub(super) struct SandboxShim {
    /// `None`: nothing runs in it.
    pub(super) process: Option<Process>,
    /// When it was started.
    pub(super) started_at: Option<Timestamp>,
}

/// Who answers to the id of a sandbox.
pub(super) enum Answering<'s> {
    Nobody,
    /// The shim of a sandbox; of a task, if there is none.
    Sandbox(Option<&'s SandboxShim>),
    /// The shim of a task, and it knows nothing of sandboxes.
    Mute,
}

/// A pid, and when its sandbox began.
pub(crate) type Begun = (u32, Timestamp, Option<Launch>);

impl SandboxShim {
    fn of(script: SandboxScript) -> Self {
        let setting = Setting { is_init: true, ..Setting::default() };
        let process = script.process.map(|it| Process::new(Streams::default(), it, setting));
        Self { process, started_at: None }
    }
}

impl State {
    pub(super) fn answering(&self, namespace: &str, id: &str) -> Answering<'_> {
        let place = key(namespace, id);
        if let Some(shim) = self.sandbox_shims.get(&place) {
            return Answering::Sandbox(Some(shim));
        }
        if !self.tasks.contains_key(&place) {
            return Answering::Nobody;
        }
        let runtime = self.containers.get(&place).and_then(|record| record.runtime.as_ref());
        let name = runtime.map_or("", |runtime| runtime.name.as_str());
        match self.runtimes.sandboxing(self.profile, name) {
            Some(_) => Answering::Sandbox(None),
            None => Answering::Mute,
        }
    }

    pub(super) fn has_sandbox_shim(&self, namespace: &str, id: &str) -> bool {
        self.sandbox_shims.contains_key(&key(namespace, id))
    }

    /// No task of this container: the shim of a sandbox has no container of that name, and one that
    /// is gone answers nothing.
    pub(super) fn no_task(&self, namespace: &str, id: &str) -> Failure {
        if self.is_orphan(namespace, id) {
            return self.shim_closed();
        }
        match self.has_sandbox_shim(namespace, id) {
            true => Failure::not_found("container not created"),
            false => Failure::no_task(id),
        }
    }

    /// Whether a task's shim was that of a sandbox, and is gone: the daemon of 1.7 keeps a record of
    /// such a task, which is in the way of another.
    pub(super) fn is_orphan(&self, namespace: &str, id: &str) -> bool {
        !self.orphans.is_empty() && self.orphans.contains(&key(namespace, id))
    }

    /// A task is gone, and nobody is told.
    fn forget_task(&mut self, place: &Key) {
        if let Some(task) = self.tasks.remove(place) {
            task.close();
        }
    }

    /// The error of a shim without the service.
    pub(super) fn mute(&self, doing: &str) -> Failure {
        let class = if self.profile < Profile::V2_1 { ": not implemented" } else { "" };
        Failure::plain(Code::Unimplemented, format!("{doing}{SERVICE}{class}"))
    }

    /// Starts a shim for a sandbox, which is its first word.
    pub(super) fn start_sandbox_shim(
        &mut self,
        namespace: &str,
        id: &str,
        runtime: &str,
        spec: &[u8],
    ) -> Result<(), Failure> {
        let starting = |what: String| {
            let what = format!("failed to start new shim for sandbox {id}: {what}");
            Failure::plain(Code::Unknown, what)
        };
        let place = key(namespace, id);
        if self.left_bundles.contains(&place) {
            let what = format!("mkdir {}: file exists", self.sandbox_bundle(namespace, id));
            return Err(match self.profile {
                Profile::V2_1 => Failure::plain(Code::Unknown, what),
                _ => starting(what),
            });
        }
        let resolved = self.runtimes.resolve(self.profile, runtime);
        resolved.map_err(|lack| starting(format!("failed to resolve runtime path: {lack}")))?;
        let wrong = match spec {
            [] => Some("open config.json: no such file or directory".to_owned()),
            json => {
                let parsed = serde_json::from_slice::<serde_json::Value>(json);
                parsed.is_err().then(|| go_json::error_in(json))
            }
        };
        if let Some(wrong) = wrong {
            return Err(starting(format!("start failed: {runtime}: {wrong}: exit status 1")));
        }
        let Some(script) = self.runtimes.sandboxing(self.profile, runtime) else {
            self.tell_gone(&place, NEVER);
            return Err(self.mute(&format!("failed to create sandbox {id}: ")));
        };
        self.sandbox_shims.insert(place, SandboxShim::of(script));
        Ok(())
    }

    /// Where the real one would keep its files. Nothing is there.
    fn sandbox_bundle(&self, namespace: &str, id: &str) -> String {
        let plugin = match self.profile {
            Profile::V2_1 => "io.containerd.sandbox.controller.v1.shim",
            _ => "io.containerd.runtime.v2.task",
        };
        format!("/run/mock-containerd/state/{plugin}/{namespace}/{id}")
    }

    fn tell_gone(&mut self, place: &Key, (pid, status): (u32, u32)) {
        let exit = Exit::now(self.clock, status);
        self.tell_task(place, pid, vec![Happened::Exited(None, pid, exit.clone())]);
        self.tell_deleted(&place.0, &place.1, pid, &exit);
    }

    /// How many children the process of a sandbox will have, if there is one to be started.
    pub(crate) fn sandbox_process_wanted(&self, namespace: &str, id: &str) -> Option<u32> {
        let process = self.sandbox_shims.get(&key(namespace, id))?.process.as_ref()?;
        (process.phase == Phase::Created).then_some(process.script.forks)
    }

    /// Starts what runs in a sandbox. A second start answers as the first.
    pub(super) fn begin_sandbox(&mut self, namespace: &str, id: &str, pids: Held) -> Begun {
        let now = self.clock.now();
        let unknown = (0, Timestamp::default(), None);
        let Some(shim) = self.sandbox_shims.get_mut(&key(namespace, id)) else { return unknown };
        let Some(process) = &mut shim.process else { return unknown };
        let since = *shim.started_at.get_or_insert(now);
        if process.phase != Phase::Created {
            return (process.pid, since, None);
        }
        process.pid = pids.own();
        process.pids = pids;
        process.open = Some(OpenStreams::default());
        process.phase = Phase::Running;
        (process.pid, since, Some(Launch::of(process)))
    }

    /// What runs in a sandbox has ended.
    pub(super) fn sandbox_exits(&mut self, place: &Key, pid: u32, ending: Ending) {
        let exit = Exit::now(self.clock, ending.status());
        let shim = self.sandbox_shims.get_mut(place);
        if let Some(process) = shim.and_then(|shim| shim.process.as_mut())
            && process.pid == pid
            && process.running()
        {
            process.stop(exit);
        }
    }

    /// Stops what runs in a sandbox. Where nothing does, it is the shim that ends.
    pub(super) fn halt_sandbox(&mut self, namespace: &str, id: &str) {
        let place = key(namespace, id);
        let killed = Exit::now(self.clock, KILLED);
        let Some(shim) = self.sandbox_shims.get_mut(&place) else { return };
        match &mut shim.process {
            Some(process) if matches!(process.phase, Phase::Stopped(_)) => {}
            Some(process) => process.stop(killed),
            None => self.crash_sandbox(namespace, id),
        }
    }

    /// The shim of a sandbox ends by itself: nobody removes its bundle, and tasks that it had, as
    /// it does in 1.7, are orphans.
    pub(super) fn crash_sandbox(&mut self, namespace: &str, id: &str) {
        if !self.end_sandbox(namespace, id) {
            return;
        }
        self.left_bundles.insert(key(namespace, id));
        if self.profile < Profile::V2_1 {
            let within = |place: &Key| {
                let record = self.containers.get(place);
                place.0 == namespace && record.is_some_and(|record| record.sandbox == id)
            };
            let inside: Vec<Key> =
                self.tasks.keys().filter(|place| within(place)).cloned().collect();
            for place in inside {
                self.forget_task(&place);
                self.orphans.insert(place);
            }
        }
    }

    /// A shim of a sandbox is gone. `false`: there was none.
    pub(super) fn end_sandbox(&mut self, namespace: &str, id: &str) -> bool {
        let place = key(namespace, id);
        let Some(shim) = self.sandbox_shims.remove(&place) else { return false };
        if let Some(process) = &shim.process {
            process.close();
        }
        self.tell_gone(&place, GONE);
        true
    }

    /// What a restart of the daemon leaves of sandboxes. `lost`: their shims died meanwhile.
    pub(super) fn sandboxes_after_restart(&mut self, lost: bool) {
        self.pods.clear();
        self.orphans.clear();
        // 2.1 looks at its bundles when it starts, and removes those that nobody uses.
        if self.profile == Profile::V2_1 {
            self.left_bundles.clear();
        }
        if lost {
            let gone = std::mem::take(&mut self.sandbox_shims);
            if self.profile < Profile::V2_1 {
                self.left_bundles.extend(gone.into_keys());
            }
        }
    }

    /// Tells what a controller did. 1.7 forgets the slash before the topic, and refuses itself.
    pub(super) fn tell_sandbox<E: Message + Name>(
        &mut self,
        namespace: &str,
        what: &str,
        event: &E,
    ) -> Result<(), Failure> {
        if self.profile < Profile::V2_1 {
            let what = format!("envelope topic \"sandboxes/{what}\": must start with '/'");
            return Err(Failure::invalid(what));
        }
        self.happen(namespace, &format!("/sandboxes/{what}"), event);
        Ok(())
    }
}
