//! A container record's handle.

use std::sync::Arc;

use crate::client::Shared;
use crate::registry::{Known, Status};
use crate::task::open_streams;
use crate::wire::{self, Doing};
use crate::{Error, Io, Kind, Task};
use containerd_client::services::v1::{
    CreateTaskRequest, DeleteContainerRequest, GetRequest, StartRequest,
};

/// A container. Clones share what is known of it.
#[derive(Clone, Debug)]
pub struct Container {
    pub(crate) shared: Arc<Shared>,
    pub(crate) id: String,
}

impl Container {
    /// Its id.
    pub fn id(&self) -> &str {
        &self.id
    }

    /// Creates its task. One RPC.
    pub async fn create_task(&self, io: Io) -> Result<Task, Error> {
        self.create_task_for(&Doing::begin("create task", &self.id), io).await
    }

    async fn create_task_for(&self, doing: &Doing<'_>, io: Io) -> Result<Task, Error> {
        let fifos = open_streams(doing, io)?;
        let path = |name| fifos.as_ref().map(|fifos| fifos.path(name)).unwrap_or_default();
        let message = CreateTaskRequest {
            container_id: self.id.clone(),
            stdin: path("stdin"),
            stdout: path("stdout"),
            stderr: path("stderr"),
            ..CreateTaskRequest::default()
        };
        let wire = &self.shared.wire;
        let created = wire.call(doing, &wire::tasks::CREATE, message).await?;
        let name = (self.id.clone(), None);
        self.shared.registry.learn(name, created.pid, Status::Created);
        Ok(Task::new(self.shared.clone(), self.id.clone(), created.pid, fifos))
    }

    /// Creates its task and starts it. Two RPCs; when the start fails, two more leave nothing.
    pub async fn start(&self, io: Io) -> Result<Task, Error> {
        let doing = Doing::begin("create task", &self.id);
        let task = self.create_task_for(&doing, io).await?;
        let message = StartRequest { container_id: self.id.clone(), exec_id: String::new() };
        let wire = &self.shared.wire;
        match wire.call(&doing.part("start task"), &wire::tasks::START, message).await {
            Ok(_) => {
                task.learn(Status::Running);
                Ok(task)
            }
            Err(error) => {
                // The start's own error is the one to tell: whoever asked did not ask for this.
                let _ = task.force_delete().await;
                Err(error)
            }
        }
    }

    /// Deletes the record. One RPC when it is known that there is no task, else one more to find
    /// out: containerd itself would orphan a live one.
    pub async fn delete(&self) -> Result<(), Error> {
        let doing = Doing::begin("delete container", &self.id);
        let refuse = || {
            let what = "it has a task: delete that first";
            Err(Error::refusal(&doing, Kind::FailedPrecondition, what))
        };
        let wire = &self.shared.wire;
        match self.shared.registry.get(&(self.id.clone(), None)) {
            Some(Known::Gone) => {}
            Some(_) => return refuse(),
            None => {
                let id = self.id.clone();
                let message = GetRequest { container_id: id, exec_id: String::new() };
                let looking = doing.part("look for the task of");
                match wire.call(&looking, &wire::tasks::GET, message).await {
                    Ok(_) => return refuse(),
                    Err(error) if error.kind() == Kind::NotFound => {}
                    Err(error) => return Err(error),
                }
            }
        }
        let message = DeleteContainerRequest { id: self.id.clone() };
        wire.call(&doing, &wire::containers::DELETE, message).await?;
        self.shared.registry.forget(&self.id);
        Ok(())
    }
}
