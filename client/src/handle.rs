//! What handles of tasks and of execs have in common.

use std::future::Future;
use std::sync::Arc;

use containerd_client::services::v1::{
    CloseIoRequest, GetRequest, KillRequest, ResizePtyRequest, StartRequest,
};

use crate::client::Shared;
use crate::io::{Input, Made, Tie};
use crate::registry::Incarnation;
use crate::wire::{self, Doing, carried, operation};
use crate::{Error, Exit, Kind, Status};

/// One life of a process, and the client that knows it.
#[derive(Clone, Debug)]
pub(crate) struct Handle {
    pub(crate) shared: Arc<Shared>,
    pub(crate) of: Arc<Incarnation>,
    /// `None`: it does not count as one that may take its streams.
    _tie: Option<Arc<Tie>>,
}

impl Handle {
    pub(crate) fn new(shared: &Arc<Shared>, of: Arc<Incarnation>, made: Option<Made>) -> Self {
        let tie = of.hold.give(&of, &shared.runtime);
        if let Some(made) = made {
            of.hold.open(made);
            // It may have come and gone before the reply that told of it.
            if of.is_gone() {
                of.hold.end();
            }
        }
        Self { shared: shared.clone(), of, _tie: Some(tie) }
    }

    pub(crate) fn untied(&self) -> Self {
        Self { shared: self.shared.clone(), of: self.of.clone(), _tie: None }
    }

    pub(crate) fn doing(&self, operation: &'static str) -> Doing<'_> {
        Doing::begin(operation, &self.of.container).exec(self.of.exec.as_deref())
    }

    /// Does what somebody asked for of it, as one operation.
    pub(crate) fn whole<T>(
        &self,
        name: &'static str,
        work: impl Future<Output = Result<T, Error>>,
    ) -> impl Future<Output = Result<T, Error>> {
        operation(name, &self.of.container, self.of.exec.as_deref(), work)
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
        self.drain();
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
                self.is_missed(mark, &error);
                Err(error)
            }
        }
    }

    /// What was asked of it at `mark` failed: perhaps because the daemon does not have it.
    pub(crate) fn is_missed(&self, mark: u64, error: &Error) {
        if error.kind() == Kind::NotFound {
            self.shared.registry.vanished(&self.of, mark);
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

    /// What nobody has taken of its output is read and dropped from now on.
    pub(crate) fn drain(&self) {
        self.of.hold.drain(&self.of, &self.shared.runtime);
    }

    pub(crate) async fn start(&self, doing: &Doing<'_>) -> Result<(), Error> {
        let (container_id, exec_id) = self.ids();
        let message = StartRequest { container_id, exec_id };
        let input = self.of.hold.input();
        let starting = input.as_deref().map(Input::starting);
        let started = self.shared.wire.call(doing, &wire::tasks::START, message).await?;
        self.shared.registry.started(&self.of, started.pid);
        if starting.is_some_and(|starting| starting.done()) {
            // Closed before. Whoever starts it has not asked for this, and it goes on without them.
            let handle = self.untied();
            let telling = self.shared.runtime.spawn(carried(async move {
                if let Err(error) = handle.close_stdin().await {
                    tracing::warn!(%error, "the server could not be told that input is closed");
                }
            }));
            let _ = telling.await;
        }
        Ok(())
    }

    /// Closes our end, and tells the server, unless there is nobody to be told of any more.
    pub(crate) async fn close_input(&self) -> Result<(), Error> {
        if self.of.standing().has_ended() {
            if let Some(input) = self.of.hold.input() {
                input.end();
            }
            return Ok(());
        }
        self.close_stdin().await
    }

    pub(crate) async fn close_stdin(&self) -> Result<(), Error> {
        let doing = self.here("close stdin of")?;
        let Some(input) = self.of.hold.input() else { return self.close_io(&doing).await };
        let runs = self.of.standing().status != Status::Created;
        let Some(telling) = input.close(runs) else { return Ok(()) };
        self.meet_reader(&input).await;
        self.close_io(&doing).await.inspect(|()| telling.done())
    }

    async fn close_io(&self, doing: &Doing<'_>) -> Result<(), Error> {
        let (container_id, exec_id) = self.ids();
        let message = CloseIoRequest { container_id, exec_id, stdin: true };
        self.shared.wire.call(doing, &wire::tasks::CLOSE_IO, message).await
    }

    /// It is cleared away, as far as that went: none of its streams stay.
    pub(crate) fn put_away(&self) {
        self.of.hold.end();
    }
}
