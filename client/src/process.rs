//! An exec process's handle.

use containerd_client::services::v1::DeleteProcessRequest;

use crate::handle::Handle;
use crate::registry::Status;
use crate::task::{KILLED_LIMIT, SIGKILL};
use crate::wire::{self, Doing};
use crate::{Error, Exit, Io, Kind};

/// What an exec is made of.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewExec {
    /// Its id.
    pub id: String,
    /// Its command.
    pub args: Vec<String>,
    /// What it reads and writes.
    pub io: Io,
    /// Whether it has a terminal; with [`Io::Terminal`] it has one in any case.
    pub terminal: bool,
}

/// An exec, from its registration to its deletion. Clones share its streams; dropping one costs
/// nothing and does nothing, as with [`crate::Task`].
#[derive(Clone, Debug)]
pub struct Process {
    pub(crate) handle: Handle,
}

impl Process {
    /// Its id.
    pub fn id(&self) -> &str {
        self.handle.of.exec.as_deref().unwrap_or_default()
    }

    /// Its pid; 0 until it is started.
    pub fn pid(&self) -> u32 {
        self.handle.of.pid()
    }

    /// Its state, as replies and events have told it. No RPC. As [`crate::Task::status`].
    pub fn status(&self) -> Result<Status, Error> {
        self.handle.status()
    }

    /// Its state, asked for.
    ///
    /// RPCs: 1 (Tasks/Get).
    pub async fn refresh(&self) -> Result<Status, Error> {
        self.handle.whole("exec-refresh", self.handle.refresh()).await
    }

    /// Starts it, if it is only registered. Refused by this client when it was started before, or
    /// that was tried: a second start crashes the shim.
    ///
    /// RPCs: 1 (Tasks/Start); 2 (Tasks/Start, Tasks/CloseIO) when its input was closed before.
    pub async fn start(&self) -> Result<(), Error> {
        self.handle
            .whole("start-exec", async { self.start_for(&self.handle.here("start")?).await })
            .await
    }

    pub(crate) async fn start_for(&self, doing: &Doing<'_>) -> Result<(), Error> {
        if !self.handle.of.begin() {
            let what = "it was started before, or that was tried";
            return Err(Error::refusal(doing, Kind::FailedPrecondition, what));
        }
        self.handle.start(doing).await
    }

    /// How it exited, if it has: also when it is gone, and while the event stream is lost. No RPC.
    /// `FailedPrecondition` before.
    pub fn exit_status(&self) -> Result<Exit, Error> {
        self.handle.exit_status()
    }

    /// Waits for its exit. As [`crate::Task::wait`]; when its task is gone, and no event has told
    /// how it ended, its status is unknown.
    ///
    /// RPCs: 0.
    pub async fn wait(&self) -> Result<Exit, Error> {
        self.handle.whole("exec-wait", async { Ok(self.handle.wait().await) }).await
    }

    /// Signals it.
    ///
    /// RPCs: 1 (Tasks/Kill).
    pub async fn kill(&self, signal: u32) -> Result<(), Error> {
        self.handle.whole("exec-kill", self.handle.kill(signal, false)).await
    }

    /// Resizes its terminal, in characters.
    ///
    /// RPCs: 1 (Tasks/ResizePty).
    pub async fn resize(&self, width: u32, height: u32) -> Result<(), Error> {
        self.handle.whole("exec-resize", self.handle.resize(width, height)).await
    }

    /// Closes its standard input, our end and the server's. As [`crate::Task::close_stdin`].
    ///
    /// RPCs: 1 (Tasks/CloseIO); 0 when it was closed before; 0 before its start is answered.
    pub async fn close_stdin(&self) -> Result<(), Error> {
        self.handle.whole("exec-close-stdin", self.handle.close_stdin()).await
    }

    /// Deletes it once it has exited; its id is free again.
    ///
    /// RPCs: 1 (Tasks/DeleteProcess).
    pub async fn delete(&self) -> Result<Exit, Error> {
        self.handle.whole("delete-exec", self.delete_whole()).await
    }

    async fn delete_whole(&self) -> Result<Exit, Error> {
        let doing = self.handle.here("delete")?;
        // The server waits for a while until its output is read.
        self.handle.drain();
        let (container_id, exec_id) = self.handle.ids();
        let message = DeleteProcessRequest { container_id, exec_id };
        let shared = &self.handle.shared;
        let mark = shared.registry.mark();
        let deleted = shared.wire.call(&doing, &wire::tasks::DELETE_PROCESS, message).await;
        let gone = deleted.inspect_err(|error| self.handle.is_missed(mark, error))?;
        let exit = Exit::new(gone.exit_status, gone.exited_at);
        shared.registry.exec_deleted(&self.handle.of, gone.pid, exit);
        // Of one that never ran, the reply says 0 and does not mean it, and no event tells an exit.
        Ok(self.handle.of.exit().unwrap_or(Exit::UNKNOWN))
    }

    /// Leaves nothing of it behind after this error; whoever is told that waits for it, unless the
    /// server has to come back first.
    pub(crate) async fn clear_away_after(self, error: &Error) {
        let undoing = self.handle.shared.undoing.clone();
        if error.kind() == Kind::Unreachable {
            undoing.undo(async move { self.clear_away().await });
        } else {
            self.clear_away().await;
        }
    }

    /// Leaves nothing of it behind; while the server cannot be reached, that is waited for.
    pub(crate) async fn clear_away(&self) {
        self.remove().await;
        self.handle.put_away();
    }

    async fn remove(&self) {
        loop {
            match self.delete().await {
                Err(error) if error.kind() == Kind::Unreachable => self.handle.shared.live().await,
                // It was started after all.
                Err(error) if error.kind() == Kind::FailedPrecondition => {
                    if let Err(error) = self.kill(SIGKILL).await
                        && error.kind() == Kind::FailedPrecondition
                    {
                        tracing::warn!(%error, "it could not be cleared away");
                        return;
                    }
                    let exit = tokio::time::timeout(KILLED_LIMIT, self.handle.wait()).await;
                    if exit.is_err() {
                        tracing::warn!("it could not be cleared away: it does not exit");
                        return;
                    }
                }
                Err(error) if error.kind() != Kind::NotFound => {
                    tracing::warn!(%error, "it could not be cleared away");
                    return;
                }
                _ => return,
            }
        }
    }
}
