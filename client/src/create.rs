//! Containers begin.

use std::sync::Arc;

use containerd_client::services::v1::{CreateContainerRequest, DeleteContainerRequest};

use crate::finish::{Finishing, UNDO_LIMIT};
use crate::snapshot::Snapshot;
use crate::wire::{self, Doing};
use crate::{Client, Container, Error, NewContainer};

impl Client {
    /// Creates a container record. One RPC, and no lease: a record that names no snapshot and no
    /// content is itself a root of garbage collection.
    ///
    /// From an image two: Containers/Create, then Snapshots/Prepare. In this order the record keeps
    /// the snapshot from being collected from its first moment on. When Prepare fails, a third
    /// deletes the record again; `NotFound` means that the image is not unpacked.
    ///
    /// Dropped before it is done, it leaves neither record nor snapshot.
    pub async fn create(&self, new: NewContainer) -> Result<Container, Error> {
        let client = self.clone();
        let work = |_| async move { client.create_whole(new).await };
        Finishing::new(&self.shared.runtime, work, undo).await
    }

    async fn create_whole(&self, new: NewContainer) -> Result<Container, Error> {
        let wire = &self.shared.wire;
        let mut record = new.record(wire.namespace())?;
        let snapshot = new.snapshot();
        if let Some((snapshot, _)) = &snapshot {
            snapshot.name_in(&mut record);
        }
        let message = CreateContainerRequest { container: Some(record) };
        let doing = Doing::begin("create container", &new.id);
        wire.call(&doing, &wire::containers::CREATE, message).await?;
        self.shared.registry.no_task(&new.id);
        let Some((snapshot, parent)) = snapshot else { return Ok(self.container(new.id, None)) };
        let prepared = snapshot.prepare(wire, &doing, &parent).await;
        let container = self.container(new.id, Some(snapshot));
        let Err(error) = prepared else { return Ok(container) };
        // Prepare's own error is the one to tell. It waits for the undoing, unless the server has to
        // come back first. A snapshot that was made all the same is named by nothing then, and the
        // server collects it.
        if error.leaves_in_doubt() {
            self.shared.runtime.spawn(async move {
                tokio::time::timeout(UNDO_LIMIT, container.delete_record()).await
            });
        } else {
            container.delete_record().await;
        }
        Err(error)
    }

    pub(crate) fn container(&self, id: String, snapshot: Option<Snapshot>) -> Container {
        Container { shared: self.shared.clone(), id, snapshot: snapshot.map(Arc::new) }
    }
}

impl Container {
    /// Deletes the record of a container that nobody was told of yet.
    async fn delete_record(&self) {
        let doing = Doing::begin("delete container", &self.id);
        loop {
            let message = DeleteContainerRequest { id: self.id.clone() };
            match self.shared.wire.call(&doing, &wire::containers::DELETE, message).await {
                Err(error) if error.leaves_in_doubt() => self.shared.live().await,
                _ => break,
            }
        }
        self.shared.registry.bury(&self.id);
    }
}

async fn undo(made: Result<Container, Error>) {
    let Ok(container) = made else { return };
    container.delete_record().await;
    if let Some(snapshot) = &container.snapshot {
        let doing = Doing::begin("delete container", &container.id);
        // Nothing names it any more: what is not removed here the server collects.
        let _ = snapshot.remove(&container.shared.wire, &doing).await;
    }
}
