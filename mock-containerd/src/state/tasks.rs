//! Tasks by container: looking them up in the order in which containerd does, and telling what
//! happened to them.

use containerd_client::events as told;
use containerd_client::types::v1::{Process as Shown, ProcessInfo};
use containerd_client::types::{Metric, Mount};
use prost::Message;
use prost_types::Any;
use tokio::sync::watch;

use super::process::{Phase, Process, Props, Streams};
use super::sandbox_shim::Answering;
use super::task::{Happened, Start, Task};
use super::usage::metric;
use super::{
    Exit, Failure, Key, NewExec, NewTask, Parts, State, Waited, Wanted, any_passes, key,
    of_namespace, spec,
};
use crate::Profile;
use crate::processes::signal::KILLED;
use crate::processes::{Controls, Ending, OpenStreams, ProcessScript, Setting, Signals, Size};

/// `containerd.runc.v1.ProcessDetails`: which exec a pid is. Its proto has no service, so no stubs
/// are generated of it.
#[derive(Clone, PartialEq, Message)]
struct ProcessDetails {
    #[prost(string, tag = "1")]
    exec_id: String,
}

/// Where the real one would keep a task's files. Nothing is there.
pub(super) fn bundle(namespace: &str, id: &str) -> String {
    format!("/run/mock-containerd/state/io.containerd.runtime.v2.task/{namespace}/{id}")
}

/// A process that is to be played from now on.
#[derive(Debug)]
pub(crate) struct Launch {
    pub(crate) pid: u32,
    pub(crate) script: ProcessScript,
    pub(crate) setting: Setting,
    pub(crate) signals: Signals,
    pub(crate) controls: watch::Receiver<Controls>,
    pub(crate) ended: watch::Receiver<Waited>,
    pub(crate) streams: OpenStreams,
}

impl Launch {
    pub(super) fn of(process: &mut Process) -> Self {
        Self {
            pid: process.pid,
            script: process.script.clone(),
            setting: process.setting.clone(),
            signals: process.signals.clone(),
            controls: process.controls.subscribe(),
            ended: process.waited.subscribe(),
            streams: process.open.take().unwrap_or_default(),
        }
    }
}

impl State {
    /// Container record first, then the task.
    pub(super) fn task(&self, namespace: &str, id: &str) -> Result<&Task, Failure> {
        self.container(namespace, id)?;
        let task = self.tasks.get(&(namespace, id) as &dyn Parts);
        task.ok_or_else(|| self.no_task(namespace, id))
    }

    pub(super) fn change<T>(
        &mut self,
        namespace: &str,
        id: &str,
        change: impl FnOnce(&mut Task) -> Result<(T, Vec<Happened>), Failure>,
    ) -> Result<T, Failure> {
        self.container(namespace, id)?;
        let place = key(namespace, id);
        let absent = self.no_task(namespace, id);
        let task = self.tasks.get_mut(&place).ok_or(absent)?;
        let (result, happened) = change(task)?;
        let pid = task.init.pid;
        self.tell_task(&place, pid, happened);
        Ok(result)
    }

    pub(super) fn tell_task(&mut self, (namespace, id): &Key, pid: u32, happened: Vec<Happened>) {
        let container_id = id.clone();
        for one in happened {
            let container_id = container_id.clone();
            match one {
                Happened::Started => {
                    let event = told::TaskStart { container_id, pid };
                    self.happen(namespace, "/tasks/start", &event);
                }
                Happened::ExecAdded(exec_id) => {
                    let event = told::TaskExecAdded { container_id, exec_id };
                    self.happen(namespace, "/tasks/exec-added", &event);
                }
                Happened::ExecStarted(exec_id, pid) => {
                    let event = told::TaskExecStarted { container_id, exec_id, pid };
                    self.happen(namespace, "/tasks/exec-started", &event);
                }
                Happened::Exited(exec, pid, exit) => {
                    let event = told::TaskExit {
                        id: exec.unwrap_or_else(|| container_id.clone()),
                        container_id,
                        pid,
                        exit_status: exit.status,
                        exited_at: Some(exit.at),
                    };
                    self.happen(namespace, "/tasks/exit", &event);
                }
                Happened::OutOfMemory => {
                    self.happen(namespace, "/tasks/oom", &told::TaskOom { container_id });
                }
                Happened::Paused => {
                    self.happen(namespace, "/tasks/paused", &told::TaskPaused { container_id });
                }
                Happened::Resumed => {
                    self.happen(namespace, "/tasks/resumed", &told::TaskResumed { container_id });
                }
            }
        }
    }

    /// What a task of this container would run.
    pub(crate) fn init_wanted(
        &self,
        namespace: &str,
        id: &str,
        rootfs: &[Mount],
        terminal: bool,
    ) -> Result<Wanted, Failure> {
        let container = self.container(namespace, id)?;
        if self.has_task(namespace, id) {
            return Err(Failure::already_exists(format!("task {id}")));
        }
        let not_started = |what| {
            let what = format!("failed to start shim: {what}");
            Failure::plain(tonic::Code::Unknown, what)
        };
        // In 1.7 it is the sandbox's shim that gets the task. 2.1 starts one for each, and asks for
        // the sandbox's where it has a record of it.
        let sandbox = container.sandbox.as_str();
        let missing =
            !sandbox.is_empty() && matches!(self.answering(namespace, sandbox), Answering::Nobody);
        match self.profile {
            Profile::V1_7 if missing => {
                return Err(not_started(format!("can't find sandbox {sandbox}")));
            }
            Profile::V2_1 if missing && self.sandbox(namespace, sandbox).is_ok() => {
                let what = format!("can't find shim for sandbox {sandbox}");
                return Err(Failure::not_found(what).within("failed to start shim"));
            }
            _ => {}
        }
        let runtime = container.runtime.as_ref().map_or("", |runtime| runtime.name.as_str());
        self.runtimes
            .resolve(self.profile, runtime)
            .map_err(|lack| not_started(format!("failed to resolve runtime path: {lack}")))?;
        spec::init(self.profile, container.spec.as_ref(), rootfs, terminal)
    }

    /// Whether its id is taken by a shim, be it one of a sandbox.
    pub(super) fn has_task(&self, namespace: &str, id: &str) -> bool {
        self.tasks.contains_key(&key(namespace, id))
            || self.has_sandbox_shim(namespace, id)
            || self.is_orphan(namespace, id)
    }

    pub(crate) fn create_task(&mut self, namespace: &str, new: NewTask) -> Result<u32, Failure> {
        self.container(namespace, &new.id)?;
        let place = key(namespace, &new.id);
        if self.has_task(namespace, &new.id) {
            return Err(Failure::already_exists(format!("task {}", new.id)));
        }
        let streams = new.streams.clone();
        let mut init = Process::new(new.streams, new.script, new.setting);
        if new.restore.is_none() {
            init.has(new.props);
        }
        let pid = init.pid;
        let checkpoint = new.restore.as_ref().map(|restore| restore.path.clone());
        let mut task = Task::new(self.profile, self.clock, init, new.rootfs.clone());
        task.restore = new.restore;
        self.tasks.insert(place, task);
        let event = told::TaskCreate {
            container_id: new.id.clone(),
            bundle: bundle(namespace, &new.id),
            rootfs: new.rootfs,
            io: Some(told::TaskIo {
                stdin: streams.stdin,
                stdout: streams.stdout,
                stderr: streams.stderr,
                terminal: streams.terminal,
            }),
            checkpoint: checkpoint.unwrap_or_default(),
            pid,
        };
        self.happen(namespace, "/tasks/create", &event);
        Ok(pid)
    }

    /// The init of a created task, to be played once it is started.
    pub(crate) fn start(&mut self, namespace: &str, id: &str) -> Result<Launch, Failure> {
        self.change(namespace, id, |task| {
            let ((), happened) = task.start()?;
            Ok((Launch::of(&mut task.init), happened))
        })
    }

    /// Whether an exec may start, how its streams are to be opened before it does, and how many
    /// children it will have.
    pub(crate) fn prepare_exec(
        &mut self,
        namespace: &str,
        id: &str,
        exec: &str,
    ) -> Result<(Streams, u32), Failure> {
        let start =
            self.change(namespace, id, |task| Ok((task.may_start_exec(exec, id)?, Vec::new())))?;
        if start == Start::CrashesShim {
            self.crash_shim(namespace, id);
            return Err(self.shim_closed());
        }
        let process = self.task(namespace, id)?.process(exec)?;
        Ok((process.streams.clone(), process.script.forks))
    }

    /// Once its streams are open. What was true before may have changed meanwhile.
    pub(crate) fn start_exec(
        &mut self,
        namespace: &str,
        id: &str,
        exec: &str,
        props: Props,
    ) -> Result<Launch, Failure> {
        self.prepare_exec(namespace, id, exec)?;
        self.change(namespace, id, |task| {
            let ((), happened) = task.start_exec(exec, props)?;
            let process = task.execs.get_mut(exec).expect("it was started a line ago");
            Ok((Launch::of(process), happened))
        })
    }

    /// What of a process's output is still to be read, if it can be deleted.
    pub(crate) fn draining(
        &self,
        namespace: &str,
        id: &str,
        exec: &str,
    ) -> Option<impl Future<Output = ()> + Send + use<>> {
        let process = self.task(namespace, id).ok()?.process(exec).ok()?;
        let ended = matches!(process.phase, Phase::Stopped(_));
        ended.then(|| process.copying.drained())
    }

    /// The shim dies, and the task with it: so it does at the second start of an exec whose first
    /// failed.
    pub(super) fn crash_shim(&mut self, namespace: &str, id: &str) {
        let place = key(namespace, id);
        // Who waited for a hung one to come back hears by this that it will not.
        self.hung.remove(&place);
        let Some(task) = self.tasks.remove(&place) else { return };
        let exit = Exit::now(self.clock, KILLED);
        let pid = task.init.pid;
        task.close();
        self.tell_task(&place, pid, vec![Happened::Exited(None, pid, exit.clone())]);
        self.tell_deleted(namespace, id, pid, &exit);
    }

    pub(super) fn tell_deleted(&mut self, namespace: &str, id: &str, pid: u32, exit: &Exit) {
        let event = told::TaskDelete {
            container_id: id.to_owned(),
            pid,
            exit_status: exit.status,
            exited_at: Some(exit.at),
            id: String::new(),
        };
        self.happen(namespace, "/tasks/delete", &event);
    }

    pub(crate) fn exec(&mut self, namespace: &str, new: NewExec) -> Result<(), Failure> {
        let id = new.container.clone();
        self.change(namespace, &id, |task| task.exec(new))
    }

    /// What an exec would run, once its container and task have been found.
    pub(crate) fn exec_wanted(
        &self,
        namespace: &str,
        id: &str,
        payload: Option<&Any>,
        terminal: bool,
    ) -> Result<Wanted, Failure> {
        let rootfs = &self.task(namespace, id)?.rootfs;
        let container = self.container(namespace, id)?;
        spec::exec(self.profile, container.spec.as_ref(), payload, rootfs, terminal)
    }

    pub(crate) fn kill(
        &mut self,
        namespace: &str,
        id: &str,
        exec: &str,
        signal: u32,
        all: bool,
    ) -> Result<(), Failure> {
        self.change(namespace, id, |task| match exec {
            "" => task.kill(signal, all),
            exec => task.kill_exec(exec, signal),
        })
    }

    /// Told by those who play processes; it may long be gone.
    pub(crate) fn exits(&mut self, place: &Key, exec: &str, pid: u32, ending: Ending) {
        if self.exits_unseen(place, exec, pid, ending) {
            return;
        }
        let Some(task) = self.tasks.get_mut(place) else {
            return self.sandbox_exits(place, pid, ending);
        };
        let happened = match ending {
            Ending::Exited(status) => task.exits(exec, pid, status),
            Ending::OutOfMemory => task.runs_out_of_memory(exec, pid),
        };
        let init = task.init.pid;
        self.tell_task(place, init, happened);
    }

    /// Told by those who watch placeholders.
    pub(crate) fn struck(&mut self, place: &Key, exec: &str, pid: u32, status: u32) {
        let Some(task) = self.tasks.get_mut(place) else {
            return self.sandbox_exits(place, pid, Ending::Exited(status));
        };
        let happened = task.struck(exec, pid, status);
        let init = task.init.pid;
        self.tell_task(place, init, happened);
    }

    /// The mock ends: nothing of a process is left.
    pub(crate) fn end_tasks(&mut self) {
        self.tasks.clear();
        self.sandbox_shims.clear();
    }

    pub(crate) fn pause(&mut self, namespace: &str, id: &str) -> Result<(), Failure> {
        self.change(namespace, id, Task::pause)
    }

    pub(crate) fn resume(&mut self, namespace: &str, id: &str) -> Result<(), Failure> {
        self.change(namespace, id, Task::resume)
    }

    pub(crate) fn resize(
        &self,
        namespace: &str,
        id: &str,
        exec: &str,
        size: Size,
    ) -> Result<(), Failure> {
        self.task(namespace, id)?.resize(exec, size)
    }

    pub(crate) fn close_io(
        &self,
        namespace: &str,
        id: &str,
        exec: &str,
        stdin: bool,
    ) -> Result<(), Failure> {
        let process = self.task(namespace, id)?.process(exec)?;
        if stdin {
            process.controls.send_modify(|controls| controls.stdin_closed = true);
        }
        Ok(())
    }

    pub(crate) fn update(
        &self,
        namespace: &str,
        id: &str,
        resources: Option<&Any>,
    ) -> Result<(), Failure> {
        let task = self.task(namespace, id)?;
        // Without resources the real shim crashes; a mock must not.
        let resources = resources.ok_or_else(|| Failure::invalid("resources must be set"))?;
        self.known_to_runc(task)?;
        task.update(&resources.value)
    }

    pub(crate) fn get(&self, namespace: &str, id: &str, exec: &str) -> Result<Shown, Failure> {
        if self.is_orphan(namespace, id) {
            return Err(Failure::plain(tonic::Code::NotFound, "not found"));
        }
        let task = self.task(namespace, id)?;
        let shown_id = if exec.is_empty() { id } else { exec };
        Ok(task.process(exec)?.shown(shown_id, task.paused))
    }

    /// Only inits, and whatever filter is asked for: containerd ignores it.
    pub(crate) fn list_tasks(&self, namespace: &str) -> Vec<Shown> {
        let tasks = of_namespace(&self.tasks, namespace);
        tasks.map(|(id, task)| task.init.shown(id, task.paused)).collect()
    }

    pub(crate) fn pids(&self, namespace: &str, id: &str) -> Result<Vec<ProcessInfo>, Failure> {
        let task = self.task(namespace, id)?;
        self.known_to_runc(task)?;
        let infos = task.pids().into_iter().map(|(pid, exec)| {
            let info = exec.map(|exec| {
                let details = ProcessDetails { exec_id: exec.to_owned() };
                Any {
                    type_url: "containerd.runc.v1.ProcessDetails".to_owned(),
                    value: details.encode_to_vec(),
                }
            });
            ProcessInfo { pid, info }
        });
        Ok(infos.collect())
    }

    pub(crate) fn wait(
        &self,
        namespace: &str,
        id: &str,
        exec: &str,
    ) -> Result<watch::Receiver<Waited>, Failure> {
        Ok(self.task(namespace, id)?.process(exec)?.waited.subscribe())
    }

    pub(crate) fn metrics(
        &self,
        namespace: &str,
        filters: &[String],
    ) -> Result<Vec<Metric>, Failure> {
        // A bad filter is UNKNOWN here, not INVALID_ARGUMENT.
        let filters = super::parse_all(filters)
            .map_err(|error| Failure::plain(tonic::Code::Unknown, error))?;
        let measured = of_namespace(&self.tasks, namespace).filter(|(id, task)| {
            let fields = |path: &[&str]| match path {
                ["id"] => Some((*id).to_owned()),
                ["namespace"] => Some(namespace.to_owned()),
                _ => None,
            };
            let recorded = self.container(namespace, id).is_ok();
            recorded && task.restore.is_none() && any_passes(&filters, &fields)
        });
        let now = self.clock.now();
        Ok(measured.map(|(id, task)| metric(self.cgroups, now, id, task)).collect())
    }
}
