//! containerd.services.snapshots.v1.

use containerd_client::services::v1::snapshots::{
    CleanupRequest, CommitSnapshotRequest, Info, Kind, ListSnapshotsRequest, ListSnapshotsResponse,
    MountsRequest, MountsResponse, PrepareSnapshotRequest, PrepareSnapshotResponse,
    RemoveSnapshotRequest, StatSnapshotRequest, StatSnapshotResponse, UpdateSnapshotRequest,
    UpdateSnapshotResponse, UsageRequest, UsageResponse, ViewSnapshotRequest, ViewSnapshotResponse,
};
use containerd_client::types::Mount;
use tonic::codegen::BoxStream;
use tonic::{Request, Response, Status};

use super::Answer;
use super::request::{caller, lease, taken};
use crate::state::{Failure, Layers, NewSnapshot, Snapshotter};
use crate::stubs::containerd::services::snapshots::v1::snapshots_server;
use crate::world::World;

/// How many snapshots go into one message of a list, as containerd has it.
const LISTED_MAX: usize = 100;

#[derive(Debug)]
pub(crate) struct Snapshots(pub(crate) World);

impl Snapshots {
    async fn create(
        &self,
        namespace: String,
        lease: Option<String>,
        new: NewSnapshot,
    ) -> Result<Vec<Mount>, Status> {
        let (snapshotter, name) = (new.snapshotter, new.key.clone());
        let layers =
            self.0.change(|state| state.create_snapshot(&namespace, lease.as_deref(), new))?;
        let made = self.0.on_disk("cannot make a snapshot", move |store| {
            store.make_layer(&layers)?;
            store.mounts(&layers)
        });
        match made.await {
            Ok(mounts) => Ok(mounts),
            Err(failure) => {
                // Nothing half made stays behind.
                let _ =
                    self.0.change(|state| state.remove_snapshot(&namespace, snapshotter, &name));
                Err(failure.into())
            }
        }
    }

    async fn mounted(&self, layers: Layers) -> Result<Vec<Mount>, Failure> {
        self.0.on_disk("cannot tell the mounts", move |store| store.mounts(&layers)).await
    }
}

#[tonic::async_trait]
impl snapshots_server::Snapshots for Snapshots {
    async fn prepare(
        &self,
        request: Request<PrepareSnapshotRequest>,
    ) -> Answer<PrepareSnapshotResponse> {
        let lease = lease(&request);
        let (namespace, request) = taken(request)?;
        let PrepareSnapshotRequest { snapshotter, key, parent, labels } = request;
        let snapshotter = Snapshotter::named(&snapshotter)?;
        let new = NewSnapshot { snapshotter, key, parent, labels, kind: Kind::Active };
        let mounts = self.create(namespace, lease, new).await?;
        Ok(Response::new(PrepareSnapshotResponse { mounts }))
    }

    async fn view(&self, request: Request<ViewSnapshotRequest>) -> Answer<ViewSnapshotResponse> {
        let lease = lease(&request);
        let (namespace, request) = taken(request)?;
        let ViewSnapshotRequest { snapshotter, key, parent, labels } = request;
        let snapshotter = Snapshotter::named(&snapshotter)?;
        let new = NewSnapshot { snapshotter, key, parent, labels, kind: Kind::View };
        let mounts = self.create(namespace, lease, new).await?;
        Ok(Response::new(ViewSnapshotResponse { mounts }))
    }

    async fn mounts(&self, request: Request<MountsRequest>) -> Answer<MountsResponse> {
        let (namespace, request) = taken(request)?;
        let snapshotter = Snapshotter::named(&request.snapshotter)?;
        let layers =
            self.0.change(|state| state.mountable(&namespace, snapshotter, &request.key))?;
        let mounts = self.mounted(layers).await?;
        Ok(Response::new(MountsResponse { mounts }))
    }

    async fn commit(&self, request: Request<CommitSnapshotRequest>) -> Answer<()> {
        let lease = lease(&request);
        let (namespace, request) = taken(request)?;
        let snapshotter = Snapshotter::named(&request.snapshotter)?;
        let names = (request.name.as_str(), request.key.as_str());
        let labels = request.labels.clone();
        self.0.change(|state| {
            state.commit_snapshot(&namespace, lease.as_deref(), snapshotter, names, labels)
        })?;
        Ok(Response::new(()))
    }

    async fn remove(&self, request: Request<RemoveSnapshotRequest>) -> Answer<()> {
        let (namespace, request) = taken(request)?;
        let snapshotter = Snapshotter::named(&request.snapshotter)?;
        self.0.change(|state| state.remove_snapshot(&namespace, snapshotter, &request.key))?;
        Ok(Response::new(()))
    }

    async fn stat(&self, request: Request<StatSnapshotRequest>) -> Answer<StatSnapshotResponse> {
        let (namespace, request) = taken(request)?;
        let snapshotter = Snapshotter::named(&request.snapshotter)?;
        let info =
            self.0.change(|state| state.snapshot_info(&namespace, snapshotter, &request.key))?;
        Ok(Response::new(StatSnapshotResponse { info: Some(info) }))
    }

    async fn update(
        &self,
        request: Request<UpdateSnapshotRequest>,
    ) -> Answer<UpdateSnapshotResponse> {
        let (namespace, request) = taken(request)?;
        let snapshotter = Snapshotter::named(&request.snapshotter)?;
        let mask = request.update_mask.unwrap_or_default().paths;
        let info = self
            .0
            .change(|state| state.update_snapshot(&namespace, snapshotter, request.info, &mask))?;
        Ok(Response::new(UpdateSnapshotResponse { info: Some(info) }))
    }

    async fn list(
        &self,
        request: Request<ListSnapshotsRequest>,
    ) -> Answer<BoxStream<ListSnapshotsResponse>> {
        // Without a namespace this one is UNKNOWN, not FAILED_PRECONDITION.
        let namespace = caller(request.metadata())
            .ok_or_else(|| Status::unknown("namespace is required: failed precondition"))?;
        let request = request.into_inner();
        let snapshotter = Snapshotter::named(&request.snapshotter)?;
        let infos = self
            .0
            .change(|state| state.list_snapshots(&namespace, snapshotter, &request.filters))?;
        let chunk = |info: &[Info]| Ok(ListSnapshotsResponse { info: info.to_vec() });
        let messages: Vec<_> = infos.chunks(LISTED_MAX).map(chunk).collect();
        Ok(Response::new(Box::pin(tokio_stream::iter(messages))))
    }

    async fn usage(&self, request: Request<UsageRequest>) -> Answer<UsageResponse> {
        let (namespace, request) = taken(request)?;
        let snapshotter = Snapshotter::named(&request.snapshotter)?;
        let layers = self.0.change(|state| state.layers(&namespace, snapshotter, &request.key))?;
        let measure = move |store: &crate::store::Store| store.usage(&layers);
        let (size, inodes) = self.0.on_disk("cannot measure a snapshot", measure).await?;
        Ok(Response::new(UsageResponse { size, inodes }))
    }

    async fn cleanup(&self, request: Request<CleanupRequest>) -> Answer<()> {
        // Whoever asks, and from which namespace, is not looked at.
        let request = request.into_inner();
        Snapshotter::named(&request.snapshotter)?;
        Err(Status::unimplemented("snapshotter does not implement Cleanup method: not implemented"))
    }
}
