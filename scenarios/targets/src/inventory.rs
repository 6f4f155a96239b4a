//! What there is in a namespace, and its removal.

use containerd_client::services::v1::container::Runtime;
use containerd_client::services::v1::containers_client::ContainersClient;
use containerd_client::services::v1::content_client::ContentClient;
use containerd_client::services::v1::images_client::ImagesClient;
use containerd_client::services::v1::leases_client::LeasesClient;
use containerd_client::services::v1::namespaces_client::NamespacesClient;
use containerd_client::services::v1::snapshots::ListSnapshotsRequest;
use containerd_client::services::v1::snapshots::snapshots_client::SnapshotsClient;
use containerd_client::services::v1::{
    Container, CreateContainerRequest, CreateRequest, DeleteContainerRequest, DeleteImageRequest,
    DeleteNamespaceRequest, DeleteRequest, ListContainersRequest, ListContentRequest,
    ListImagesRequest, ListRequest, ListTasksRequest,
};
use laconic_scenarios::TargetFault;
use prost_types::Any;
use tonic::{Code, Response, Status, Streaming};

use crate::observer::{Observer, ask, fault, limited};

/// Where every driver unpacks to.
const SNAPSHOTTER: &str = "overlayfs";
/// Of all containers of cases.
const RUNTIME: &str = "io.containerd.runc.v2";

/// Ids and names of all that a namespace has.
#[derive(Debug, Default)]
struct Inventory {
    containers: Vec<String>,
    tasks: Vec<String>,
    leases: Vec<String>,
    images: Vec<String>,
    snapshots: Vec<String>,
    blobs: Vec<String>,
}

impl Inventory {
    /// Whether there is something that the server may have to collect.
    fn has_collectable(&self) -> bool {
        !self.snapshots.is_empty() || !self.blobs.is_empty()
    }

    fn words(self) -> Vec<String> {
        let named = [
            ("container", self.containers),
            ("task", self.tasks),
            ("lease", self.leases),
            ("image", self.images),
            ("snapshot", self.snapshots),
            ("content", self.blobs),
        ];
        let word = |(kind, ids): (&str, Vec<String>)| {
            ids.into_iter().map(|id| format!("{kind} {id}")).collect::<Vec<_>>()
        };
        named.into_iter().flat_map(word).collect()
    }
}

/// All messages of a stream, as one answer.
async fn whole<T>(
    call: impl Future<Output = Result<Response<Streaming<T>>, Status>>,
) -> Result<Response<Vec<T>>, Status> {
    let mut stream = call.await?.into_inner();
    let mut all = Vec::new();
    while let Some(message) = stream.message().await? {
        all.push(message);
    }
    Ok(Response::new(all))
}

impl Observer {
    async fn inventory(&self, namespace: &str) -> Result<Inventory, TargetFault> {
        let of = |what: &str| format!("list {what} of {namespace}");
        let mut client = ContainersClient::new(self.channel());
        let message = ListContainersRequest::default();
        let containers = limited(of("containers"), client.list(ask(namespace, message))).await?;
        let mut client = self.tasks();
        let message = ListTasksRequest::default();
        let tasks = limited(of("tasks"), client.list(ask(namespace, message))).await?;
        let mut client = LeasesClient::new(self.channel());
        let message = ListRequest::default();
        let leases = limited(of("leases"), client.list(ask(namespace, message))).await?;
        let mut client = ImagesClient::new(self.channel());
        let message = ListImagesRequest::default();
        let images = limited(of("images"), client.list(ask(namespace, message))).await?;
        Ok(Inventory {
            containers: containers.containers.into_iter().map(|one| one.id).collect(),
            tasks: tasks.tasks.into_iter().map(|one| one.id).collect(),
            leases: leases.leases.into_iter().map(|one| one.id).collect(),
            images: images.images.into_iter().map(|one| one.name).collect(),
            snapshots: self.snapshots(namespace).await?,
            blobs: self.blobs(namespace).await?,
        })
    }

    async fn snapshots(&self, namespace: &str) -> Result<Vec<String>, TargetFault> {
        let mut client = SnapshotsClient::new(self.channel());
        let snapshotter = SNAPSHOTTER.to_owned();
        let message = ListSnapshotsRequest { snapshotter, filters: Vec::new() };
        let listing = async {
            match whole(client.list(ask(namespace, message))).await {
                // Somebody else's daemon may be without this snapshotter.
                Err(status) if status.code() == Code::InvalidArgument => {
                    Ok(Response::new(Vec::new()))
                }
                listed => listed,
            }
        };
        let listed = limited(format!("list snapshots of {namespace}"), listing).await?;
        Ok(listed.into_iter().flat_map(|part| part.info).map(|info| info.name).collect())
    }

    async fn blobs(&self, namespace: &str) -> Result<Vec<String>, TargetFault> {
        let mut client = ContentClient::new(self.channel());
        let message = ListContentRequest::default();
        let listing = whole(client.list(ask(namespace, message)));
        let listed = limited(format!("list content of {namespace}"), listing).await?;
        Ok(listed.into_iter().flat_map(|part| part.info).map(|info| info.digest).collect())
    }

    /// Has the server collect garbage: it does so before it answers to the deletion of a lease.
    async fn collect(&self, namespace: &str) -> Result<(), TargetFault> {
        let id = "laconic-observer".to_owned();
        let mut client = LeasesClient::new(self.channel());
        let message = CreateRequest { id: id.clone(), ..CreateRequest::default() };
        limited("make a lease".into(), client.create(ask(namespace, message))).await?;
        let message = DeleteRequest { id, sync: true };
        limited("collect garbage".into(), client.delete(ask(namespace, message))).await
    }

    /// What is in a namespace once the server has collected what nothing holds.
    pub(crate) async fn leftovers(&self, namespace: &str) -> Result<Vec<String>, TargetFault> {
        let mut found = self.inventory(namespace).await?;
        if found.has_collectable() {
            self.collect(namespace).await?;
            found = self.inventory(namespace).await?;
        }
        Ok(found.words())
    }

    /// Removes all that is in a namespace, and the namespace.
    pub(crate) async fn clean_up(&self, namespace: &str) -> Result<(), TargetFault> {
        let mut found = self.inventory(namespace).await?;
        for id in &found.tasks {
            if !found.containers.contains(id) {
                self.give_record(namespace, id).await?;
                found.containers.push(id.clone());
            }
            self.end_task(namespace, id).await?;
        }
        for id in &found.containers {
            let mut client = ContainersClient::new(self.channel());
            let message = DeleteContainerRequest { id: id.clone() };
            limited(format!("delete {id}"), client.delete(ask(namespace, message))).await?;
        }
        for id in &found.leases {
            let mut client = LeasesClient::new(self.channel());
            let message = DeleteRequest { id: id.clone(), sync: false };
            limited(format!("delete lease {id}"), client.delete(ask(namespace, message))).await?;
        }
        for name in &found.images {
            let mut client = ImagesClient::new(self.channel());
            let name = name.clone();
            let message = DeleteImageRequest { name, sync: false, target: None };
            limited("delete an image".into(), client.delete(ask(namespace, message))).await?;
        }
        if found.has_collectable() {
            self.collect(namespace).await?;
        }
        self.delete_namespace(namespace).await
    }

    /// A task whose record was deleted is found by nobody until it has another.
    async fn give_record(&self, namespace: &str, id: &str) -> Result<(), TargetFault> {
        let record = Container {
            id: id.to_owned(),
            runtime: Some(Runtime { name: RUNTIME.to_owned(), options: None }),
            spec: Some(Any { type_url: "laconic.Nothing".to_owned(), value: b"{}".to_vec() }),
            ..Container::default()
        };
        let message = CreateContainerRequest { container: Some(record) };
        let mut client = ContainersClient::new(self.channel());
        let creating = client.create(ask(namespace, message));
        limited(format!("give {id} a record"), creating).await.map(drop)
    }

    async fn delete_namespace(&self, namespace: &str) -> Result<(), TargetFault> {
        let mut client = NamespacesClient::new(self.channel());
        let message = DeleteNamespaceRequest { name: namespace.to_owned() };
        match client.delete(ask(namespace, message)).await {
            // Nothing was ever written in it.
            Err(status) if status.code() == Code::NotFound => Ok(()),
            Err(status) => Err(fault(format!("delete namespace {namespace}"), status.message())),
            Ok(_) => Ok(()),
        }
    }
}
