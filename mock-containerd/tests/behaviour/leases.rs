//! Leases: made, listed, given resources, deleted; never told on the bus.

use containerd_client::services::v1 as api;
use mock_containerd::Profile;
use tonic::{Code, Status};

use crate::stage::{Stage, none, within};

async fn create(stage: &Stage, id: &str) -> Result<api::Lease, Status> {
    let request = within(api::CreateRequest { id: id.to_owned(), ..none() });
    Ok(stage.leases().create(request).await?.into_inner().lease.unwrap())
}

async fn add(stage: &Stage, kind: &str, id: &str) -> Result<(), Status> {
    let resource = Some(api::Resource { r#type: kind.to_owned(), id: id.to_owned() });
    let request = within(api::AddResourceRequest { id: "l1".to_owned(), resource });
    stage.leases().add_resource(request).await.map(drop)
}

#[tokio::test]
async fn a_lease_is_named_by_the_server_when_the_client_does_not() {
    let mut stage = Stage::open(Profile::V1_6).await;
    let named = create(&stage, "").await.unwrap();
    assert!(!named.id.is_empty() && named.created_at.is_some());
    create(&stage, "free text, as ids of leases are").await.unwrap();
    let list = within(api::ListRequest::default());
    assert_eq!(stage.leases().list(list).await.unwrap().into_inner().leases.len(), 2);
    assert!(stage.topics().await.is_empty());
}

#[tokio::test]
async fn a_second_lease_of_a_name_and_a_missing_one_are_refused() {
    let stage = Stage::open(Profile::V1_6).await;
    create(&stage, "l1").await.unwrap();
    let again = create(&stage, "l1").await.unwrap_err();
    assert_eq!(
        (again.code(), again.message()),
        (Code::AlreadyExists, "lease \"l1\": already exists")
    );
    let delete = |id: &str| within(api::DeleteRequest { id: id.to_owned(), sync: false });
    stage.leases().delete(delete("l1")).await.unwrap();
    let gone = stage.leases().delete(delete("l1")).await.unwrap_err();
    assert_eq!((gone.code(), gone.message()), (Code::NotFound, "lease \"l1\": not found"));
}

#[tokio::test]
async fn resources_are_checked_by_their_type_and_held_once() {
    let stage = Stage::open(Profile::V1_6).await;
    create(&stage, "l1").await.unwrap();
    let digest = format!("sha256:{}", "0".repeat(64));
    for _ in 0..2 {
        add(&stage, "content", &digest).await.unwrap();
        add(&stage, "snapshots/overlayfs", "k").await.unwrap();
    }
    for (kind, id, code) in [
        ("content", "zz", Code::InvalidArgument),
        ("snapshots", "k", Code::InvalidArgument),
        ("images", "i", Code::Unimplemented),
    ] {
        assert_eq!(add(&stage, kind, id).await.unwrap_err().code(), code, "{kind}");
    }
    let list = within(api::ListResourcesRequest { id: "l1".to_owned() });
    let held = stage.leases().list_resources(list).await.unwrap().into_inner().resources;
    assert_eq!(held.len(), 2);
    let request =
        within(api::DeleteResourceRequest { id: "l1".to_owned(), resource: Some(held[0].clone()) });
    stage.leases().delete_resource(request).await.unwrap();
    let list = within(api::ListResourcesRequest { id: "l1".to_owned() });
    let held = stage.leases().list_resources(list).await.unwrap().into_inner().resources;
    assert_eq!(held.len(), 1);
}

#[tokio::test]
async fn images_can_be_held_from_2_1_on() {
    let stage = Stage::open(Profile::V2_1).await;
    create(&stage, "l1").await.unwrap();
    add(&stage, "images", "i").await.unwrap();
}
