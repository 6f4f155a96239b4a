//! A task's handle.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use containerd_client::services::v1::{
    CloseIoRequest, DeleteTaskRequest, ExecProcessRequest, KillRequest, ListPidsRequest,
    MetricsRequest, PauseTaskRequest, ResizePtyRequest, ResumeTaskRequest, StartRequest,
    UpdateTaskRequest,
};
use prost_types::Any;

use crate::client::Shared;
use crate::process::NewExec;
use crate::registry::{Known, Name, Status};
use crate::wire::{self, Doing};
use crate::{Error, Exit, Fifos, Kind, Process};

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

pub(crate) fn open_streams(doing: &Doing<'_>, io: Io) -> Result<Option<Fifos>, Error> {
    match io {
        Io::Null => Ok(None),
        Io::Stdin => Fifos::new().map(Some).map_err(|error| {
            let what = format!("cannot make its FIFOs: {error}");
            Error::caused(doing, Kind::Internal, what, error)
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

    fn doing(&self, operation: &'static str) -> Doing<'_> {
        Doing::begin(operation, &self.id)
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
        self.known().map(|_| ()).ok_or_else(|| {
            Error::refusal(&self.doing(operation), Kind::NotFound, "the task is gone")
        })
    }

    /// Starts a created task. One RPC.
    pub async fn start(&self) -> Result<(), Error> {
        self.alive("start task")?;
        let message = StartRequest { container_id: self.id.clone(), exec_id: String::new() };
        let wire = &self.shared.wire;
        wire.call(&self.doing("start task"), &wire::tasks::START, message).await?;
        self.learn(Status::Running);
        Ok(())
    }

    /// Its state, as replies and events have told it. No RPC.
    pub fn status(&self) -> Result<Status, Error> {
        self.whole_stream("tell the state of")?;
        let known = self.known();
        known.ok_or_else(|| {
            Error::refusal(&self.doing("tell the state of"), Kind::NotFound, "the task is gone")
        })
    }

    fn whole_stream(&self, operation: &'static str) -> Result<(), Error> {
        if self.shared.registry.stream_lost() {
            let what = "the event stream is lost";
            return Err(Error::refusal(&self.doing(operation), Kind::Unavailable, what));
        }
        Ok(())
    }

    /// How it exited, if it has. No RPC.
    pub fn exit_status(&self) -> Result<Exit, Error> {
        match self.known() {
            Some(Status::Stopped(exit)) => Ok(exit),
            Some(_) => {
                let what = "it has not exited";
                Err(Error::refusal(&self.doing("tell the exit of"), Kind::FailedPrecondition, what))
            }
            None => Err(Error::refusal(
                &self.doing("tell the exit of"),
                Kind::NotFound,
                "the task is gone",
            )),
        }
    }

    /// Waits for its exit. No RPC.
    pub async fn wait(&self) -> Result<Exit, Error> {
        let ended = self.shared.registry.when(|| match self.known() {
            Some(Status::Stopped(exit)) => Some(Ok(exit)),
            Some(_) => None,
            None => Some(Err(Kind::NotFound)),
        });
        match ended.await {
            Some(Ok(exit)) => Ok(exit),
            Some(Err(code)) => {
                Err(Error::refusal(&self.doing("wait for"), code, "the task is gone"))
            }
            None => {
                let what = "the event stream is lost";
                Err(Error::refusal(&self.doing("wait for"), Kind::Unavailable, what))
            }
        }
    }

    async fn signal(&self, signal: u32, all: bool) -> Result<(), Error> {
        self.alive("kill task")?;
        let message =
            KillRequest { container_id: self.id.clone(), exec_id: String::new(), signal, all };
        let wire = &self.shared.wire;
        wire.call(&self.doing("kill task"), &wire::tasks::KILL, message).await
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
        wire.call(&self.doing("pause task"), &wire::tasks::PAUSE, message).await?;
        self.shared.registry.turn(self.name(), self.pid, Status::Running, Status::Paused);
        Ok(())
    }

    /// Thaws it. One RPC.
    pub async fn resume(&self) -> Result<(), Error> {
        self.alive("resume task")?;
        let message = ResumeTaskRequest { container_id: self.id.clone() };
        let wire = &self.shared.wire;
        wire.call(&self.doing("resume task"), &wire::tasks::RESUME, message).await?;
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
        wire.call(&self.doing("resize task"), &wire::tasks::RESIZE_PTY, message).await
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
        wire.call(&self.doing("close stdin of"), &wire::tasks::CLOSE_IO, message).await
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
        wire.call(&self.doing("update task"), &wire::tasks::UPDATE, message).await
    }

    /// The pids of its processes. One RPC.
    pub async fn pids(&self) -> Result<Vec<u32>, Error> {
        self.alive("list pids of")?;
        let message = ListPidsRequest { container_id: self.id.clone() };
        let wire = &self.shared.wire;
        let listed =
            wire.call(&self.doing("list pids of"), &wire::tasks::LIST_PIDS, message).await?;
        Ok(listed.processes.into_iter().map(|process| process.pid).collect())
    }

    /// Its metrics. One RPC.
    pub async fn stats(&self) -> Result<Stats, Error> {
        self.alive("read metrics of")?;
        let message = MetricsRequest { filters: vec![format!("id==\"{}\"", self.id)] };
        let wire = &self.shared.wire;
        let metrics =
            wire.call(&self.doing("read metrics of"), &wire::tasks::METRICS, message).await?;
        let found = metrics.metrics.into_iter().find(|metric| metric.id == self.id);
        let data = found.and_then(|metric| metric.data).ok_or_else(|| {
            let what = "the server has no metrics of it";
            Error::refusal(&self.doing("read metrics of"), Kind::NotFound, what)
        })?;
        Ok(Stats { type_url: data.type_url, value: data.value })
    }

    /// Registers an exec and starts it. Two RPCs; when the start fails a third deletes it again,
    /// and it is never started twice: that crashes the shim.
    pub async fn exec(&self, new: NewExec) -> Result<Process, Error> {
        self.alive("exec in")?;
        let fifos = open_streams(&self.doing("exec in"), new.io)?;
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
        let doing = Doing::begin("register", &self.id).exec(Some(&new.id));
        let wire = &self.shared.wire;
        wire.call(&doing.part("register"), &wire::tasks::EXEC, message).await?;
        let name = (self.id.clone(), Some(new.id.clone()));
        let message = StartRequest { container_id: self.id.clone(), exec_id: new.id.clone() };
        match wire.call(&doing.part("start"), &wire::tasks::START, message).await {
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
        let gone = wire.call(&self.doing("delete task"), &wire::tasks::DELETE, message).await?;
        self.shared.registry.gone(&self.id);
        Ok(Exit::new(gone.exit_status, gone.exited_at))
    }

    /// Kills and deletes it. Two RPCs: that it has exited comes by event.
    pub async fn force_delete(&self) -> Result<Exit, Error> {
        match self.kill_all(SIGKILL).await {
            Err(error) if error.kind() != Kind::NotFound => return Err(error),
            _ => {}
        }
        let limit = Duration::from_millis(KILLED_LIMIT_MS);
        let exited = tokio::time::timeout(limit, self.wait()).await;
        exited.map_err(|_| {
            let what = format!("no exit within {KILLED_LIMIT_MS} ms of its kill");
            Error::refusal(&self.doing("delete task"), Kind::DeadlineExceeded, what)
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
