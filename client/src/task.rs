//! A task's handle.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use containerd_client::services::v1::{
    CloseIoRequest, DeleteTaskRequest, ExecProcessRequest, KillRequest, ListPidsRequest,
    MetricsRequest, PauseTaskRequest, ResizePtyRequest, ResumeTaskRequest, StartRequest,
    UpdateTaskRequest,
};
use prost_types::Any;
use tonic::Code;

use crate::client::Shared;
use crate::process::NewExec;
use crate::registry::{Known, Name, Status};
use crate::wire::answer;
use crate::{Error, Exit, Fifos, Process};

const SIGKILL: u32 = 9;
/// How long a process that was killed may take to exit.
const KILLED_LIMIT_MS: u64 = 10_000;

/// What a process reads and writes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Io {
    /// Nothing.
    Null,
    /// Standard input stays open until it is closed; output is read and dropped.
    Stdin,
}

pub(crate) fn open_streams(
    operation: &'static str,
    object: &str,
    io: Io,
) -> Result<Option<Fifos>, Error> {
    match io {
        Io::Null => Ok(None),
        Io::Stdin => Fifos::new().map(Some).map_err(|error| {
            let what = format!("cannot make its FIFOs: {error}");
            Error::local(operation, object, Code::Internal, what)
        }),
    }
}

/// Metrics of one task, as the server sent them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Stats {
    /// The payload's type.
    pub type_url: String,
    /// The payload.
    pub value: Vec<u8>,
}

/// A task. Clones share its streams and what is known of it.
#[derive(Clone, Debug)]
pub struct Task {
    pub(crate) shared: Arc<Shared>,
    pub(crate) id: String,
    pid: u32,
    fifos: Arc<Mutex<Option<Fifos>>>,
}

impl Task {
    pub(crate) fn new(shared: Arc<Shared>, id: String, pid: u32, fifos: Option<Fifos>) -> Self {
        Self { shared, id, pid, fifos: Arc::new(Mutex::new(fifos)) }
    }

    /// The init's pid.
    pub fn pid(&self) -> u32 {
        self.pid
    }

    fn name(&self) -> Name {
        (self.id.clone(), None)
    }

    pub(crate) fn learn(&self, status: Status) {
        self.shared.registry.learn(self.name(), self.pid, status);
    }

    /// What is known of exactly this task.
    fn known(&self) -> Option<Status> {
        match self.shared.registry.get(&self.name()) {
            Some(Known::Process { pid, status }) if pid == self.pid => Some(status),
            _ => None,
        }
    }

    /// A handle whose task is gone acts on nothing: a newcomer may bear its name.
    fn alive(&self, operation: &'static str) -> Result<(), Error> {
        self.known()
            .map(|_| ())
            .ok_or_else(|| Error::local(operation, &self.id, Code::NotFound, "the task is gone"))
    }

    /// Starts a created task. One RPC.
    pub async fn start(&self) -> Result<(), Error> {
        self.alive("start task")?;
        let message = StartRequest { container_id: self.id.clone(), exec_id: String::new() };
        let wire = &self.shared.wire;
        answer("start task", &self.id, wire.tasks().start(wire.ask(message))).await?;
        self.learn(Status::Running);
        Ok(())
    }

    /// Its state, as replies and events have told it. No RPC.
    pub fn status(&self) -> Result<Status, Error> {
        self.whole_stream("tell the state of")?;
        let known = self.known();
        known.ok_or_else(|| {
            Error::local("tell the state of", &self.id, Code::NotFound, "the task is gone")
        })
    }

    fn whole_stream(&self, operation: &'static str) -> Result<(), Error> {
        if self.shared.registry.stream_lost() {
            let what = "the event stream is lost";
            return Err(Error::local(operation, &self.id, Code::Unavailable, what));
        }
        Ok(())
    }

    /// How it exited, if it has. No RPC.
    pub fn exit_status(&self) -> Result<Exit, Error> {
        match self.known() {
            Some(Status::Stopped(exit)) => Ok(exit),
            Some(_) => {
                let what = "it has not exited";
                Err(Error::local("tell the exit of", &self.id, Code::FailedPrecondition, what))
            }
            None => {
                Err(Error::local("tell the exit of", &self.id, Code::NotFound, "the task is gone"))
            }
        }
    }

    /// Waits for its exit. No RPC.
    pub async fn wait(&self) -> Result<Exit, Error> {
        let ended = self.shared.registry.when(|| match self.known() {
            Some(Status::Stopped(exit)) => Some(Ok(exit)),
            Some(_) => None,
            None => Some(Err(Code::NotFound)),
        });
        match ended.await {
            Some(Ok(exit)) => Ok(exit),
            Some(Err(code)) => Err(Error::local("wait for", &self.id, code, "the task is gone")),
            None => {
                let what = "the event stream is lost";
                Err(Error::local("wait for", &self.id, Code::Unavailable, what))
            }
        }
    }

    async fn signal(&self, signal: u32, all: bool) -> Result<(), Error> {
        self.alive("kill task")?;
        let message =
            KillRequest { container_id: self.id.clone(), exec_id: String::new(), signal, all };
        let wire = &self.shared.wire;
        answer("kill task", &self.id, wire.tasks().kill(wire.ask(message))).await
    }

    /// Signals the init. One RPC.
    pub async fn kill(&self, signal: u32) -> Result<(), Error> {
        self.signal(signal, false).await
    }

    /// Signals every process of the task. One RPC.
    pub async fn kill_all(&self, signal: u32) -> Result<(), Error> {
        self.signal(signal, true).await
    }

    /// Freezes it. One RPC.
    pub async fn pause(&self) -> Result<(), Error> {
        self.alive("pause task")?;
        let message = PauseTaskRequest { container_id: self.id.clone() };
        let wire = &self.shared.wire;
        answer("pause task", &self.id, wire.tasks().pause(wire.ask(message))).await?;
        self.shared.registry.turn(self.name(), self.pid, Status::Running, Status::Paused);
        Ok(())
    }

    /// Thaws it. One RPC.
    pub async fn resume(&self) -> Result<(), Error> {
        self.alive("resume task")?;
        let message = ResumeTaskRequest { container_id: self.id.clone() };
        let wire = &self.shared.wire;
        answer("resume task", &self.id, wire.tasks().resume(wire.ask(message))).await?;
        self.shared.registry.turn(self.name(), self.pid, Status::Paused, Status::Running);
        Ok(())
    }

    /// Resizes its terminal. One RPC.
    pub async fn resize(&self, width: u32, height: u32) -> Result<(), Error> {
        self.alive("resize task")?;
        let message = ResizePtyRequest {
            container_id: self.id.clone(),
            exec_id: String::new(),
            width,
            height,
        };
        let wire = &self.shared.wire;
        answer("resize task", &self.id, wire.tasks().resize_pty(wire.ask(message))).await
    }

    /// Closes its standard input, our end and the server's. One RPC.
    pub async fn close_stdin(&self) -> Result<(), Error> {
        self.alive("close stdin of")?;
        if let Some(fifos) = &mut *self.fifos.lock().expect("nothing panics with the streams") {
            fifos.close_stdin();
        }
        let message =
            CloseIoRequest { container_id: self.id.clone(), exec_id: String::new(), stdin: true };
        let wire = &self.shared.wire;
        answer("close stdin of", &self.id, wire.tasks().close_io(wire.ask(message))).await
    }

    /// Limits its memory. One RPC.
    pub async fn limit_memory(&self, bytes: u64) -> Result<(), Error> {
        self.alive("update task")?;
        let message = UpdateTaskRequest {
            container_id: self.id.clone(),
            resources: Some(memory_limit(bytes)),
            ..UpdateTaskRequest::default()
        };
        let wire = &self.shared.wire;
        answer("update task", &self.id, wire.tasks().update(wire.ask(message))).await
    }

    /// The pids of its processes. One RPC.
    pub async fn pids(&self) -> Result<Vec<u32>, Error> {
        self.alive("list pids of")?;
        let message = ListPidsRequest { container_id: self.id.clone() };
        let wire = &self.shared.wire;
        let listed =
            answer("list pids of", &self.id, wire.tasks().list_pids(wire.ask(message))).await?;
        Ok(listed.processes.into_iter().map(|process| process.pid).collect())
    }

    /// Its metrics. One RPC.
    pub async fn stats(&self) -> Result<Stats, Error> {
        self.alive("read metrics of")?;
        let message = MetricsRequest { filters: vec![format!("id==\"{}\"", self.id)] };
        let wire = &self.shared.wire;
        let metrics =
            answer("read metrics of", &self.id, wire.tasks().metrics(wire.ask(message))).await?;
        let found = metrics.metrics.into_iter().find(|metric| metric.id == self.id);
        let data = found.and_then(|metric| metric.data).ok_or_else(|| {
            let what = "the server has no metrics of it";
            Error::local("read metrics of", &self.id, Code::NotFound, what)
        })?;
        Ok(Stats { type_url: data.type_url, value: data.value })
    }

    /// Registers an exec and starts it. Two RPCs; when the start fails a third deletes it again,
    /// and it is never started twice: that crashes the shim.
    pub async fn exec(&self, new: NewExec) -> Result<Process, Error> {
        self.alive("exec in")?;
        let fifos = open_streams("exec in", &self.id, new.io)?;
        let path = |name| fifos.as_ref().map(|fifos| fifos.path(name)).unwrap_or_default();
        let message = ExecProcessRequest {
            container_id: self.id.clone(),
            exec_id: new.id.clone(),
            stdin: path("stdin"),
            stdout: path("stdout"),
            stderr: path("stderr"),
            terminal: new.terminal,
            spec: Some(crate::spec::process_payload(&new.args, new.terminal)),
        };
        let object = format!("exec {} in {}", new.id, self.id);
        let wire = &self.shared.wire;
        answer("register", &object, wire.tasks().exec(wire.ask(message))).await?;
        let name = (self.id.clone(), Some(new.id.clone()));
        let message = StartRequest { container_id: self.id.clone(), exec_id: new.id.clone() };
        match answer("start", &object, wire.tasks().start(wire.ask(message))).await {
            Ok(started) => {
                self.shared.registry.learn(name, started.pid, Status::Running);
                Ok(Process::new(self.clone(), new.id, started.pid, fifos))
            }
            Err(error) => {
                // The start's own error is the one to tell.
                let _ = Process::new(self.clone(), new.id, 0, fifos).discard().await;
                Err(error)
            }
        }
    }

    /// Deletes it once it has exited. One RPC.
    pub async fn delete(&self) -> Result<Exit, Error> {
        self.alive("delete task")?;
        let message = DeleteTaskRequest { container_id: self.id.clone() };
        let wire = &self.shared.wire;
        let gone = answer("delete task", &self.id, wire.tasks().delete(wire.ask(message))).await?;
        self.shared.registry.gone(&self.id);
        Ok(Exit::new(gone.exit_status, gone.exited_at))
    }

    /// Kills and deletes it. Two RPCs: that it has exited comes by event.
    pub async fn force_delete(&self) -> Result<Exit, Error> {
        match self.kill_all(SIGKILL).await {
            Err(error) if error.kind() != Code::NotFound => return Err(error),
            _ => {}
        }
        let limit = Duration::from_millis(KILLED_LIMIT_MS);
        let exited = tokio::time::timeout(limit, self.wait()).await;
        exited.map_err(|_| {
            let what = format!("no exit within {KILLED_LIMIT_MS} ms of its kill");
            Error::local("delete task", &self.id, Code::DeadlineExceeded, what)
        })??;
        self.delete().await
    }
}

/// The payload of an update.
fn memory_limit(bytes: u64) -> Any {
    Any {
        type_url: "types.containerd.io/opencontainers/runtime-spec/1/LinuxResources".to_owned(),
        value: serde_json::json!({"memory": {"limit": bytes}}).to_string().into_bytes(),
    }
}
