//! Namespaces: made on purpose or by a write, changed by labels, deleted when empty.

use containerd_client::services::v1 as api;
use mock_containerd::Profile;
use prost_types::FieldMask;
use tonic::{Code, Request, Status};

use crate::stage::{NAMESPACE, Stage, within};

fn named(name: &str, labels: &[(&str, &str)]) -> Option<api::Namespace> {
    let labels = labels.iter().map(|(k, v)| ((*k).to_owned(), (*v).to_owned())).collect();
    Some(api::Namespace { name: name.to_owned(), labels })
}

async fn create(stage: &Stage, name: &str) -> Result<(), Status> {
    let request = within(api::CreateNamespaceRequest { namespace: named(name, &[]) });
    stage.namespaces().create(request).await.map(drop)
}

async fn names(stage: &Stage) -> Vec<String> {
    let request = Request::new(api::ListNamespacesRequest::default());
    let listed = stage.namespaces().list(request).await.unwrap().into_inner().namespaces;
    listed.into_iter().map(|namespace| namespace.name).collect()
}

async fn delete(stage: &Stage, name: &str) -> Result<(), Status> {
    let request = Request::new(api::DeleteNamespaceRequest { name: name.to_owned() });
    stage.namespaces().delete(request).await.map(drop)
}

#[tokio::test]
async fn a_write_makes_a_namespace_and_a_read_does_not() {
    let stage = Stage::open(Profile::V1_6).await;
    assert_eq!(stage.get("c1", "").await.unwrap_err().code(), Code::NotFound);
    assert!(names(&stage).await.is_empty());
    stage.create_container("c1", &["true"]).await.unwrap();
    assert_eq!(names(&stage).await, [NAMESPACE]);
}

#[tokio::test]
async fn only_an_empty_namespace_that_exists_is_deleted() {
    let stage = Stage::open(Profile::V1_6).await;
    let missing = delete(&stage, "x").await.unwrap_err();
    assert_eq!((missing.code(), missing.message()), (Code::NotFound, "namespace \"x\": not found"));
    stage.create_container("c1", &["true"]).await.unwrap();
    let full = delete(&stage, NAMESPACE).await.unwrap_err();
    assert_eq!(full.code(), Code::FailedPrecondition);
    let request = within(api::DeleteContainerRequest { id: "c1".to_owned() });
    stage.containers().delete(request).await.unwrap();
    delete(&stage, NAMESPACE).await.unwrap();
    assert!(names(&stage).await.is_empty());
}

#[tokio::test]
async fn names_are_checked_and_not_given_twice() {
    let mut stage = Stage::open(Profile::V1_6).await;
    create(&stage, "one").await.unwrap();
    assert_eq!(stage.topics().await, ["/namespaces/create"]);
    assert_eq!(create(&stage, "one").await.unwrap_err().code(), Code::AlreadyExists);
    let long = "x".repeat(77);
    for name in ["", "no good", "-x", "x-", "a..b", long.as_str()] {
        assert_eq!(create(&stage, name).await.unwrap_err().code(), Code::InvalidArgument, "{name}");
    }
    assert!(create(&stage, &"x".repeat(76)).await.is_ok());
}

#[tokio::test]
async fn without_a_header_1_6_makes_the_namespace_and_says_that_it_failed() {
    for (profile, works) in [(Profile::V1_6, false), (Profile::V1_7, true), (Profile::V2_1, true)] {
        let stage = Stage::open(profile).await;
        let request = Request::new(api::CreateNamespaceRequest { namespace: named("one", &[]) });
        let answer = stage.namespaces().create(request).await;
        assert_eq!(answer.is_ok(), works, "{profile}");
        if let Err(refused) = answer {
            assert_eq!(refused.code(), Code::Unknown);
        }
        assert_eq!(names(&stage).await, ["one"]);
    }
}

#[tokio::test]
async fn get_never_fails_and_an_update_of_labels_makes_what_is_missing() {
    let stage = Stage::open(Profile::V1_6).await;
    let get = |name: &str| {
        let (mut client, name) = (stage.namespaces(), name.to_owned());
        async move {
            let reply = client.get(Request::new(api::GetNamespaceRequest { name })).await.unwrap();
            reply.into_inner().namespace.unwrap()
        }
    };
    assert_eq!(get("unknown").await, named("unknown", &[]).unwrap());
    let update = |paths: &[&str]| {
        let paths = paths.iter().map(|path| (*path).to_owned()).collect();
        within(api::UpdateNamespaceRequest {
            namespace: named("new", &[("a", "1"), ("b", "2")]),
            update_mask: Some(FieldMask { paths }),
        })
    };
    stage.namespaces().update(update(&["labels.a"])).await.unwrap();
    assert_eq!(get("new").await, named("new", &[("a", "1")]).unwrap());
    let refused = stage.namespaces().update(update(&["labels"])).await.unwrap_err();
    assert_eq!(refused.code(), Code::InvalidArgument);
}
