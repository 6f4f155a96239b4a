//! The operations of Moby's libcontainerd before its commit 4bafaa0, RPC by RPC.

use std::sync::Arc;

use containerd_client::services::v1::{
    CloseIoRequest, Container as Record, CreateContainerRequest, CreateTaskRequest,
    DeleteContainerRequest, ExecProcessRequest, KillRequest, ListPidsRequest, MetricsRequest,
    PauseTaskRequest, ResizePtyRequest, ResumeTaskRequest, UpdateTaskRequest, WaitRequest,
};
use containerd_client::types::v1::{Process as Shown, Status as Wire};
use driver_protocol::{
    ContainerId, Create, ErrorKind, Exec, Exited, Found, Ok as Done, Operation, Refusal, Restored,
    StartTask, Started, Stats, TaskState, Version, Waited,
};
use laconic_client::{NewContainer, process_payload};
use prost_types::Any;

use super::calls::{Calls, answer};
use super::exits::{Exits, Name};
use super::shown::{exited, has_terminal, lifecycle, state};
use super::streams::{Paths, Streams, Wanted};

pub(super) type Answer = Result<Done, Refusal>;

const SIGKILL: u32 = 9;

pub(super) struct Moby {
    pub(super) calls: Calls,
    rootfs: String,
    exits: Arc<Exits>,
    streams: Streams,
}

pub(super) fn refuse<T>(kind: ErrorKind, message: impl Into<String>) -> Result<T, Refusal> {
    Err(Refusal { kind, code: None, message: message.into() })
}

fn init(id: &str) -> Name {
    (id.to_owned(), None)
}

impl Moby {
    pub(super) fn new(calls: Calls, rootfs: String, exits: Arc<Exits>) -> Self {
        let streams = Streams::new(exits.clone());
        Self { calls, rootfs, exits, streams }
    }

    /// getContainer, then its task; for an exec, then the process.
    pub(super) async fn get_process(&self, id: &str, exec: Option<&str>) -> Result<Shown, Refusal> {
        self.calls.get_container(id).await?;
        let task = self.calls.get(id, "").await?;
        match exec {
            None => Ok(task),
            Some(exec) => self.calls.get(id, exec).await,
        }
    }

    pub(super) async fn answer(&self, operation: Operation) -> Answer {
        match operation {
            Operation::Version {} => {
                let calls = &self.calls;
                let told = answer(calls.version().version(calls.ask(()))).await?;
                Ok(Done::Version(Version { version: told.version, revision: told.revision }))
            }
            Operation::Create(new) => self.create(new).await,
            Operation::Load(on) => {
                let task = self.load(on.container.as_str()).await?;
                Ok(Done::Load(Found { task }))
            }
            Operation::Restore(many) => self.restore(many.containers).await,
            Operation::CreateTask(new) => {
                let pid = self.create_task(&new).await?;
                Ok(Done::CreateTask(Started { pid }))
            }
            Operation::StartTask(on) => {
                let id = on.container.as_str();
                self.get_process(id, None).await?;
                let pid = self.calls.start(id, "").await?;
                self.streams.started(&init(id)).await?;
                Ok(Done::StartTask(Started { pid }))
            }
            Operation::Start(new) => self.start(new).await,
            Operation::Exec(new) => self.exec(new).await,
            Operation::Status(on) => {
                let id = on.container.as_str();
                self.get_process(id, None).await?;
                Ok(Done::Status(state(&self.calls.get(id, "").await?)))
            }
            Operation::DeleteTask(on) => self.delete_task(on.container.as_str()).await,
            Operation::DeleteExec(on) => {
                self.delete_exec(on.container.as_str(), on.exec.as_str()).await
            }
            Operation::ForceDelete(on) => self.force_delete(on.container.as_str()).await,
            Operation::Delete(on) => {
                let id = on.container.as_str();
                let done = self.delete(id).await?;
                self.exits.container_is_gone(id);
                Ok(done)
            }
            other => self.answer_of_process(other).await,
        }
    }

    /// Operations that load the process and then make one call.
    async fn answer_of_process(&self, operation: Operation) -> Answer {
        match operation {
            Operation::Kill(kill) => {
                self.kill(kill.container.as_str(), None, kill.signal, false).await?;
                Ok(Done::Kill {})
            }
            Operation::KillAll(kill) => {
                self.kill(kill.container.as_str(), None, kill.signal, true).await?;
                Ok(Done::KillAll {})
            }
            Operation::ExecKill(kill) => {
                let (id, exec) = (kill.container.as_str(), kill.exec.as_str());
                self.kill(id, Some(exec), kill.signal, false).await?;
                Ok(Done::ExecKill {})
            }
            Operation::Resize(to) => {
                self.resize(to.container.as_str(), None, to.width, to.height).await?;
                Ok(Done::Resize {})
            }
            Operation::ExecResize(to) => {
                let (id, exec) = (to.container.as_str(), to.exec.as_str());
                self.resize(id, Some(exec), to.width, to.height).await?;
                Ok(Done::ExecResize {})
            }
            Operation::CloseStdin(on) => {
                self.close_stdin(on.container.as_str(), None).await?;
                Ok(Done::CloseStdin {})
            }
            Operation::ExecCloseStdin(on) => {
                self.close_stdin(on.container.as_str(), Some(on.exec.as_str())).await?;
                Ok(Done::ExecCloseStdin {})
            }
            Operation::StatsAll(many) => {
                let mut found = Vec::new();
                for container in many.containers {
                    if self.stats(container.as_str()).await.is_ok() {
                        found.push(container);
                    }
                }
                Ok(Done::StatsAll { found })
            }
            Operation::Stats(on) => Ok(Done::Stats(self.stats(on.container.as_str()).await?)),
            Operation::Wait(on) => Ok(Done::Wait(self.wait(init(on.container.as_str())).await?)),
            Operation::ExecWait(on) => {
                let name = (on.container.as_str().to_owned(), Some(on.exec.as_str().to_owned()));
                Ok(Done::ExecWait(self.wait(name).await?))
            }
            Operation::ExitStatus(of) => {
                let exec = of.exec.map(|exec| exec.as_str().to_owned());
                let name = (of.container.as_str().to_owned(), exec);
                match self.exits.of(&name) {
                    Some(exited) => Ok(Done::ExitStatus(exited)),
                    None if !self.exits.expects(&name) => {
                        refuse(ErrorKind::NotFound, "there was no such process")
                    }
                    None => refuse(ErrorKind::FailedPrecondition, "no exit of it was heard of"),
                }
            }
            other => self.answer_of_task(other).await,
        }
    }

    async fn answer_of_task(&self, operation: Operation) -> Answer {
        let calls = &self.calls;
        match operation {
            Operation::Pause(on) => {
                let id = on.container.as_str();
                self.get_process(id, None).await?;
                let message = PauseTaskRequest { container_id: id.to_owned() };
                answer(calls.tasks().pause(calls.ask(message))).await?;
                Ok(Done::Pause {})
            }
            Operation::Resume(on) => {
                let id = on.container.as_str();
                self.get_process(id, None).await?;
                let message = ResumeTaskRequest { container_id: id.to_owned() };
                answer(calls.tasks().resume(calls.ask(message))).await?;
                Ok(Done::Resume {})
            }
            Operation::Update(update) => {
                let id = update.container.as_str();
                self.get_process(id, None).await?;
                let limit = serde_json::json!({"memory": {"limit": update.memory_limit_bytes}});
                let resources = Any {
                    type_url: "types.containerd.io/opencontainers/runtime-spec/1/LinuxResources"
                        .to_owned(),
                    value: limit.to_string().into_bytes(),
                };
                let message = UpdateTaskRequest {
                    container_id: id.to_owned(),
                    resources: Some(resources),
                    ..UpdateTaskRequest::default()
                };
                answer(calls.tasks().update(calls.ask(message))).await?;
                Ok(Done::Update {})
            }
            Operation::Pids(on) => {
                let id = on.container.as_str();
                self.get_process(id, None).await?;
                let message = ListPidsRequest { container_id: id.to_owned() };
                let listed = answer(calls.tasks().list_pids(calls.ask(message))).await?;
                let pids = listed.processes.into_iter().map(|process| process.pid).collect();
                Ok(Done::Pids { pids })
            }
            other => self.answer_of_image(other).await,
        }
    }

    /// A lease that nothing is put under.
    async fn create(&self, new: Create) -> Answer {
        let lease = self.calls.create_lease().await?;
        let container = NewContainer::new(new.container.as_str(), new.args)
            .rootfs(&self.rootfs)
            .terminal(new.terminal);
        let record =
            container.record(self.calls.namespace()).expect("it has a command and no image");
        let message = CreateContainerRequest { container: Some(record) };
        let request = self.calls.ask_under(&lease, message);
        let created = answer(self.calls.containers().create(request)).await;
        self.calls.delete_lease(lease).await?;
        created.map(|_| Done::Create {})
    }

    async fn load(&self, id: &str) -> Result<Option<TaskState>, Refusal> {
        self.calls.get_container(id).await?;
        match self.calls.get(id, "").await {
            Ok(_) => {
                // Attaching told the state already; the status was asked for once more.
                let process = match self.calls.get(id, "").await {
                    // Somebody has deleted it in between.
                    Err(refusal) if refusal.kind == ErrorKind::NotFound => return Ok(None),
                    process => process?,
                };
                self.exits.expect(init(id));
                self.exits_of_load(id, &process);
                Ok(Some(state(&process)))
            }
            Err(refusal) if refusal.kind == ErrorKind::NotFound => Ok(None),
            Err(refusal) => Err(refusal),
        }
    }

    /// An exit that happened before this client came is known from the reply alone.
    fn exits_of_load(&self, id: &str, process: &Shown) {
        if process.status() == Wire::Stopped {
            self.exits.keep(init(id), exited(process.exit_status, process.exited_at));
        }
    }

    async fn restore(&self, ids: Vec<ContainerId>) -> Answer {
        let mut containers = Vec::new();
        for container in ids {
            match self.load(container.as_str()).await {
                Ok(task) => containers.push(Restored { container, task }),
                Err(refusal) if refusal.kind == ErrorKind::NotFound => {}
                Err(refusal) => return Err(refusal),
            }
        }
        Ok(Done::Restore { containers })
    }

    /// The container, its spec, its labels, and once more within NewTask.
    async fn create_task(&self, new: &StartTask) -> Result<u32, Refusal> {
        let id = new.container.as_str();
        let mut record = Record::default();
        for _ in 0..4 {
            record = self.calls.get_container(id).await?;
        }
        let mut rootfs = Vec::new();
        if !record.snapshot_key.is_empty() {
            // Of a container from an image; then its spec once more.
            rootfs = self.mounts(&record.snapshotter, &record.snapshot_key).await?;
            self.calls.get_container(id).await?;
        }
        let StartTask { stdin, input, output, .. } = new.clone();
        let terminal = has_terminal(&record);
        let wanted = Wanted { stdin, input, output, terminal };
        let Paths { stdin, stdout, stderr } = self.streams.make(init(id), wanted)?;
        let message = CreateTaskRequest {
            container_id: id.to_owned(),
            rootfs,
            stdin,
            stdout,
            stderr,
            terminal,
            ..CreateTaskRequest::default()
        };
        let before = self.exits.births(&init(id));
        let created = answer(self.calls.tasks().create(self.calls.ask(message))).await?;
        self.exits.made(init(id), before);
        Ok(created.pid)
    }

    async fn start(&self, new: StartTask) -> Answer {
        self.create_task(&new).await?;
        let id = new.container.as_str();
        match self.calls.start(id, "").await {
            Ok(pid) => {
                self.streams.started(&init(id)).await?;
                Ok(Done::Start(Started { pid }))
            }
            Err(refusal) => {
                // It tried to delete the task; its client looked first, found it created, and
                // refused. The task stayed.
                let _ = self.calls.get(id, "").await;
                Err(refusal)
            }
        }
    }

    async fn exec(&self, new: Exec) -> Answer {
        let (id, exec) = (new.container.as_str(), new.exec.as_str());
        self.get_process(id, None).await?;
        // For the bundle's label.
        self.calls.get_container(id).await?;
        let name = (id.to_owned(), Some(exec.to_owned()));
        let Exec { stdin, input, output, terminal, .. } = new.clone();
        let wanted = Wanted { stdin, input, output, terminal };
        let Paths { stdin, stdout, stderr } = self.streams.make(name.clone(), wanted)?;
        let message = ExecProcessRequest {
            container_id: id.to_owned(),
            exec_id: exec.to_owned(),
            stdin,
            stdout,
            stderr,
            terminal: new.terminal,
            spec: Some(process_payload(&new.args, new.terminal)),
        };
        let before = self.exits.births(&name);
        answer(self.calls.tasks().exec(self.calls.ask(message))).await?;
        self.exits.made(name.clone(), before);
        match self.calls.start(id, exec).await {
            Ok(pid) => {
                self.streams.started(&name).await?;
                Ok(Done::Exec(Started { pid }))
            }
            Err(refusal) => {
                if self.calls.get(id, exec).await.is_ok() {
                    let _ = self.calls.delete_process(id, exec).await;
                }
                self.exits.forget(&name);
                Err(refusal)
            }
        }
    }

    async fn wait(&self, name: Name) -> Result<Waited, Refusal> {
        if !self.exits.expects(&name) {
            return refuse(ErrorKind::NotFound, "there was no such process");
        }
        match self.streams.wait(&name).await {
            (Some(exited), gathered) => Ok(Waited { exited, gathered }),
            (None, _) if self.exits.hears() => {
                refuse(ErrorKind::NotFound, "it is gone, and no exit of it was heard of")
            }
            (None, _) => refuse(ErrorKind::Unavailable, "the event stream is lost"),
        }
    }

    async fn kill(
        &self,
        id: &str,
        exec: Option<&str>,
        signal: u32,
        all: bool,
    ) -> Result<(), Refusal> {
        self.get_process(id, exec).await?;
        let message = KillRequest {
            container_id: id.to_owned(),
            exec_id: exec.unwrap_or_default().to_owned(),
            signal,
            all,
        };
        answer(self.calls.tasks().kill(self.calls.ask(message))).await
    }

    async fn resize(
        &self,
        id: &str,
        exec: Option<&str>,
        width: u32,
        height: u32,
    ) -> Result<(), Refusal> {
        self.get_process(id, exec).await?;
        let message = ResizePtyRequest {
            container_id: id.to_owned(),
            exec_id: exec.unwrap_or_default().to_owned(),
            width,
            height,
        };
        answer(self.calls.tasks().resize_pty(self.calls.ask(message))).await
    }

    async fn close_stdin(&self, id: &str, exec: Option<&str>) -> Result<(), Refusal> {
        self.get_process(id, exec).await?;
        let name = (id.to_owned(), exec.map(str::to_owned));
        self.streams.close_stdin(&name);
        let message = CloseIoRequest {
            container_id: id.to_owned(),
            exec_id: exec.unwrap_or_default().to_owned(),
            stdin: true,
        };
        answer(self.calls.tasks().close_io(self.calls.ask(message))).await
    }

    async fn stats(&self, id: &str) -> Result<Stats, Refusal> {
        self.get_process(id, None).await?;
        let message = MetricsRequest { filters: vec![format!("id==\"{id}\"")] };
        let metrics = answer(self.calls.tasks().metrics(self.calls.ask(message))).await?.metrics;
        let data = metrics.into_iter().find(|metric| metric.id == id);
        match data.and_then(|metric| metric.data) {
            Some(data) => Ok(Stats { payload: data.type_url, bytes: data.value.len() as u64 }),
            None => refuse(ErrorKind::NotFound, "the server has no metrics of it"),
        }
    }

    /// containerd's client looks at the state first, and refuses by itself.
    async fn delete_task(&self, id: &str) -> Answer {
        self.get_process(id, None).await?;
        self.delete_looked_at(id).await.map(Done::DeleteTask)
    }

    async fn delete_looked_at(&self, id: &str) -> Result<Exited, Refusal> {
        let process = self.calls.get(id, "").await?;
        if !matches!(process.status(), Wire::Stopped | Wire::Unknown) {
            let state = format!("{:?}", lifecycle(&process)).to_lowercase();
            let what = format!("task must be stopped before deletion: {state}");
            return refuse(ErrorKind::FailedPrecondition, what);
        }
        let gone = self.calls.delete_task(id).await?;
        let exited = exited(gone.exit_status, gone.exited_at);
        self.exits.keep(init(id), exited.clone());
        self.exits.task_is_gone(id);
        self.streams.task_is_gone(id);
        Ok(exited)
    }

    /// The whole of how an exec's exit was handled.
    async fn delete_exec(&self, id: &str, exec: &str) -> Answer {
        self.get_process(id, Some(exec)).await?;
        self.calls.get_container(id).await?;
        self.calls.get_container(id).await?;
        self.calls.get(id, exec).await?;
        let gone = self.calls.delete_process(id, exec).await?;
        let exited = exited(gone.exit_status, gone.exited_at);
        self.exits.keep((id.to_owned(), Some(exec.to_owned())), exited.clone());
        self.streams.exec_is_gone(id, exec);
        Ok(Done::DeleteExec(exited))
    }

    /// What containerd's client does for a delete with a kill.
    async fn force_delete(&self, id: &str) -> Answer {
        let calls = &self.calls;
        self.get_process(id, None).await?;
        let message = WaitRequest { container_id: id.to_owned(), exec_id: String::new() };
        let kill = KillRequest {
            container_id: id.to_owned(),
            exec_id: String::new(),
            signal: SIGKILL,
            all: true,
        };
        let (mut waiting, mut killing) = (calls.tasks(), calls.tasks());
        // A kill that failed ends the wait.
        tokio::try_join!(
            answer(waiting.wait(calls.ask(message))),
            answer(killing.kill(calls.ask(kill))),
        )?;
        self.delete_looked_at(id).await.map(Done::ForceDelete)
    }

    async fn delete(&self, id: &str) -> Answer {
        self.delete_record(id, false).await?;
        Ok(Done::Delete {})
    }

    /// The container twice (for its labels), its task, the container once more.
    pub(super) async fn delete_record(&self, id: &str, snapshot: bool) -> Result<(), Refusal> {
        self.calls.get_container(id).await?;
        self.calls.get_container(id).await?;
        if self.calls.get(id, "").await.is_ok() {
            let what = "cannot delete a container with an existing task";
            return refuse(ErrorKind::FailedPrecondition, what);
        }
        let record = self.calls.get_container(id).await?;
        if snapshot {
            self.remove_snapshot(&record.snapshotter, &record.snapshot_key).await?;
        }
        let message = DeleteContainerRequest { id: id.to_owned() };
        answer(self.calls.containers().delete(self.calls.ask(message))).await
    }
}
