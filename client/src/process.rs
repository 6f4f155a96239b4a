//! An exec process's handle.

use std::sync::{Arc, Mutex};

use containerd_client::services::v1::{
    CloseIoRequest, DeleteProcessRequest, KillRequest, ResizePtyRequest,
};

use crate::registry::{Known, Name, Status};
use crate::wire::{self, Doing};
use crate::{Error, Exit, Fifos, Io, Kind, Task};

/// What an exec is made of.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewExec {
    /// Its id.
    pub id: String,
    /// Its command.
    pub args: Vec<String>,
    /// What it reads and writes.
    pub io: Io,
    /// Whether it has a terminal.
    pub terminal: bool,
}

/// An exec. Clones share its streams.
#[derive(Clone, Debug)]
pub struct Process {
    task: Task,
    id: String,
    pid: u32,
    fifos: Arc<Mutex<Option<Fifos>>>,
}

impl Process {
    pub(crate) fn new(task: Task, id: String, pid: u32, fifos: Option<Fifos>) -> Self {
        Self { task, id, pid, fifos: Arc::new(Mutex::new(fifos)) }
    }

    /// Its pid.
    pub fn pid(&self) -> u32 {
        self.pid
    }

    fn name(&self) -> Name {
        (self.task.id.clone(), Some(self.id.clone()))
    }

    fn doing(&self, operation: &'static str) -> Doing<'_> {
        Doing::begin(operation, &self.task.id).exec(Some(&self.id))
    }

    fn known(&self) -> Option<Status> {
        match self.task.shared.registry.get(&self.name()) {
            Some(Known::Process { pid, status }) if pid == self.pid => Some(status),
            _ => None,
        }
    }

    fn gone(&self, operation: &'static str) -> Error {
        Error::refusal(&self.doing(operation), Kind::NotFound, "the process is gone")
    }

    fn alive(&self, operation: &'static str) -> Result<(), Error> {
        self.known().map(|_| ()).ok_or_else(|| self.gone(operation))
    }

    /// How it exited, if it has. No RPC.
    pub fn exit_status(&self) -> Result<Exit, Error> {
        match self.known() {
            Some(Status::Stopped(exit)) => Ok(exit),
            Some(_) => {
                let what = "it has not exited";
                Err(Error::refusal(&self.doing("tell the exit of"), Kind::FailedPrecondition, what))
            }
            None => Err(self.gone("tell the exit of")),
        }
    }

    /// Waits for its exit. No RPC.
    pub async fn wait(&self) -> Result<Exit, Error> {
        let ended = self.task.shared.registry.when(|| match self.known() {
            Some(Status::Stopped(exit)) => Some(Ok(exit)),
            Some(_) => None,
            None => Some(Err(self.gone("wait for"))),
        });
        ended.await.unwrap_or_else(|| {
            let what = "the event stream is lost";
            Err(Error::refusal(&self.doing("wait for"), Kind::Unavailable, what))
        })
    }

    /// Signals it. One RPC.
    pub async fn kill(&self, signal: u32) -> Result<(), Error> {
        self.alive("kill")?;
        let message = KillRequest {
            container_id: self.task.id.clone(),
            exec_id: self.id.clone(),
            signal,
            all: false,
        };
        let wire = &self.task.shared.wire;
        wire.call(&self.doing("kill"), &wire::tasks::KILL, message).await
    }

    /// Resizes its terminal. One RPC.
    pub async fn resize(&self, width: u32, height: u32) -> Result<(), Error> {
        self.alive("resize")?;
        let message = ResizePtyRequest {
            container_id: self.task.id.clone(),
            exec_id: self.id.clone(),
            width,
            height,
        };
        let wire = &self.task.shared.wire;
        wire.call(&self.doing("resize"), &wire::tasks::RESIZE_PTY, message).await
    }

    /// Closes its standard input, our end and the server's. One RPC.
    pub async fn close_stdin(&self) -> Result<(), Error> {
        self.alive("close stdin of")?;
        if let Some(fifos) = &mut *self.fifos.lock().expect("nothing panics with the streams") {
            fifos.close_stdin();
        }
        let message = CloseIoRequest {
            container_id: self.task.id.clone(),
            exec_id: self.id.clone(),
            stdin: true,
        };
        let wire = &self.task.shared.wire;
        wire.call(&self.doing("close stdin of"), &wire::tasks::CLOSE_IO, message).await
    }

    /// Deletes it once it has exited; its id is free again. One RPC.
    pub async fn delete(&self) -> Result<Exit, Error> {
        self.alive("delete")?;
        self.discard().await
    }

    pub(crate) async fn discard(&self) -> Result<Exit, Error> {
        let message =
            DeleteProcessRequest { container_id: self.task.id.clone(), exec_id: self.id.clone() };
        let wire = &self.task.shared.wire;
        let gone = wire.call(&self.doing("delete"), &wire::tasks::DELETE_PROCESS, message).await?;
        self.task.shared.registry.set(self.name(), Known::Gone);
        Ok(Exit::new(gone.exit_status, gone.exited_at))
    }
}
