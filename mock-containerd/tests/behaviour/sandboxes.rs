//! Records of sandboxes, as 1.7 and 2.1 keep them.

use std::collections::HashMap;

use containerd_client::services::v1::sandbox as api;
use containerd_client::services::v1::sandbox::store_client::StoreClient;
use containerd_client::types::Sandbox;
use containerd_client::types::sandbox::Runtime;
use mock_containerd::Profile;
use prost_types::Any;
use tonic::transport::Channel;
use tonic::{Code, Status};

use crate::stage::{Stage, none, within};

fn sandbox(id: &str) -> Sandbox {
    Sandbox {
        sandbox_id: id.to_owned(),
        runtime: Some(Runtime { name: "io.containerd.runc.v2".to_owned(), options: None }),
        sandboxer: "shim".to_owned(),
        ..none()
    }
}

async fn store(profile: Profile) -> StoreClient<Channel> {
    StoreClient::new(Stage::open(profile).await.channel)
}

async fn create(
    store: &mut StoreClient<Channel>,
    sandbox: Option<Sandbox>,
) -> Result<Sandbox, Status> {
    let created = store.create(within(api::StoreCreateRequest { sandbox })).await?;
    Ok(created.into_inner().sandbox.unwrap())
}

async fn update(
    store: &mut StoreClient<Channel>,
    sandbox: Sandbox,
    fields: &[&str],
) -> Result<Sandbox, Status> {
    let fields = fields.iter().map(|field| (*field).to_owned()).collect();
    let request = api::StoreUpdateRequest { sandbox: Some(sandbox), fields };
    Ok(store.update(within(request)).await?.into_inner().sandbox.unwrap())
}

#[tokio::test]
async fn a_sandbox_is_created_once_and_keeps_its_controller_since_2_0() {
    for (profile, sandboxer) in [(Profile::V1_7, ""), (Profile::V2_1, "shim")] {
        let mut store = store(profile).await;
        let created = create(&mut store, Some(sandbox("a"))).await.unwrap();
        assert_eq!(created.sandboxer, sandboxer);
        assert!(created.created_at.is_some());
        let status = create(&mut store, Some(sandbox("a"))).await.unwrap_err();
        assert_eq!(status.code(), Code::AlreadyExists);
        assert!(status.message().starts_with("write error: sandbox bucket \"a\" already exists"));
    }
}

#[tokio::test]
async fn what_would_crash_a_real_store_is_refused() {
    let mut store = store(Profile::V2_1).await;
    let without_runtime = Sandbox { runtime: None, ..sandbox("a") };
    for crash in [None, Some(without_runtime)] {
        let status = create(&mut store, crash).await.unwrap_err();
        assert_eq!(status.code(), Code::InvalidArgument);
    }
    create(&mut store, Some(sandbox("a"))).await.unwrap();
    let without_runtime = Sandbox { runtime: None, ..sandbox("a") };
    for crash in [None, Some(without_runtime)] {
        let request = api::StoreUpdateRequest { sandbox: crash, fields: Vec::new() };
        let status = store.update(within(request)).await.unwrap_err();
        assert_eq!(status.code(), Code::InvalidArgument);
    }
}

#[tokio::test]
async fn what_is_not_there_is_told_in_each_versions_words() {
    for (profile, code, message) in [
        (Profile::V1_7, Code::Unknown, "failed to delete sandbox \"x\": bucket not found"),
        (Profile::V2_1, Code::NotFound, "failed to delete sandbox \"x\": not found"),
    ] {
        let mut store = store(profile).await;
        let delete = || within(api::StoreDeleteRequest { sandbox_id: "x".to_owned() });
        let status = store.delete(delete()).await.unwrap_err();
        assert_eq!(status.message(), "no sandbox buckets: not found");
        create(&mut store, Some(sandbox("a"))).await.unwrap();
        let status = store.delete(delete()).await.unwrap_err();
        assert_eq!((status.code(), status.message()), (code, message));
        let get = within(api::StoreGetRequest { sandbox_id: "x".to_owned() });
        assert_eq!(
            store.get(get).await.unwrap_err().message(),
            "bucket \"x\" not found: not found"
        );
    }
}

#[tokio::test]
async fn fields_are_updated_by_name_and_extensions_are_never_taken_out() {
    let mut store = store(Profile::V2_1).await;
    let extended = |name: &str| {
        let extension = Any { type_url: "t".to_owned(), value: Vec::new() };
        Sandbox { extensions: HashMap::from([(name.to_owned(), extension)]), ..sandbox("a") }
    };
    create(&mut store, Some(extended("k"))).await.unwrap();
    let answer = update(&mut store, extended("y"), &["extensions"]).await.unwrap();
    assert_eq!(answer.extensions.len(), 1);
    let labels = HashMap::from([("m".to_owned(), "2".to_owned())]);
    let labelled = Sandbox { labels, ..sandbox("a") };
    let answer = update(&mut store, labelled.clone(), &["labels.m"]).await.unwrap();
    assert_eq!((answer.extensions.len(), answer.labels.len()), (2, 1));
    let status = update(&mut store, labelled, &["sandboxer"]).await.unwrap_err();
    assert!(status.message().starts_with("cannot update \"sandboxer\" field on sandbox \"a\""));
}

#[tokio::test]
async fn sandboxes_are_listed_by_id_and_label_alone() {
    let mut store = store(Profile::V1_7).await;
    create(&mut store, Some(sandbox("a"))).await.unwrap();
    for (filter, count) in [("id==a", 1), ("id==b", 0), ("runtime.name==io.containerd.runc.v2", 0)]
    {
        let request = within(api::StoreListRequest { filters: vec![filter.to_owned()] });
        assert_eq!(store.list(request).await.unwrap().into_inner().list.len(), count, "{filter}");
    }
}
