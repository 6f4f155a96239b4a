//! A container record's handle.

use std::sync::Arc;

use crate::client::Shared;
use crate::handle::Handle;
use crate::record::Kept;
use crate::registry::{Incarnation, Status};
use crate::snapshot::Snapshot;
use crate::wire::{self, Doing, operation};
use crate::{Error, Kind, Process, Task};
use containerd_client::services::v1::{DeleteContainerRequest, GetRequest};

/// A container. Clones share what is known of it.
#[derive(Clone, Debug)]
pub struct Container {
    pub(crate) shared: Arc<Shared>,
    pub(crate) id: String,
    /// Of one that was made from an image.
    pub(crate) snapshot: Option<Arc<Snapshot>>,
    pub(crate) kept: Arc<Kept>,
}

impl Container {
    /// Its id.
    pub fn id(&self) -> &str {
        &self.id
    }

    /// The handle of its task, if that runs. No RPC. `FailedPrecondition` when it does not run, and
    /// `Internal` when it runs, as events tell, but this client holds no handle for it: another
    /// client started it, and [`crate::Client::load`] gives one.
    pub fn running_task(&self) -> Result<Task, Error> {
        let doing = Doing::begin("use the task of", &self.id);
        let runs = |task: &Arc<Incarnation>| {
            matches!(task.standing().status, Status::Running | Status::Paused | Status::Unknown)
        };
        let Some(task) = self.shared.registry.current(&self.id).filter(runs) else {
            return Err(Error::refusal(&doing, Kind::FailedPrecondition, "it does not run"));
        };
        if !task.is_held() {
            let what = "it runs, but its task is not held by this client: load it";
            return Err(Error::refusal(&doing, Kind::Internal, what));
        }
        Ok(Task { handle: Handle::new(&self.shared, task, None) })
    }

    /// The execs of its task, running and finished, by id, as [`Task::execs`] lists them: of the
    /// latest task, also when it is gone. No RPC.
    pub fn execs(&self) -> Vec<Process> {
        let registry = &self.shared.registry;
        let known = registry.latest(&self.id).map(|task| registry.execs(&task));
        let handle = |of| Process { handle: Handle::new(&self.shared, of, None) };
        known.unwrap_or_default().into_iter().map(handle).collect()
    }

    /// Deletes the record, unless there is a task: containerd itself would orphan a live one. The
    /// snapshot of a container from an image goes with it, whoever made it; should its removal fail,
    /// the record is gone all the same, and the server collects what nothing names.
    ///
    /// A task of which events alone have told is not known to be there: they may have come late.
    ///
    /// RPCs: 1 (Containers/Delete); 2 (Tasks/Get, Containers/Delete) when it is not known whether
    /// there is a task; 2 (Containers/Delete, Snapshots/Remove) of a container from an image; 0 when
    /// it is known that there is a task.
    pub async fn delete(&self) -> Result<(), Error> {
        operation("delete", &self.id, None, self.delete_whole()).await
    }

    async fn delete_whole(&self) -> Result<(), Error> {
        let doing = Doing::begin("delete container", &self.id);
        let refuse = || {
            let what = "it has a task: delete that first";
            Err(Error::refusal(&doing, Kind::FailedPrecondition, what))
        };
        let wire = &self.shared.wire;
        let registry = &self.shared.registry;
        let known = registry.current(&self.id).is_some_and(|task| !task.is_hearsay());
        if known && registry.is_live() {
            return refuse();
        }
        if !registry.is_empty(&self.id) {
            let mark = registry.mark();
            let message = GetRequest { container_id: self.id.clone(), exec_id: String::new() };
            let looking = doing.part("look for the task of");
            match wire.call(&looking, &wire::tasks::GET, message).await {
                Ok(_) => return refuse(),
                Err(error) if error.kind() == Kind::NotFound => {
                    registry.found_none(&self.id, mark);
                }
                Err(error) => return Err(error),
            }
        }
        let message = DeleteContainerRequest { id: self.id.clone() };
        wire.call(&doing, &wire::containers::DELETE, message).await?;
        registry.bury(&self.id);
        match &self.snapshot {
            Some(snapshot) => snapshot.remove(wire, &doing).await,
            None => Ok(()),
        }
    }
}
