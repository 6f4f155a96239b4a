//! Stamps: all that goes on the wire come from the mock's own clock, which in memory is the runtime's.
//! Where time stands still, they advance by exactly what was advanced.

use std::time::Duration;

use containerd_client::events::{TaskDelete, TaskExit};
use containerd_client::services::v1 as api;
use containerd_client::services::v1::content_client::ContentClient;
use containerd_client::services::v1::images_client::ImagesClient;
use containerd_client::services::v1::snapshots::snapshots_client::SnapshotsClient;
use containerd_client::services::v1::snapshots::{
    Info, PrepareSnapshotRequest, StatSnapshotRequest, UpdateSnapshotRequest,
};
use containerd_client::types::{Descriptor, Envelope};
use mock_containerd::Profile;
use prost::Message;
use prost_types::{FieldMask, Timestamp};

use crate::stage::{Stage, none, within};

/// Neither a whole second nor what anything in the mock waits for.
const STEP: Duration = Duration::from_millis(90_250);

async fn step() {
    tokio::time::advance(STEP).await;
}

fn nanos(stamp: Option<Timestamp>) -> i128 {
    let Timestamp { seconds, nanos } = stamp.expect("it is stamped");
    i128::from(seconds) * 1_000_000_000 + i128::from(nanos)
}

/// How long after the first the second was put.
fn between(first: Option<Timestamp>, second: Option<Timestamp>) -> Duration {
    let nanos = nanos(second) - nanos(first);
    Duration::from_nanos(u64::try_from(nanos).expect("time does not go back"))
}

fn told<E: Message + Default>(events: &[Envelope], topic: &str) -> (Option<Timestamp>, E) {
    let event = events.iter().find(|event| event.topic == topic).expect("it was told");
    let payload = event.event.as_ref().expect("it has a payload");
    (event.timestamp, E::decode(&*payload.value).expect("it is of this type"))
}

fn labels() -> (std::collections::HashMap<String, String>, Option<FieldMask>) {
    ([("a".to_owned(), "b".to_owned())].into(), Some(FieldMask { paths: vec!["labels.a".into()] }))
}

#[tokio::test(start_paused = true)]
async fn a_life_is_stamped_by_virtual_time_in_events_answers_and_records() {
    for profile in [Profile::V1_6, Profile::V1_7, Profile::V2_1] {
        let mut stage = Stage::open(profile).await;
        stage.create_container("c1", &["sleep", "30"]).await.unwrap();
        step().await;
        stage.create_task("c1").await.unwrap();
        step().await;
        stage.start("c1", "").await.unwrap();
        let waited = stage.wait("c1", "").await.unwrap();
        step().await;
        let shown = stage.get("c1", "").await.unwrap();
        let request = within(api::DeleteTaskRequest { container_id: "c1".to_owned() });
        let deleted = stage.tasks().delete(request).await.unwrap().into_inner();

        let events = stage.published().await;
        let stamps: Vec<Option<Timestamp>> = events.iter().map(|event| event.timestamp).collect();
        let steps: Vec<Duration> =
            stamps.windows(2).map(|pair| between(pair[0], pair[1])).collect();
        // Created, its task, started, exited by itself, deleted.
        assert_eq!(steps, [STEP, STEP, Duration::from_secs(30), STEP], "{profile}");
        let (at, exit): (_, TaskExit) = told(&events, "/tasks/exit");
        let (_, delete): (_, TaskDelete) = told(&events, "/tasks/delete");
        for exited_at in
            [exit.exited_at, delete.exited_at, waited.exited_at, shown.exited_at, deleted.exited_at]
        {
            assert_eq!(exited_at, at, "{profile}");
        }
    }
}

#[tokio::test(start_paused = true)]
async fn records_are_created_and_updated_by_virtual_time() {
    let mut stage = Stage::open(Profile::V2_1).await;
    stage.create_container("c1", &["true"]).await.unwrap();
    let target = Some(Descriptor {
        media_type: "m".to_owned(),
        digest: format!("sha256:{}", "ab".repeat(32)),
        size: 1,
        ..none()
    });
    let image = Some(api::Image { name: "i".to_owned(), target, ..none() });
    let mut images = ImagesClient::new(stage.channel.clone());
    images.create(within(api::CreateImageRequest { image, ..none() })).await.unwrap();
    let mut snapshots = SnapshotsClient::new(stage.channel.clone());
    let (snapshotter, key) = ("overlayfs".to_owned(), "k".to_owned());
    // The update of an image collects what nothing holds.
    let kept = [("containerd.io/gc.root".to_owned(), "now".to_owned())].into();
    let prepare = PrepareSnapshotRequest { snapshotter, key, labels: kept, ..none() };
    snapshots.prepare(within(prepare)).await.unwrap();
    let created = stage.published().await[0].timestamp;
    step().await;

    let (given, update_mask) = labels();
    let container = Some(api::Container { id: "c1".to_owned(), labels: given.clone(), ..none() });
    let update = api::UpdateContainerRequest { container, update_mask: update_mask.clone() };
    let updated = stage.containers().update(within(update)).await.unwrap().into_inner();
    let container = updated.container.unwrap();
    let image = Some(api::Image { name: "i".to_owned(), labels: given.clone(), ..none() });
    let update = api::UpdateImageRequest { image, update_mask: update_mask.clone(), ..none() };
    let image = images.update(within(update)).await.unwrap().into_inner().image.unwrap();
    let info = Some(Info { name: "k".to_owned(), labels: given, ..none() });
    let snapshotter = "overlayfs".to_owned();
    let update = UpdateSnapshotRequest { snapshotter, info, update_mask };
    snapshots.update(within(update)).await.unwrap();
    let (snapshotter, key) = ("overlayfs".to_owned(), "k".to_owned());
    let stat = snapshots.stat(within(StatSnapshotRequest { snapshotter, key })).await.unwrap();
    let snapshot = stat.into_inner().info.unwrap();
    for (created_at, updated_at) in [
        (container.created_at, container.updated_at),
        (image.created_at, image.updated_at),
        (snapshot.created_at, snapshot.updated_at),
    ] {
        assert_eq!(created_at, created);
        assert_eq!(between(created_at, updated_at), STEP);
    }
    let lease = within(api::CreateRequest { id: "l".to_owned(), ..none() });
    let lease = stage.leases().create(lease).await.unwrap().into_inner().lease.unwrap();
    assert_eq!(between(created, lease.created_at), STEP);
}

#[tokio::test(start_paused = true)]
async fn a_write_and_its_blob_are_stamped_by_virtual_time() {
    let stage = Stage::open(Profile::V2_1).await;
    let mut content = ContentClient::new(stage.channel.clone());
    let (to, messages) = tokio::sync::mpsc::channel(1);
    let say = async |action: api::WriteAction, offset: i64, data: &[u8]| {
        let (action, data) = (action.into(), data.to_vec());
        let message =
            api::WriteContentRequest { action, r#ref: "r".to_owned(), offset, data, ..none() };
        to.send(message).await.unwrap();
    };
    say(api::WriteAction::Stat, 0, b"").await;
    let messages = within(tokio_stream::wrappers::ReceiverStream::new(messages));
    let mut answers = content.write(messages).await.unwrap().into_inner();
    let begun = answers.message().await.unwrap().unwrap();
    assert_eq!(begun.started_at, begun.updated_at);
    step().await;
    say(api::WriteAction::Write, 0, b"hello").await;
    answers.message().await.unwrap().unwrap();
    let status = within(api::StatusRequest { r#ref: "r".to_owned() });
    let status = content.status(status).await.unwrap().into_inner().status.unwrap();
    assert_eq!(status.started_at, begun.started_at);
    assert_eq!(between(status.started_at, status.updated_at), STEP);
    step().await;
    say(api::WriteAction::Commit, 5, b"").await;
    let digest = answers.message().await.unwrap().unwrap().digest;
    let info = content.info(within(api::InfoRequest { digest })).await.unwrap().into_inner();
    let info = info.info.unwrap();
    assert_eq!(between(begun.started_at, info.created_at), STEP * 2);
    assert_eq!(info.created_at, info.updated_at);
}
