//! The methods that this client calls: path, message, reply, and whether one may be asked again.

use std::marker::PhantomData;

/// A method of containerd's.
#[derive(Debug)]
pub(crate) struct Method<M, R> {
    /// As HTTP/2 names it.
    pub(crate) path: &'static str,
    /// It changes nothing: asking twice is as good as asking once.
    pub(crate) reads: bool,
    shape: PhantomData<fn(M) -> R>,
}

impl<M, R> Method<M, R> {
    const fn reads(path: &'static str) -> Self {
        Self { path, reads: true, shape: PhantomData }
    }

    const fn writes(path: &'static str) -> Self {
        Self { path, reads: false, shape: PhantomData }
    }
}

/// containerd.services.version.v1.
pub(crate) mod version {
    use containerd_client::services::v1::VersionResponse;

    use super::Method;

    pub(crate) const VERSION: Method<(), VersionResponse> =
        Method::reads("/containerd.services.version.v1.Version/Version");
}

/// containerd.services.events.v1.
pub(crate) mod events {
    use containerd_client::services::v1::{PublishRequest, SubscribeRequest};
    use containerd_client::types::Envelope;

    use super::Method;

    pub(crate) const PUBLISH: Method<PublishRequest, ()> =
        Method::writes("/containerd.services.events.v1.Events/Publish");
    pub(crate) const SUBSCRIBE: Method<SubscribeRequest, Envelope> =
        Method::reads("/containerd.services.events.v1.Events/Subscribe");
}

/// containerd.services.containers.v1.
pub(crate) mod containers {
    use containerd_client::services::v1::{
        CreateContainerRequest, CreateContainerResponse, DeleteContainerRequest,
        GetContainerRequest, GetContainerResponse, ListContainerMessage, ListContainersRequest,
        UpdateContainerRequest, UpdateContainerResponse,
    };

    use super::Method;

    pub(crate) const CREATE: Method<CreateContainerRequest, CreateContainerResponse> =
        Method::writes("/containerd.services.containers.v1.Containers/Create");
    pub(crate) const GET: Method<GetContainerRequest, GetContainerResponse> =
        Method::reads("/containerd.services.containers.v1.Containers/Get");
    pub(crate) const DELETE: Method<DeleteContainerRequest, ()> =
        Method::writes("/containerd.services.containers.v1.Containers/Delete");
    pub(crate) const UPDATE: Method<UpdateContainerRequest, UpdateContainerResponse> =
        Method::writes("/containerd.services.containers.v1.Containers/Update");
    pub(crate) const LIST_STREAM: Method<ListContainersRequest, ListContainerMessage> =
        Method::reads("/containerd.services.containers.v1.Containers/ListStream");
}

/// containerd.services.tasks.v1.
pub(crate) mod tasks {
    use containerd_client::services::v1::{
        CheckpointTaskRequest, CheckpointTaskResponse, CloseIoRequest, CreateTaskRequest,
        CreateTaskResponse, DeleteProcessRequest, DeleteResponse, DeleteTaskRequest,
        ExecProcessRequest, GetRequest, GetResponse, KillRequest, ListPidsRequest,
        ListPidsResponse, ListTasksRequest, ListTasksResponse, MetricsRequest, MetricsResponse,
        PauseTaskRequest, ResizePtyRequest, ResumeTaskRequest, StartRequest, StartResponse,
        UpdateTaskRequest,
    };

    use super::Method;

    pub(crate) const CREATE: Method<CreateTaskRequest, CreateTaskResponse> =
        Method::writes("/containerd.services.tasks.v1.Tasks/Create");
    pub(crate) const START: Method<StartRequest, StartResponse> =
        Method::writes("/containerd.services.tasks.v1.Tasks/Start");
    pub(crate) const DELETE: Method<DeleteTaskRequest, DeleteResponse> =
        Method::writes("/containerd.services.tasks.v1.Tasks/Delete");
    pub(crate) const DELETE_PROCESS: Method<DeleteProcessRequest, DeleteResponse> =
        Method::writes("/containerd.services.tasks.v1.Tasks/DeleteProcess");
    pub(crate) const GET: Method<GetRequest, GetResponse> =
        Method::reads("/containerd.services.tasks.v1.Tasks/Get");
    pub(crate) const LIST: Method<ListTasksRequest, ListTasksResponse> =
        Method::reads("/containerd.services.tasks.v1.Tasks/List");
    pub(crate) const KILL: Method<KillRequest, ()> =
        Method::writes("/containerd.services.tasks.v1.Tasks/Kill");
    pub(crate) const EXEC: Method<ExecProcessRequest, ()> =
        Method::writes("/containerd.services.tasks.v1.Tasks/Exec");
    pub(crate) const RESIZE_PTY: Method<ResizePtyRequest, ()> =
        Method::writes("/containerd.services.tasks.v1.Tasks/ResizePty");
    pub(crate) const CLOSE_IO: Method<CloseIoRequest, ()> =
        Method::writes("/containerd.services.tasks.v1.Tasks/CloseIO");
    pub(crate) const PAUSE: Method<PauseTaskRequest, ()> =
        Method::writes("/containerd.services.tasks.v1.Tasks/Pause");
    pub(crate) const RESUME: Method<ResumeTaskRequest, ()> =
        Method::writes("/containerd.services.tasks.v1.Tasks/Resume");
    pub(crate) const CHECKPOINT: Method<CheckpointTaskRequest, CheckpointTaskResponse> =
        Method::writes("/containerd.services.tasks.v1.Tasks/Checkpoint");
    pub(crate) const LIST_PIDS: Method<ListPidsRequest, ListPidsResponse> =
        Method::reads("/containerd.services.tasks.v1.Tasks/ListPids");
    pub(crate) const UPDATE: Method<UpdateTaskRequest, ()> =
        Method::writes("/containerd.services.tasks.v1.Tasks/Update");
    pub(crate) const METRICS: Method<MetricsRequest, MetricsResponse> =
        Method::reads("/containerd.services.tasks.v1.Tasks/Metrics");
}

/// containerd.services.images.v1.
pub(crate) mod images {
    use containerd_client::services::v1::{
        CreateImageRequest, CreateImageResponse, DeleteImageRequest, GetImageRequest,
        GetImageResponse, ListImagesRequest, ListImagesResponse, UpdateImageRequest,
        UpdateImageResponse,
    };

    use super::Method;

    pub(crate) const CREATE: Method<CreateImageRequest, CreateImageResponse> =
        Method::writes("/containerd.services.images.v1.Images/Create");
    pub(crate) const UPDATE: Method<UpdateImageRequest, UpdateImageResponse> =
        Method::writes("/containerd.services.images.v1.Images/Update");
    pub(crate) const GET: Method<GetImageRequest, GetImageResponse> =
        Method::reads("/containerd.services.images.v1.Images/Get");
    pub(crate) const LIST: Method<ListImagesRequest, ListImagesResponse> =
        Method::reads("/containerd.services.images.v1.Images/List");
    pub(crate) const DELETE: Method<DeleteImageRequest, ()> =
        Method::writes("/containerd.services.images.v1.Images/Delete");
}

/// containerd.services.content.v1.
pub(crate) mod content {
    use containerd_client::services::v1::{
        ReadContentRequest, ReadContentResponse, UpdateRequest, UpdateResponse,
        WriteContentRequest, WriteContentResponse,
    };

    use super::Method;

    pub(crate) const WRITE: Method<WriteContentRequest, WriteContentResponse> =
        Method::writes("/containerd.services.content.v1.Content/Write");
    pub(crate) const READ: Method<ReadContentRequest, ReadContentResponse> =
        Method::reads("/containerd.services.content.v1.Content/Read");
    pub(crate) const UPDATE: Method<UpdateRequest, UpdateResponse> =
        Method::writes("/containerd.services.content.v1.Content/Update");
}

/// containerd.services.snapshots.v1.
pub(crate) mod snapshots {
    use containerd_client::services::v1::snapshots::{
        CommitSnapshotRequest, ListSnapshotsRequest, ListSnapshotsResponse, MountsRequest,
        MountsResponse, PrepareSnapshotRequest, PrepareSnapshotResponse, RemoveSnapshotRequest,
        StatSnapshotRequest, StatSnapshotResponse,
    };

    use super::Method;

    pub(crate) const PREPARE: Method<PrepareSnapshotRequest, PrepareSnapshotResponse> =
        Method::writes("/containerd.services.snapshots.v1.Snapshots/Prepare");
    pub(crate) const MOUNTS: Method<MountsRequest, MountsResponse> =
        Method::reads("/containerd.services.snapshots.v1.Snapshots/Mounts");
    pub(crate) const COMMIT: Method<CommitSnapshotRequest, ()> =
        Method::writes("/containerd.services.snapshots.v1.Snapshots/Commit");
    pub(crate) const REMOVE: Method<RemoveSnapshotRequest, ()> =
        Method::writes("/containerd.services.snapshots.v1.Snapshots/Remove");
    pub(crate) const STAT: Method<StatSnapshotRequest, StatSnapshotResponse> =
        Method::reads("/containerd.services.snapshots.v1.Snapshots/Stat");
    pub(crate) const LIST: Method<ListSnapshotsRequest, ListSnapshotsResponse> =
        Method::reads("/containerd.services.snapshots.v1.Snapshots/List");
}

/// containerd.services.diff.v1.
pub(crate) mod diff {
    use containerd_client::services::v1::{ApplyRequest, ApplyResponse};

    use super::Method;

    pub(crate) const APPLY: Method<ApplyRequest, ApplyResponse> =
        Method::writes("/containerd.services.diff.v1.Diff/Apply");
}

/// containerd.services.leases.v1.
pub(crate) mod leases {
    use containerd_client::services::v1::{CreateRequest, CreateResponse, DeleteRequest};

    use super::Method;

    pub(crate) const CREATE: Method<CreateRequest, CreateResponse> =
        Method::writes("/containerd.services.leases.v1.Leases/Create");
    pub(crate) const DELETE: Method<DeleteRequest, ()> =
        Method::writes("/containerd.services.leases.v1.Leases/Delete");
}
