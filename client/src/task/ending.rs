//! Tasks come to an end.

use std::time::Duration;

use containerd_client::services::v1::DeleteTaskRequest;

use super::Task;
use crate::wire::{self, Doing};
use crate::{Error, Exit, Kind};

pub(crate) const SIGKILL: u32 = 9;
/// How long the exit of a process that was killed may take to be told.
pub(crate) const KILLED_LIMIT: Duration = Duration::from_secs(10);

impl Task {
    /// Deletes it once it has exited.
    ///
    /// RPCs: 1 (Tasks/Delete).
    pub async fn delete(&self) -> Result<Exit, Error> {
        let deleting = async { self.delete_for(&self.handle.here("delete task")?).await };
        self.handle.whole("delete-task", deleting).await
    }

    async fn delete_for(&self, doing: &Doing<'_>) -> Result<Exit, Error> {
        // The server waits for a while until its output is read.
        self.handle.drain();
        let message = DeleteTaskRequest { container_id: self.id().to_owned() };
        let shared = &self.handle.shared;
        let mark = shared.registry.mark();
        let deleted = shared.wire.call(doing, &wire::tasks::DELETE, message).await;
        let gone = deleted.inspect_err(|error| self.handle.is_missed(mark, error))?;
        let exit = Exit::new(gone.exit_status, gone.exited_at);
        shared.registry.deleted(&self.handle.of, exit);
        // Of one that never ran, the reply says 0 and no time, and does not mean it: how it ended is
        // told by an event, or unknown after a moment.
        Ok(self.handle.of.ended().await)
    }

    /// Kills all of it and deletes it; that it has exited comes by event.
    ///
    /// RPCs: 2 (Tasks/Kill, Tasks/Delete).
    pub async fn force_delete(&self) -> Result<Exit, Error> {
        self.handle
            .whole("force-delete", async {
                let doing = self.handle.here("delete task")?;
                match self.kill_all(SIGKILL).await {
                    // Whether it exits or the client is told so in time: the server knows whether it may
                    // be deleted.
                    Ok(()) => drop(tokio::time::timeout(KILLED_LIMIT, self.handle.wait()).await),
                    Err(error) if error.kind() == Kind::NotFound => {}
                    Err(error) => return Err(error),
                }
                self.delete_for(&doing).await
            })
            .await
    }

    /// Leaves nothing of it behind; while the server cannot be reached, that is waited for.
    pub(crate) async fn clear_away(&self) {
        self.remove().await;
        self.handle.put_away();
    }

    async fn remove(&self) {
        loop {
            match self.force_delete().await {
                Err(error) if error.kind() == Kind::Unreachable => {
                    tracing::debug!(%error, "it is cleared away when the server is back");
                    self.handle.shared.live().await;
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
