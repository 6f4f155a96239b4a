//! Another client deletes an image, and waits for the collection of garbage, just when a container
//! is made. The record goes first, so that it keeps the snapshot; the other order loses it.

use containerd_client::services::v1::containers_client::ContainersClient;
use containerd_client::services::v1::images_client::ImagesClient;
use containerd_client::services::v1::snapshots::snapshots_client::SnapshotsClient;
use containerd_client::services::v1::snapshots::{PrepareSnapshotRequest, StatSnapshotRequest};
use containerd_client::services::v1::tasks_client::TasksClient;
use containerd_client::services::v1::{
    CreateContainerRequest, CreateTaskRequest, DeleteContainerRequest, DeleteImageRequest,
};
use laconic_client::{Client, Collect, ExitStatus, Image, Io, Kind, NewContainer};
use tonic::Code;
use tonic::transport::Channel;

use crate::arm::{Arm, on_daemons, on_mocks};
use crate::gate::Gate;
use crate::inventory::ask;

/// An image that is unpacked, and another one that somebody will delete.
async fn two_images(arm: &Arm, client: &Client) -> Image {
    client.import(arm.archive("other")).await.unwrap();
    let image = client.import(arm.archive("tiny")).await.unwrap().remove(0);
    image.unpack("overlayfs").await.unwrap();
    image
}

/// When this returns, the server has collected.
async fn delete(rival: &Channel, arm: &Arm, image: &str) {
    let message = DeleteImageRequest { name: image.to_owned(), sync: true, target: None };
    ImagesClient::new(rival.clone()).delete(ask(&arm.namespace(), message)).await.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_run_survives_anothers_deletion_between_record_and_snapshot_on_the_mock() {
    on_mocks(a_run_survives_between).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_run_survives_anothers_deletion_between_record_and_snapshot_on_real_containerds() {
    on_daemons(a_run_survives_between).await;
}

async fn a_run_survives_between(arm: &Arm) {
    let (gate, client) = Gate::client(arm).await;
    let rival = arm.rival().await;
    let image = two_images(arm, &client).await;
    let new = NewContainer::from_image("c1", &image).args(arm.proof());
    gate.close();
    let creating = tokio::spawn(async move { client.create(new).await });
    arm.seen(|call| call.rpc.short() == "Containers/Create" && call.ended.is_some()).await;
    // The record is there, and the client does not know it yet: it has not asked for the snapshot.
    delete(&rival, arm, "other").await;
    gate.open();
    let container = creating.await.unwrap().unwrap();
    // And once more, when the snapshot is there and nothing runs on it.
    delete(&rival, arm, "tiny").await;
    // A mock mounts nothing: what a real one could not start on has to be looked for.
    let found = arm.inventory().await;
    assert!(found.iter().any(|one| one.starts_with("snapshot c1-")), "{}: {found:?}", arm.name());
    let task = container.start(Io::Null).await.unwrap();
    assert_eq!(task.wait().await.unwrap().status, ExitStatus::Code(7), "{}", arm.name());
    task.delete().await.unwrap();
    container.delete().await.unwrap();
    arm.sweep().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_creation_whose_own_image_is_deleted_in_between_leaves_nothing_on_the_mock() {
    on_mocks(its_own_image_goes_in_between).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_creation_whose_own_image_is_deleted_in_between_leaves_nothing_on_real_containerds() {
    on_daemons(its_own_image_goes_in_between).await;
}

async fn its_own_image_goes_in_between(arm: &Arm) {
    let (gate, client) = Gate::client(arm).await;
    let rival = arm.rival().await;
    let image = client.import(arm.archive("tiny")).await.unwrap().remove(0);
    image.unpack("overlayfs").await.unwrap();
    let new = NewContainer::from_image("c1", &image);
    gate.close();
    let creating = tokio::spawn(async move { client.create(new).await });
    arm.seen(|call| call.rpc.short() == "Containers/Create" && call.ended.is_some()).await;
    delete(&rival, arm, "tiny").await;
    gate.open();
    let refused = creating.await.unwrap().unwrap_err();
    assert_eq!(refused.kind(), Kind::NotFound, "{}: {refused}", arm.name());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_creation_that_is_given_up_in_between_leaves_neither_record_nor_snapshot_on_the_mock() {
    on_mocks(given_up_in_between).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_creation_that_is_given_up_in_between_leaves_neither_record_nor_snapshot_on_real_containerds()
 {
    on_daemons(given_up_in_between).await;
}

async fn given_up_in_between(arm: &Arm) {
    let (gate, client) = Gate::client(arm).await;
    let image = client.import(arm.archive("tiny")).await.unwrap().remove(0);
    image.unpack("overlayfs").await.unwrap();
    let new = NewContainer::from_image("c1", &image);
    gate.close();
    let creating = tokio::spawn({
        let client = client.clone();
        async move { client.create(new).await }
    });
    arm.seen(|call| call.rpc.short() == "Containers/Create" && call.ended.is_some()).await;
    creating.abort();
    assert!(creating.await.unwrap_err().is_cancelled());
    gate.open();
    arm.seen(|call| call.rpc.short() == "Snapshots/Remove" && call.ended.is_some()).await;
    image.remove(Collect::Now).await.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_reversed_order_loses_the_snapshot_to_anothers_deletion_on_the_mock() {
    on_mocks(the_reversed_order_fails).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_reversed_order_loses_the_snapshot_to_anothers_deletion_on_real_containerds() {
    on_daemons(the_reversed_order_fails).await;
}

/// The same calls by hand, the snapshot first.
async fn the_reversed_order_fails(arm: &Arm) {
    let client = arm.client().await;
    let (rival, hand) = (arm.rival().await, arm.rival().await);
    let space = arm.namespace();
    let image = two_images(arm, &client).await;
    let (snapshotter, key) = ("overlayfs".to_owned(), "by-hand".to_owned());
    let message = PrepareSnapshotRequest {
        snapshotter: snapshotter.clone(),
        key: key.clone(),
        parent: image.chain_id().unwrap().to_owned(),
        ..PrepareSnapshotRequest::default()
    };
    let mut snapshots = SnapshotsClient::new(hand.clone());
    let mounts = snapshots.prepare(ask(&space, message)).await.unwrap().into_inner().mounts;
    delete(&rival, arm, "other").await;
    let mut record =
        NewContainer::from_image("c1", &image).args(arm.proof()).record(&space).unwrap();
    (record.snapshotter, record.snapshot_key) = (snapshotter.clone(), key.clone());
    let message = CreateContainerRequest { container: Some(record) };
    let mut containers = ContainersClient::new(hand.clone());
    containers.create(ask(&space, message)).await.unwrap();
    // The record is there and names a snapshot; that is gone.
    let stat = snapshots.stat(ask(&space, StatSnapshotRequest { snapshotter, key })).await;
    assert_eq!(stat.unwrap_err().code(), Code::NotFound, "{}", arm.name());
    if arm.real {
        let id = "c1".to_owned();
        let message =
            CreateTaskRequest { container_id: id, rootfs: mounts, ..CreateTaskRequest::default() };
        let lost = TasksClient::new(hand).create(ask(&space, message)).await.unwrap_err();
        eprintln!("{}: the reversed order: {}", arm.name(), lost.message());
    }
    let message = DeleteContainerRequest { id: "c1".to_owned() };
    containers.delete(ask(&space, message)).await.unwrap();
    image.remove(Collect::Now).await.unwrap();
}
