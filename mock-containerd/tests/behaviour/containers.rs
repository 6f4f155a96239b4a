//! Container records: what is refused with which words, and what an update may change.

use containerd_client::services::v1 as api;
use mock_containerd::Profile;
use prost_types::FieldMask;
use tonic::{Code, Status};

use crate::stage::{Stage, container, json, none, within};

async fn create(stage: &Stage, container: api::Container) -> Result<api::Container, Status> {
    let request = api::CreateContainerRequest { container: Some(container) };
    let reply = stage.containers().create(within(request)).await?.into_inner();
    Ok(reply.container.expect("an answer has a container"))
}

async fn update(
    stage: &Stage,
    container: api::Container,
    paths: &[&str],
) -> Result<api::Container, Status> {
    let paths: Vec<String> = paths.iter().map(|path| (*path).to_owned()).collect();
    let update_mask = (!paths.is_empty()).then_some(FieldMask { paths });
    let request = api::UpdateContainerRequest { container: Some(container), update_mask };
    let reply = stage.containers().update(within(request)).await?.into_inner();
    Ok(reply.container.expect("an answer has a container"))
}

fn refused(result: Result<api::Container, Status>) -> (Code, String) {
    let status = result.expect_err("this is to be refused");
    (status.code(), status.message().to_owned())
}

#[tokio::test]
async fn what_a_record_lacks_is_named_in_the_order_in_which_containerd_looks() {
    let stage = Stage::open(Profile::V1_6).await;
    let full = container("c1", &["true"]);
    let empty_key = json(&serde_json::json!({}));
    let cases: [(api::Container, &str); 6] = [
        (
            api::Container { id: String::new(), ..full.clone() },
            "container.ID: identifier must not be empty",
        ),
        (
            api::Container { id: "a b".to_owned(), ..full.clone() },
            "container.ID: identifier \"a b\" must match \
          ^[A-Za-z0-9]+(?:[._-](?:[A-Za-z0-9]+))*$",
        ),
        (
            api::Container { extensions: [(String::new(), empty_key)].into(), ..full.clone() },
            "container.Extension keys must not be zero-length",
        ),
        (api::Container { runtime: None, ..full.clone() }, "container.Runtime.Name must be set"),
        (api::Container { spec: None, ..full.clone() }, "container.Spec must be set"),
        (
            api::Container { snapshot_key: "k".to_owned(), ..full.clone() },
            "container.Snapshotter must be set if container.SnapshotKey is set",
        ),
    ];
    for (container, what) in cases {
        let (code, message) = refused(create(&stage, container).await);
        assert_eq!(code, Code::InvalidArgument, "{message}");
        let prefix = "create container failed validation: ";
        assert_eq!(message.split(": invalid argument").next(), Some(&*format!("{prefix}{what}")));
    }
}

#[tokio::test]
async fn a_missing_spec_is_fine_from_1_7_on() {
    for profile in [Profile::V1_7, Profile::V2_1] {
        let stage = Stage::open(profile).await;
        let without = api::Container { spec: None, ..container("c1", &[]) };
        assert!(create(&stage, without).await.is_ok());
    }
}

#[tokio::test]
async fn a_record_is_stamped_by_the_server_told_and_not_made_twice() {
    let mut stage = Stage::open(Profile::V1_6).await;
    let made = create(&stage, container("c1", &["true"])).await.unwrap();
    assert!(made.created_at.is_some());
    assert_eq!(made.created_at, made.updated_at);
    assert_eq!(stage.topics().await, ["/containers/create"]);
    let again = refused(create(&stage, container("c1", &["true"])).await);
    assert_eq!(again, (Code::AlreadyExists, "container \"c1\": already exists".to_owned()));
    assert!(stage.topics().await.is_empty());
}

#[tokio::test]
async fn a_mask_changes_what_it_names_and_nothing_else() {
    let stage = Stage::open(Profile::V1_6).await;
    let mut first = container("c1", &["true"]);
    first.labels = [("a", "1"), ("b", "2")].map(|(k, v)| (k.to_owned(), v.to_owned())).into();
    first.image = "old".to_owned();
    create(&stage, first.clone()).await.unwrap();

    let mut change = first.clone();
    change.labels = [("a".to_owned(), "3".to_owned())].into();
    change.image = "new".to_owned();
    let updated = update(&stage, change.clone(), &["labels.a"]).await.unwrap();
    assert_eq!(updated.labels["a"], "3");
    assert_eq!(updated.labels["b"], "2");
    assert_eq!(updated.image, "old");

    // A path without a value clears; no mask at all replaces everything that may change.
    let cleared = update(&stage, change.clone(), &["labels.b"]).await.unwrap();
    assert!(!cleared.labels.contains_key("b"));
    assert_eq!(update(&stage, change, &[]).await.unwrap().image, "new");
}

#[tokio::test]
async fn an_update_that_containerd_refuses_is_refused_in_its_words() {
    let stage = Stage::open(Profile::V1_6).await;
    create(&stage, container("c1", &["true"])).await.unwrap();
    let invalid = |what: &str| (Code::InvalidArgument, format!("{what}: invalid argument"));

    let unknown_field = update(&stage, container("c1", &[]), &["runtime"]).await;
    assert_eq!(refused(unknown_field), invalid("cannot update \"runtime\" field on \"c1\""));
    let mut other = container("c1", &[]);
    other.runtime = Some(api::container::Runtime { name: "other".to_owned(), options: None });
    let immutable = invalid("container.Runtime.Name field is immutable");
    assert_eq!(refused(update(&stage, other, &[]).await), immutable);
    let nameless = update(&stage, api::Container::default(), &[]).await;
    let required = (Code::InvalidArgument, "Container.ID required".to_owned());
    assert_eq!(refused(nameless), required);
    let missing = refused(update(&stage, container("nope", &[]), &[]).await);
    assert_eq!(missing, (Code::NotFound, "container \"nope\": not found".to_owned()));
}

#[tokio::test]
async fn lists_filter_and_a_bad_filter_is_an_invalid_argument() {
    let stage = Stage::open(Profile::V1_6).await;
    for id in ["a", "b"] {
        create(&stage, container(id, &["true"])).await.unwrap();
    }
    let list = |filter: &str| {
        let filters = vec![filter.to_owned()];
        let mut containers = stage.containers();
        async move { containers.list(within(api::ListContainersRequest { filters })).await }
    };
    let found = list("id==b").await.unwrap().into_inner().containers;
    assert_eq!(found.iter().map(|found| found.id.as_str()).collect::<Vec<_>>(), ["b"]);
    let refused = list("id=b").await.unwrap_err();
    assert_eq!(refused.code(), Code::InvalidArgument);
    assert!(refused.message().contains("unsupported operator \"=\""), "{refused}");

    let streamed = within(api::ListContainersRequest::default());
    let mut streamed = stage.containers().list_stream(streamed).await.unwrap().into_inner();
    let mut ids = Vec::new();
    while let Some(message) = streamed.message().await.unwrap() {
        ids.push(message.container.unwrap().id);
    }
    assert_eq!(ids, ["a", "b"]);
}

#[tokio::test]
async fn a_record_can_be_deleted_under_a_live_task_which_is_then_out_of_reach() {
    let stage = Stage::open(Profile::V1_6).await;
    stage.run("c1", &["sleep", "inf"]).await;
    let request = within(api::DeleteContainerRequest { id: "c1".to_owned() });
    stage.containers().delete(request).await.unwrap();
    assert_eq!(stage.get("c1", "").await.unwrap_err().code(), Code::NotFound);
    let listed = stage.tasks().list(within(api::ListTasksRequest::default())).await.unwrap();
    assert_eq!(listed.into_inner().tasks.len(), 1);
    // The same id brings it back.
    create(&stage, container("c1", &["sleep", "inf"])).await.unwrap();
    assert!(stage.get("c1", "").await.is_ok());
}

#[tokio::test]
async fn every_call_wants_a_namespace_and_a_valid_one() {
    let stage = Stage::open(Profile::V1_6).await;
    let bare = tonic::Request::new(api::GetContainerRequest { id: "c1".to_owned() });
    let refused = stage.containers().get(bare).await.unwrap_err();
    assert_eq!(refused.code(), Code::FailedPrecondition);
    assert_eq!(refused.message(), "namespace is required: failed precondition");
    let get = api::GetContainerRequest { id: "c1".to_owned() };
    let bad = crate::stage::of_namespace("no good", get);
    let refused = stage.containers().get(bad).await.unwrap_err();
    assert_eq!(refused.code(), Code::InvalidArgument);
    assert!(refused.message().starts_with("namespace validation: "), "{refused}");
}

#[tokio::test]
async fn a_request_without_its_container_is_an_error_and_no_crash() {
    for profile in [Profile::V1_6, Profile::V1_7, Profile::V2_1] {
        let stage = Stage::open(profile).await;
        let empty = within(api::CreateContainerRequest { container: None });
        let refused = stage.containers().create(empty).await.unwrap_err();
        assert_eq!(refused.code(), Code::InvalidArgument);
        let empty = within(api::UpdateContainerRequest { container: None, ..none() });
        assert!(stage.containers().update(empty).await.is_err());
        assert!(create(&stage, container("c1", &["true"])).await.is_ok());
    }
}
