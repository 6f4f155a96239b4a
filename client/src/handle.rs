//! What handles of tasks and of execs have in common.

use std::sync::Arc;

use containerd_client::services::v1::{CloseIoRequest, GetRequest, KillRequest, ResizePtyRequest};

use crate::client::Shared;
use crate::registry::{Incarnation, Streams};
use crate::wire::{self, Doing};
use crate::{Error, Exit, Fifos, Kind, Status};

/// One life of a process, and the client that knows it.
#[derive(Clone, Debug)]
pub(crate) struct Handle {
    pub(crate) shared: Arc<Shared>,
    pub(crate) of: Arc<Incarnation>,
    streams: Streams,
}

impl Handle {
    pub(crate) fn new(shared: &Arc<Shared>, of: Arc<Incarnation>, streams: Option<Fifos>) -> Self {
        let streams = of.hold(streams);
        Self { shared: shared.clone(), of, streams }
    }

    pub(crate) fn doing(&self, operation: &'static str) -> Doing<'_> {
        Doing::begin(operation, &self.of.container).exec(self.of.exec.as_deref())
    }

    pub(crate) fn ids(&self) -> (String, String) {
        (self.of.container.clone(), self.of.exec.clone().unwrap_or_default())
    }

    fn gone(&self, doing: &Doing<'_>) -> Error {
        let what = if self.of.exec.is_some() { "the process is gone" } else { "the task is gone" };
        Error::refusal(doing, Kind::NotFound, what)
    }

    /// A handle whose process is gone acts on nothing: a newcomer may bear its name.
    pub(crate) fn here(&self, operation: &'static str) -> Result<Doing<'_>, Error> {
        let doing = self.doing(operation);
        if self.of.is_gone() { Err(self.gone(&doing)) } else { Ok(doing) }
    }

    pub(crate) fn status(&self) -> Result<Status, Error> {
        let doing = self.here("tell the state of")?;
        if !self.shared.registry.is_live() {
            let what = "the event stream is lost, and what happened since is not known yet";
            return Err(Error::refusal(&doing, Kind::Unreachable, what));
        }
        Ok(self.of.standing().status)
    }

    pub(crate) fn exit_status(&self) -> Result<Exit, Error> {
        let doing = self.doing("tell the exit of");
        match self.of.exit() {
            Some(exit) => Ok(exit),
            None if self.of.is_gone() => Err(self.gone(&doing)),
            None => Err(Error::refusal(&doing, Kind::FailedPrecondition, "it has not exited")),
        }
    }

    pub(crate) async fn wait(&self) -> Exit {
        if let Some(exit) = self.of.exit() {
            return exit;
        }
        let _pending = self.shared.registry.waits().begin();
        self.of.ended().await
    }

    pub(crate) async fn refresh(&self) -> Result<Status, Error> {
        let doing = self.here("read the state of")?;
        let registry = &self.shared.registry;
        let mark = registry.mark();
        let (container_id, exec_id) = self.ids();
        let message = GetRequest { container_id, exec_id };
        match self.shared.wire.call(&doing, &wire::tasks::GET, message).await {
            Ok(found) => {
                registry.confirmed(&self.of, mark, &found.process.unwrap_or_default());
                self.here("read the state of")?;
                Ok(self.of.standing().status)
            }
            Err(error) => {
                if error.kind() == Kind::NotFound {
                    registry.vanished(&self.of, mark);
                }
                Err(error)
            }
        }
    }

    pub(crate) async fn kill(&self, signal: u32, all: bool) -> Result<(), Error> {
        let doing = self.here("kill")?;
        let (container_id, exec_id) = self.ids();
        let message = KillRequest { container_id, exec_id, signal, all };
        self.shared.wire.call(&doing, &wire::tasks::KILL, message).await
    }

    pub(crate) async fn resize(&self, width: u32, height: u32) -> Result<(), Error> {
        let doing = self.here("resize")?;
        let (container_id, exec_id) = self.ids();
        let message = ResizePtyRequest { container_id, exec_id, width, height };
        self.shared.wire.call(&doing, &wire::tasks::RESIZE_PTY, message).await
    }

    pub(crate) async fn close_stdin(&self) -> Result<(), Error> {
        let doing = self.here("close stdin of")?;
        if let Some(fifos) = &mut *self.streams.lock().expect("nothing panics with the streams") {
            fifos.close_stdin();
        }
        let (container_id, exec_id) = self.ids();
        let message = CloseIoRequest { container_id, exec_id, stdin: true };
        self.shared.wire.call(&doing, &wire::tasks::CLOSE_IO, message).await
    }
}
