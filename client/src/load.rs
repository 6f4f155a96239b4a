//! Finding again what an earlier client made.

use containerd_client::services::v1::{
    GetContainerRequest, GetRequest, ListContainersRequest, ListTasksRequest,
};
use containerd_client::types::v1::Process as Shown;

use crate::registry::{Known, Name};
use crate::wire::{self, Doing};
use crate::{Client, Container, Error, Exit, Kind, Status, Task};

/// A container that a restart found again.
#[derive(Clone, Debug)]
pub struct Restored {
    /// Its handle.
    pub container: Container,
    /// Its task's handle, if it has one.
    pub task: Option<Task>,
}

impl Client {
    fn adopt(&self, id: &str, process: &Shown) -> Task {
        let name: Name = (id.to_owned(), None);
        self.shared.registry.learn(name, process.pid, shown_status(process));
        Task::new(self.shared.clone(), id.to_owned(), process.pid, None)
    }

    /// Handles for one container, and its task if it has one. Two RPCs.
    pub async fn load(&self, id: &str) -> Result<Restored, Error> {
        let wire = &self.shared.wire;
        let message = GetContainerRequest { id: id.to_owned() };
        let doing = Doing::begin("load container", id);
        wire.call(&doing, &wire::containers::GET, message).await?;
        let message = GetRequest { container_id: id.to_owned(), exec_id: String::new() };
        let task = match wire.call(&doing.part("load task of"), &wire::tasks::GET, message).await {
            Ok(found) => found.process.map(|process| self.adopt(id, &process)),
            Err(error) if error.kind() == Kind::NotFound => {
                self.shared.registry.set((id.to_owned(), None), Known::Gone);
                None
            }
            Err(error) => return Err(error),
        };
        Ok(Restored { container: self.container(id.to_owned()), task })
    }

    /// Handles for all containers of the namespace and their tasks. Two RPCs, however many.
    pub async fn restore(&self) -> Result<Vec<Restored>, Error> {
        let wire = &self.shared.wire;
        let namespace = wire.namespace();
        // Not List: that fails over 16 MiB.
        let message = ListContainersRequest { filters: Vec::new() };
        let doing = Doing::begin("list containers of", namespace);
        let listed = wire.collect(&doing, &wire::containers::LIST_STREAM, message).await?;
        let ids = listed.into_iter().filter_map(|one| one.container.map(|container| container.id));
        let message = ListTasksRequest { filter: String::new() };
        let doing = doing.part("list tasks of");
        let tasks = wire.call(&doing, &wire::tasks::LIST, message).await?.tasks;
        let restored = ids.map(|id| {
            let task = tasks.iter().find(|task| task.id == id).map(|task| self.adopt(&id, task));
            if task.is_none() {
                self.shared.registry.set((id.clone(), None), Known::Gone);
            }
            Restored { container: self.container(id), task }
        });
        Ok(restored.collect())
    }
}

/// A process's state as the API shows it.
pub(crate) fn shown_status(process: &Shown) -> Status {
    use containerd_client::types::v1::Status as Wire;
    match process.status() {
        Wire::Created => Status::Created,
        Wire::Running => Status::Running,
        Wire::Paused | Wire::Pausing => Status::Paused,
        Wire::Stopped => Status::Stopped(Exit::new(process.exit_status, process.exited_at)),
        Wire::Unknown => Status::Unknown,
    }
}
