//! Input that no client should send: the mock answers something, and lives on.

use std::time::Duration;

use containerd_client::services::v1::streaming_client::StreamingClient;
use containerd_client::services::v1::{self as api, content_client::ContentClient};
use mock_containerd::{MockContainerd, Profile, methods};
use proptest::prelude::*;
use prost_types::Any;
use tonic::Code;
use tonic::transport::Channel;

use crate::raw::first_answer;
use crate::stage::{Stage, within};

const ALL: [Profile; 3] = [Profile::V1_6, Profile::V1_7, Profile::V2_1];

/// Bodies that decode as some message or as none: empty, cut off, with an empty message or a path
/// out of any folder in the first fields, with an `Any` of no type.
fn bodies() -> Vec<Vec<u8>> {
    let path = b"../../../../../../tmp/laconic-out";
    let field = |number: u8, bytes: &[u8]| {
        let length = u8::try_from(bytes.len()).expect("it is short");
        [&[number << 3 | 2, length], bytes].concat()
    };
    let paths: Vec<u8> = (1..=5).flat_map(|number| field(number, path)).collect();
    let empties: Vec<u8> = (1..=5).flat_map(|number| field(number, b"")).collect();
    let nested = field(1, &paths);
    let junk_any = field(1, &[field(1, b"no.such.Type"), field(2, &[0xff, 0xff])].concat());
    vec![
        Vec::new(),
        vec![0xff, 0xff],
        empties,
        field(1, path),
        field(2, path),
        paths,
        nested,
        junk_any,
    ]
}

async fn lives(channel: &Channel) -> bool {
    let version = "/containerd.services.version.v1.Version/Version";
    first_answer(channel, version, within(Vec::new())).await.is_ok()
}

#[tokio::test(start_paused = true)]
async fn no_body_of_any_method_ends_the_mock() {
    for profile in ALL {
        let stage = Stage::open(profile).await;
        for method in methods(profile) {
            for body in bodies() {
                let answer = first_answer(&stage.channel, &method.path, within(body.clone()));
                // Some wait for what never comes.
                let answer = tokio::time::timeout(Duration::from_secs(5), answer).await;
                if let Ok(Err(status)) = answer {
                    let torn = status.message().contains("h2") || status.code() == Code::Cancelled;
                    assert!(!torn, "{profile} {} {body:?}: {status:?}", method.path);
                }
            }
        }
        assert!(lives(&stage.channel).await, "{profile}");
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(150))]

    #[test]
    fn any_bytes_to_any_method_are_answered(
        profile in prop::sample::select(&ALL),
        which: prop::sample::Index,
        fields in prop::collection::vec((any::<u8>(), prop::collection::vec(any::<u8>(), 0..9)), 0..5),
    ) {
        let method = which.get(&methods(profile)).path.clone();
        // A length that is right, as often as not, leads deeper than noise does.
        let body: Vec<u8> = fields
            .into_iter()
            .flat_map(|(key, value)| [&[key & 0x7f, value.len() as u8][..], &value].concat())
            .collect();
        let runtime = tokio::runtime::Builder::new_current_thread();
        let runtime = { runtime }.enable_all().start_paused(true).build().unwrap();
        runtime.block_on(async {
            let stage = Stage::open(profile).await;
            let answer = first_answer(&stage.channel, &method, within(body));
            let answer = tokio::time::timeout(Duration::from_secs(5), answer).await;
            if let Ok(Err(status)) = answer {
                let torn = status.message().contains("h2") || status.code() == Code::Cancelled;
                assert!(!torn, "{profile} {method}: {status:?}");
            }
            assert!(lives(&stage.channel).await, "{profile} {method}");
        });
    }
}

#[tokio::test]
async fn references_and_keys_with_paths_stay_inside_of_the_root() {
    let around = tempfile::tempdir().unwrap();
    let root = around.path().join("a/b/root");
    let stage = Stage::of(MockContainerd::builder().root(&root)).await;
    let outside = "../../../../out";
    let write = api::WriteContentRequest {
        action: api::WriteAction::Commit.into(),
        r#ref: outside.to_owned(),
        data: b"x".to_vec(),
        ..Default::default()
    };
    let mut content = ContentClient::new(stage.channel.clone());
    let mut answers =
        content.write(within(tokio_stream::iter([write]))).await.unwrap().into_inner();
    answers.message().await.unwrap();
    let prepare = api::snapshots::PrepareSnapshotRequest {
        snapshotter: "overlayfs".to_owned(),
        key: outside.to_owned(),
        ..Default::default()
    };
    let mut snapshots =
        api::snapshots::snapshots_client::SnapshotsClient::new(stage.channel.clone());
    let mounts = snapshots.prepare(within(prepare)).await.unwrap().into_inner().mounts;
    assert!(mounts[0].source.starts_with(root.to_str().unwrap()));
    assert!(!mounts[0].source.contains(".."));
    let outside: Vec<_> = std::fs::read_dir(around.path())
        .unwrap()
        .map(|entry| entry.unwrap().file_name())
        .filter(|name| name != "a")
        .collect();
    assert!(outside.is_empty(), "{outside:?}");
    let digest = format!("sha256:{}", "../".repeat(21) + "x");
    let read = api::ReadContentRequest { digest, ..Default::default() };
    let status = content.read(within(read)).await.unwrap_err();
    assert_eq!(status.code(), Code::InvalidArgument);
}

#[tokio::test]
async fn streams_that_say_nothing_or_the_wrong_thing_are_refused() {
    let stage = Stage::open(Profile::V2_1).await;
    let mut streaming = StreamingClient::new(stage.channel.clone());
    let silent = streaming.stream(within(tokio_stream::iter([]))).await.unwrap_err();
    assert_eq!((silent.code(), silent.message()), (Code::Unknown, "EOF"));
    let other = Any { type_url: "containerd.types.transfer.Data".to_owned(), value: vec![1] };
    let wrong = streaming.stream(within(tokio_stream::iter([other]))).await.unwrap_err();
    assert_eq!(wrong.code(), Code::Unknown);
    let mut content = ContentClient::new(stage.channel.clone());
    let silent = content.write(within(tokio_stream::iter([]))).await.unwrap().into_inner();
    let end = { silent }.message().await;
    assert!(matches!(end, Ok(None)), "{end:?}");
    assert!(lives(&stage.channel).await);
}

#[tokio::test]
async fn a_client_that_never_reads_a_blob_holds_nobody_up() {
    let stage = Stage::open(Profile::V1_6).await;
    let mut content = ContentClient::new(stage.channel.clone());
    let data = vec![7; 8 << 20];
    let action = api::WriteAction::Commit.into();
    let write =
        api::WriteContentRequest { action, r#ref: "r".to_owned(), data, ..Default::default() };
    let mut answers =
        content.write(within(tokio_stream::iter([write]))).await.unwrap().into_inner();
    let digest = answers.message().await.unwrap().unwrap().digest;
    let read = || within(api::ReadContentRequest { digest: digest.clone(), ..Default::default() });
    // Its answers wait in a bounded queue, and on the wire.
    let unread = content.read(read()).await.unwrap();
    let other = Stage::open(Profile::V1_6).await;
    assert!(lives(&other.channel).await);
    assert!(lives(&stage.channel).await);
    drop(unread);
    assert!(lives(&stage.channel).await);
}
