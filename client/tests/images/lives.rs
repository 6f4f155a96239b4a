//! How long things live: what images, containers and labels keep, and what goes.

use laconic_client::{Archive, Collect, ExitStatus, Io, NewContainer};
use serde_json::json;

use crate::archive::{Layout, gzip};
use crate::arm::{Arm, on_daemons, on_mocks};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn images_that_share_layers_keep_them_for_each_other_on_the_mock() {
    on_mocks(shared_layers_stay).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn images_that_share_layers_keep_them_for_each_other_on_real_containerds() {
    on_daemons(shared_layers_stay).await;
}

/// Another configuration on the same layers: only the label on its own keeps the snapshots once the
/// image is gone that unpacked them.
async fn shared_layers_stay(arm: &Arm) {
    let client = arm.client().await;
    let mut other = Layout::named("other");
    let first = client.import(Layout::named("first").archive()).await.unwrap().remove(0);
    other.config["Cmd"] = json!(["true"]);
    let other = client.import(other.archive()).await.unwrap().remove(0);
    first.unpack("overlayfs").await.unwrap();
    other.unpack("overlayfs").await.unwrap();
    assert_eq!(first.chain_id(), other.chain_id());
    first.remove(Collect::Now).await.unwrap();
    let container = client.create(NewContainer::from_image("c1", &other)).await.unwrap();
    let found = arm.inventory().await;
    let kinds = |word: &str| found.iter().filter(|one| one.starts_with(word)).count();
    // Two layers, a configuration, a manifest; two snapshots of layers, and the container's.
    assert_eq!((kinds("content"), kinds("snapshot")), (4, 3), "{}: {found:?}", arm.name());
    container.delete().await.unwrap();
    other.remove(Collect::Now).await.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_container_outlives_its_image_on_the_mock() {
    on_mocks(a_container_outlives_its_image).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_container_outlives_its_image_on_real_containerds() {
    on_daemons(a_container_outlives_its_image).await;
}

async fn a_container_outlives_its_image(arm: &Arm) {
    let client = arm.client().await;
    let image = client.import(arm.archive("tiny")).await.unwrap().remove(0);
    image.unpack("overlayfs").await.unwrap();
    let new = NewContainer::from_image("c1", &image).args(arm.proof());
    let container = client.create(new).await.unwrap();
    image.remove(Collect::Now).await.unwrap();
    assert!(client.images().await.unwrap().is_empty());
    let task = container.start(Io::Null).await.unwrap();
    assert_eq!(task.wait().await.unwrap().status, ExitStatus::Code(7), "{}", arm.name());
    task.delete().await.unwrap();
    container.delete().await.unwrap();
    // The layers were the container's alone: they go with the next collection.
    let again = client.import(arm.archive("tiny")).await.unwrap().remove(0);
    again.remove(Collect::Now).await.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_a_container_is_given_goes_before_what_its_image_says_on_the_mock() {
    on_mocks(what_is_given_goes_first).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_a_container_is_given_goes_before_what_its_image_says_on_real_containerds() {
    on_daemons(what_is_given_goes_first).await;
}

async fn what_is_given_goes_first(arm: &Arm) {
    let client = arm.client().await;
    let image = client.import(arm.archive("tiny")).await.unwrap().remove(0);
    image.unpack("overlayfs").await.unwrap();
    let script = match arm.real {
        true => "test $DAY = bad && test $(pwd) = /tmp && test $(id -u):$(id -g) = 5:6 && exit 9",
        false => "test $DAY = bad && exit 9",
    };
    let new = NewContainer::from_image("c1", &image)
        .args(["sh", "-c", script])
        .env("DAY", "bad")
        .cwd("/tmp")
        .user(5, 6);
    let container = client.create(new).await.unwrap();
    let task = container.start(Io::Null).await.unwrap();
    assert_eq!(task.wait().await.unwrap().status, ExitStatus::Code(9), "{}", arm.name());
    task.delete().await.unwrap();
    container.delete().await.unwrap();
    image.remove(Collect::Now).await.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_spec_of_the_callers_own_is_taken_as_it_is() {
    on_mocks(async |arm: &Arm| {
        let client = arm.client().await;
        let image = client.import(arm.archive("tiny")).await.unwrap().remove(0);
        let spec = json!({"process": {"args": ["true"]}, "annotations": {"mine": "yes"}});
        let new = NewContainer::from_image("c1", &image).spec(&spec);
        let record = new.record("n").unwrap();
        let given: serde_json::Value = serde_json::from_slice(&record.spec.unwrap().value).unwrap();
        assert_eq!((given, record.image.as_str()), (spec, "tiny"));
        image.remove(Collect::Now).await.unwrap();
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_archive_may_be_packed_on_the_mock() {
    on_mocks(a_packed_archive_is_run).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_archive_may_be_packed_on_real_containerds() {
    on_daemons(a_packed_archive_is_run).await;
}

async fn a_packed_archive_is_run(arm: &Arm) {
    let plain = match arm.archive_path() {
        Some(path) => std::fs::read(path).unwrap(),
        None => Layout::named("packed").tar(),
    };
    let client = arm.client().await;
    let packed = std::io::Cursor::new(gzip(&plain));
    let archive = Archive::from_reader(packed).named("packed");
    let (calls, image) = arm.cost(client.import(archive)).await;
    let image = image.unwrap().remove(0);
    assert_eq!(calls.len(), 7, "as one that is not packed: {calls:?}");
    image.unpack("overlayfs").await.unwrap();
    let new = NewContainer::from_image("c1", &image).args(arm.proof());
    let container = client.create(new).await.unwrap();
    let task = container.start(Io::Null).await.unwrap();
    assert_eq!(task.wait().await.unwrap().status, ExitStatus::Code(7), "{}", arm.name());
    task.delete().await.unwrap();
    container.delete().await.unwrap();
    image.remove(Collect::Now).await.unwrap();
}
