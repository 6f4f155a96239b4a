//! Finding again what an earlier client made.

use std::collections::HashMap;

use containerd_client::services::v1::{
    Container as Record, GetContainerRequest, GetRequest, ListContainersRequest, ListTasksRequest,
};
use containerd_client::types::v1::Process as Shown;

use crate::handle::Handle;
use crate::snapshot::Snapshot;
use crate::upkeep;
use crate::wire::{self, Doing, operation};
use crate::{Client, Container, Error, Kind, Task};

/// A container that a restart found again.
#[derive(Clone, Debug)]
pub struct Restored {
    /// Its handle.
    pub container: Container,
    /// Its task's handle, if it has one.
    pub task: Option<Task>,
}

impl Client {
    /// Its record names its snapshot, if it has one.
    fn found(&self, record: Record) -> Container {
        let snapshot = Snapshot::of_record(&record);
        self.container(record, snapshot)
    }

    fn adopt(&self, id: &str, mark: u64, process: &Shown) -> Task {
        let of = self.shared.registry.shown(id, mark, process);
        of.hold.tell(process);
        Task { handle: Handle::new(&self.shared, of, None) }
    }

    /// Handles for one container, and its task if it has one.
    ///
    /// RPCs: 2 (Containers/Get, Tasks/Get).
    pub async fn load(&self, id: &str) -> Result<Restored, Error> {
        operation("load", id, None, self.load_whole(id)).await
    }

    async fn load_whole(&self, id: &str) -> Result<Restored, Error> {
        let wire = &self.shared.wire;
        let message = GetContainerRequest { id: id.to_owned() };
        let doing = Doing::begin("load container", id);
        let record = wire.call(&doing, &wire::containers::GET, message).await?.container;
        let mark = self.shared.registry.mark();
        let message = GetRequest { container_id: id.to_owned(), exec_id: String::new() };
        let task = match wire.call(&doing.part("load task of"), &wire::tasks::GET, message).await {
            Ok(found) => found.process.map(|process| self.adopt(id, mark, &process)),
            Err(error) if error.kind() == Kind::NotFound => {
                self.shared.registry.found_none(id, mark);
                None
            }
            Err(error) => return Err(error),
        };
        let named = || Record { id: id.to_owned(), ..Record::default() };
        Ok(Restored { container: self.found(record.unwrap_or_else(named)), task })
    }

    /// Handles for all containers of the namespace and their tasks. A task that this client knows of
    /// and that the list lacks is asked for by itself.
    ///
    /// RPCs: 2 (Containers/ListStream, Tasks/List), however many; 2 + u (Containers/ListStream,
    /// Tasks/List, u × Tasks/Get) when the list lacks u tasks that this client knows of.
    pub async fn restore(&self) -> Result<Vec<Restored>, Error> {
        let namespace = self.shared.wire.namespace();
        operation("restore", namespace, None, self.restore_whole()).await
    }

    async fn restore_whole(&self) -> Result<Vec<Restored>, Error> {
        let wire = &self.shared.wire;
        let namespace = wire.namespace();
        // Not List: that fails over 16 MiB.
        let message = ListContainersRequest { filters: Vec::new() };
        let doing = Doing::begin("list containers of", namespace);
        let listed = wire.collect(&doing, &wire::containers::LIST_STREAM, message).await?;
        let mark = self.shared.registry.mark();
        let message = ListTasksRequest { filter: String::new() };
        let doing = doing.part("list tasks of");
        let tasks = wire.call(&doing, &wire::tasks::LIST, message).await?.tasks;
        let tasks: HashMap<&str, &Shown> =
            tasks.iter().map(|task| (task.id.as_str(), task)).collect();
        let mut restored = Vec::new();
        for record in listed.into_iter().filter_map(|one| one.container) {
            let id = record.id.as_str();
            let task = match tasks.get(id) {
                Some(task) => Some(self.adopt(id, mark, task)),
                None => self.unlisted(&doing, id).await?,
            };
            restored.push(Restored { container: self.found(record), task });
        }
        Ok(restored)
    }

    /// A list leaves out tasks whose state could not be read, and may be older than one that is
    /// known: an answer about that alone counts. Of any other nothing is known for sure.
    async fn unlisted(&self, doing: &Doing<'_>, id: &str) -> Result<Option<Task>, Error> {
        let registry = &self.shared.registry;
        let Some(known) = registry.current(id) else { return Ok(None) };
        upkeep::confirm(&self.shared.wire, registry, doing, &known).await?;
        let task = |of| Task { handle: Handle::new(&self.shared, of, None) };
        Ok(registry.current(id).map(task))
    }
}
