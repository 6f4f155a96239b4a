//! A task's handle.

use std::time::SystemTime;

use containerd_client::services::v1::{
    ListPidsRequest, MetricsRequest, PauseTaskRequest, ResumeTaskRequest,
};
use containerd_client::types::Metric;

use prost_types::Any;

use crate::handle::Handle;
use crate::registry::Status;
use crate::wire;
use crate::{Error, Exit, Kind};

/// Metrics of one task, as the server sent them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Stats {
    /// When they were read; `None` where the server does not say.
    pub at: Option<SystemTime>,
    /// The payload's type.
    pub type_url: String,
    /// The payload.
    pub value: Vec<u8>,
}

impl Stats {
    /// What a metric tells, and of which container.
    pub(crate) fn told(metric: Metric) -> Option<(String, Self)> {
        let Any { type_url, value } = metric.data?;
        let at = metric.timestamp.and_then(|at| SystemTime::try_from(at).ok());
        Some((metric.id, Self { at, type_url, value }))
    }
}

/// A task, from its creation to its deletion. Another task of the same container is another task:
/// once this client has heard of one, in a reply or by event, this handle acts on nothing more.
///
/// Clones share its streams and what is known of it. Dropping one costs nothing and does nothing:
/// the task lives on, and [`crate::Container::running_task`] gives the handle again. Only output that
/// nobody took is read and dropped once the last one is gone.
#[derive(Clone, Debug)]
pub struct Task {
    pub(crate) handle: Handle,
}

impl Task {
    /// Its container's id.
    pub fn id(&self) -> &str {
        &self.handle.of.container
    }

    /// The init's pid; 0 while the server could not tell it.
    pub fn pid(&self) -> u32 {
        self.handle.of.pid()
    }

    /// Starts a created task.
    ///
    /// RPCs: 1 (Tasks/Start); 2 (Tasks/Start, Tasks/CloseIO) when its input was closed before.
    pub async fn start(&self) -> Result<(), Error> {
        let starting = async { self.handle.start(&self.handle.here("start task")?).await };
        self.handle.whole("start-task", starting).await
    }

    /// Its state, as replies and events have told it. No RPC. While the event stream is lost it is
    /// not known: `Unreachable`. When the task is gone: `NotFound`.
    pub fn status(&self) -> Result<Status, Error> {
        self.handle.status()
    }

    /// Its state, asked for.
    ///
    /// RPCs: 1 (Tasks/Get).
    pub async fn refresh(&self) -> Result<Status, Error> {
        self.handle.whole("refresh", self.handle.refresh()).await
    }

    /// How it exited, if it has: also when it is gone, and while the event stream is lost. No RPC.
    /// `FailedPrecondition` before.
    pub fn exit_status(&self) -> Result<Exit, Error> {
        self.handle.exit_status()
    }

    /// Waits for its exit.
    ///
    /// It goes on while the event stream is lost, and ends when all was compared anew. When the
    /// task is found to be gone and no event has told how it ended, its status is unknown. While
    /// anybody waits the client looks for such tasks, by one Tasks/List every 10 s
    /// ([`crate::Builder::sweep_every`]) for all who wait.
    ///
    /// RPCs: 0.
    pub async fn wait(&self) -> Result<Exit, Error> {
        self.handle.whole("wait", async { Ok(self.handle.wait().await) }).await
    }

    /// Signals the init.
    ///
    /// RPCs: 1 (Tasks/Kill).
    pub async fn kill(&self, signal: u32) -> Result<(), Error> {
        self.handle.whole("kill", self.handle.kill(signal, false)).await
    }

    /// Signals every process of the task.
    ///
    /// RPCs: 1 (Tasks/Kill).
    pub async fn kill_all(&self, signal: u32) -> Result<(), Error> {
        self.handle.whole("kill-all", self.handle.kill(signal, true)).await
    }

    /// Freezes it.
    ///
    /// RPCs: 1 (Tasks/Pause).
    pub async fn pause(&self) -> Result<(), Error> {
        self.handle
            .whole("pause", async {
                let doing = self.handle.here("pause")?;
                let message = PauseTaskRequest { container_id: self.id().to_owned() };
                let shared = &self.handle.shared;
                shared.wire.call(&doing, &wire::tasks::PAUSE, message).await?;
                shared.registry.turned(&self.handle.of, Status::Running, Status::Paused);
                Ok(())
            })
            .await
    }

    /// Thaws it.
    ///
    /// RPCs: 1 (Tasks/Resume).
    pub async fn resume(&self) -> Result<(), Error> {
        self.handle
            .whole("resume", async {
                let doing = self.handle.here("resume")?;
                let message = ResumeTaskRequest { container_id: self.id().to_owned() };
                let shared = &self.handle.shared;
                shared.wire.call(&doing, &wire::tasks::RESUME, message).await?;
                shared.registry.turned(&self.handle.of, Status::Paused, Status::Running);
                Ok(())
            })
            .await
    }

    /// Resizes its terminal, in characters.
    ///
    /// RPCs: 1 (Tasks/ResizePty).
    pub async fn resize(&self, width: u32, height: u32) -> Result<(), Error> {
        self.handle.whole("resize", self.handle.resize(width, height)).await
    }

    /// Closes its standard input, our end and the server's.
    ///
    /// Of a task that this client made with its streams, or attached to, it is done once; and before
    /// the start is answered it is only noted, and told after that.
    ///
    /// RPCs: 1 (Tasks/CloseIO); 0 when it was closed before; 0 before its start is answered.
    pub async fn close_stdin(&self) -> Result<(), Error> {
        self.handle.whole("close-stdin", self.handle.close_stdin()).await
    }

    /// The pids of its processes.
    ///
    /// RPCs: 1 (Tasks/ListPids).
    pub async fn pids(&self) -> Result<Vec<u32>, Error> {
        self.handle
            .whole("pids", async {
                let doing = self.handle.here("list pids of")?;
                let message = ListPidsRequest { container_id: self.id().to_owned() };
                let listed =
                    self.handle.shared.wire.call(&doing, &wire::tasks::LIST_PIDS, message).await?;
                Ok(listed.processes.into_iter().map(|process| process.pid).collect())
            })
            .await
    }

    /// Its metrics. `NotFound` where the server has none.
    ///
    /// RPCs: 1 (Tasks/Metrics).
    pub async fn stats(&self) -> Result<Stats, Error> {
        self.handle
            .whole("stats", async {
                let doing = self.handle.here("read metrics of")?;
                let message = MetricsRequest { filters: vec![format!("id==\"{}\"", self.id())] };
                let metrics =
                    self.handle.shared.wire.call(&doing, &wire::tasks::METRICS, message).await?;
                let mut told = metrics.metrics.into_iter().filter_map(Stats::told);
                told.find(|(id, _)| id == self.id()).map(|(_, stats)| stats).ok_or_else(|| {
                    Error::refusal(&doing, Kind::NotFound, "the server has no metrics of it")
                })
            })
            .await
    }
}
