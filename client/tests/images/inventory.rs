//! What is in a namespace, asked by bare stubs.

use containerd_client::services::v1::containers_client::ContainersClient;
use containerd_client::services::v1::content_client::ContentClient;
use containerd_client::services::v1::images_client::ImagesClient;
use containerd_client::services::v1::leases_client::LeasesClient;
use containerd_client::services::v1::snapshots::ListSnapshotsRequest;
use containerd_client::services::v1::snapshots::snapshots_client::SnapshotsClient;
use containerd_client::services::v1::tasks_client::TasksClient;
use containerd_client::services::v1::{
    ListContainersRequest, ListContentRequest, ListImagesRequest, ListRequest, ListTasksRequest,
};
use tonic::Request;
use tonic::transport::Channel;

/// A message with the namespace's header.
pub(crate) fn ask<T>(namespace: &str, message: T) -> Request<T> {
    let mut request = Request::new(message);
    request.metadata_mut().insert("containerd-namespace", namespace.parse().unwrap());
    request
}

pub(crate) async fn of(channel: &Channel, namespace: &str) -> Vec<String> {
    let mut found = Vec::new();
    let message = ListImagesRequest::default();
    let images = ImagesClient::new(channel.clone()).list(ask(namespace, message)).await.unwrap();
    found.extend(images.into_inner().images.into_iter().map(|one| format!("image {}", one.name)));
    let message = ListContentRequest::default();
    let blobs = ContentClient::new(channel.clone()).list(ask(namespace, message)).await.unwrap();
    let mut blobs = blobs.into_inner();
    while let Some(some) = blobs.message().await.unwrap() {
        found.extend(some.info.into_iter().map(|one| format!("content {}", one.digest)));
    }
    let message = ListSnapshotsRequest { snapshotter: "overlayfs".to_owned(), filters: Vec::new() };
    let listed = SnapshotsClient::new(channel.clone()).list(ask(namespace, message)).await.unwrap();
    let mut listed = listed.into_inner();
    while let Some(some) = listed.message().await.unwrap() {
        found.extend(some.info.into_iter().map(|one| format!("snapshot {}", one.name)));
    }
    let message = ListRequest::default();
    let leases = LeasesClient::new(channel.clone()).list(ask(namespace, message)).await.unwrap();
    found.extend(leases.into_inner().leases.into_iter().map(|one| format!("lease {}", one.id)));
    let message = ListContainersRequest::default();
    let all = ContainersClient::new(channel.clone()).list(ask(namespace, message)).await.unwrap();
    found
        .extend(all.into_inner().containers.into_iter().map(|one| format!("container {}", one.id)));
    let message = ListTasksRequest::default();
    let tasks = TasksClient::new(channel.clone()).list(ask(namespace, message)).await.unwrap();
    found.extend(tasks.into_inner().tasks.into_iter().map(|one| format!("task {}", one.id)));
    found
}
