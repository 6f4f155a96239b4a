//! Containers begin.

use std::sync::Arc;

use containerd_client::services::v1::{
    Container as Record, CreateContainerRequest, DeleteContainerRequest, GetContainerRequest,
};

use crate::finish::Finishing;
use crate::record::Kept;
use crate::snapshot::Snapshot;
use crate::wire::{self, Doing, operation};
use crate::{Client, Container, Error, NewContainer};

/// A label that tells a record of ours from all others.
pub(crate) const NONCE: &str = "laconic.nonce";

/// Whether a record is there, as far as this client knows.
#[derive(Clone, Copy, Debug)]
enum There {
    Surely,
    Perhaps,
}

impl Client {
    /// Creates a container record. No lease: a record that names no snapshot and no content is
    /// itself a root of garbage collection.
    ///
    /// From an image the record comes first, then its snapshot: in this order the record keeps the
    /// snapshot from being collected from its first moment on. When that cannot be prepared, the
    /// record is deleted again; `NotFound` means that the image is not unpacked.
    ///
    /// Dropped before it is done, it leaves neither record nor snapshot. Nor does it when no answer
    /// comes: then this client looks later whether its record is there, which a label tells from
    /// another's of the same id.
    ///
    /// RPCs: 1 (Containers/Create); 2 (Containers/Create, Snapshots/Prepare) from an image;
    /// 3 (Containers/Create, Snapshots/Prepare, Containers/Delete) when its snapshot cannot be
    /// prepared; 2 (Containers/Create, Containers/Get) when no answer comes.
    pub async fn create(&self, new: NewContainer) -> Result<Container, Error> {
        let id = new.id.clone();
        let client = self.clone();
        operation("create", &id, None, async {
            let work = |_| async move { client.create_whole(new).await };
            Finishing::new(&self.shared.undoing, work, undo).await
        })
        .await
    }

    async fn create_whole(&self, new: NewContainer) -> Result<Container, Error> {
        let wire = &self.shared.wire;
        let mut record = new.record(wire.namespace())?;
        let (snapshot, parent) = new.snapshot().unzip();
        if let Some(snapshot) = &snapshot {
            snapshot.name_in(&mut record);
        }
        record.labels.insert(NONCE.to_owned(), format!("{:016x}", fastrand::u64(..)));
        let message = CreateContainerRequest { container: Some(record.clone()) };
        let doing = Doing::begin("create container", &new.id);
        let created = wire.call(&doing, &wire::containers::CREATE, message).await;
        let container = self.container(record, snapshot);
        if let Err(error) = created {
            return Err(container.given_up(error, There::Perhaps).await);
        }
        self.shared.registry.no_task(&new.id);
        if let (Some(snapshot), Some(parent)) = (&container.snapshot, &parent)
            && let Err(error) = snapshot.prepare(wire, &doing, parent).await
        {
            return Err(container.given_up(error, There::Surely).await);
        }
        Ok(container)
    }

    pub(crate) fn container(&self, record: Record, snapshot: Option<Snapshot>) -> Container {
        let (id, snapshot) = (record.id.clone(), snapshot.map(Arc::new));
        Container { shared: self.shared.clone(), id, snapshot, kept: Kept::new(record) }
    }
}

impl Container {
    /// It was not made. The error is the one to tell; it waits for the undoing, unless the server has
    /// to come back first. A snapshot that was made all the same is named by nothing then, and the
    /// server collects it.
    async fn given_up(&self, error: Error, there: There) -> Error {
        if error.leaves_in_doubt() {
            let container = self.clone();
            self.shared.undoing.undo(async move { container.take_back(there).await });
        } else if matches!(there, There::Surely) {
            self.take_back(there).await;
        }
        error
    }

    /// Whether a record is the one that this was made with.
    fn is_of(&self, record: &Record) -> bool {
        let made_with = self.made_with();
        made_with.is_some() && record.labels.get(NONCE) == made_with.as_ref()
    }

    /// Deletes the record of a container that nobody was told of.
    async fn take_back(&self, mut there: There) {
        let doing = Doing::begin("delete container", &self.id);
        let wire = &self.shared.wire;
        loop {
            let done = match there {
                There::Surely => {
                    let message = DeleteContainerRequest { id: self.id.clone() };
                    wire.call(&doing, &wire::containers::DELETE, message).await
                }
                There::Perhaps => {
                    let message = GetContainerRequest { id: self.id.clone() };
                    let found = wire.call(&doing, &wire::containers::GET, message).await;
                    let record = found.map(|found| found.container.unwrap_or_default());
                    // One of the same id may be somebody else's.
                    if record.as_ref().is_ok_and(|record| self.is_of(record)) {
                        there = There::Surely;
                        continue;
                    }
                    record.map(drop)
                }
            };
            match done {
                Err(error) if error.leaves_in_doubt() => {
                    there = There::Perhaps;
                    self.shared.live().await;
                }
                _ => break,
            }
        }
        if matches!(there, There::Surely) {
            self.shared.registry.bury(&self.id);
        }
    }
}

async fn undo(made: Result<Container, Error>) {
    let Ok(container) = made else { return };
    container.take_back(There::Surely).await;
    if let Some(snapshot) = &container.snapshot {
        let doing = Doing::begin("delete container", &container.id);
        // Nothing names it any more: what is not removed here the server collects.
        let _ = snapshot.remove(&container.shared.wire, &doing).await;
    }
}
