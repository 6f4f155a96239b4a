//! A reference that two streams want to write to, in virtual time: versions before 2.0 wait a while
//! for the first to leave it.

use std::time::Duration;

use containerd_client::services::v1 as api;
use containerd_client::services::v1::content_client::ContentClient;
use mock_containerd::Profile;
use tokio::sync::mpsc;
use tokio::time::Instant;
use tokio_stream::wrappers::ReceiverStream;
use tonic::{Code, Status};

use crate::stage::{Stage, within};

const PATIENCE: Duration = Duration::from_millis(700);

fn first_message() -> api::WriteContentRequest {
    api::WriteContentRequest { r#ref: "r".to_owned(), ..Default::default() }
}

/// A stream that has the reference open until what it returns is dropped.
async fn hold(stage: &Stage) -> impl Sized {
    let (to, messages) = mpsc::channel(1);
    to.send(first_message()).await.unwrap();
    let mut content = ContentClient::new(stage.channel.clone());
    let messages = within(ReceiverStream::new(messages));
    let mut answers = content.write(messages).await.unwrap().into_inner();
    answers.message().await.unwrap().unwrap();
    (to, answers)
}

/// The first answer of another stream, and how long it took.
async fn ask(stage: &Stage) -> (Result<api::WriteContentResponse, Status>, Duration) {
    let begun = Instant::now();
    let mut content = ContentClient::new(stage.channel.clone());
    let asked = async {
        let messages = within(tokio_stream::iter([first_message()]));
        Ok(content.write(messages).await?.into_inner().message().await?.unwrap())
    };
    (asked.await, begun.elapsed())
}

#[tokio::test(start_paused = true)]
async fn a_locked_reference_is_waited_for_and_then_refused() {
    for (profile, patience) in
        [(Profile::V1_6, PATIENCE), (Profile::V1_7, PATIENCE), (Profile::V2_1, Duration::ZERO)]
    {
        let stage = Stage::open(profile).await;
        let _held = hold(&stage).await;
        let (answer, took) = ask(&stage).await;
        assert_eq!(answer.unwrap_err().code(), Code::Unavailable, "{profile}");
        // One look more than the patience, and no longer.
        assert!(took >= patience && took < patience + PATIENCE / 10, "{profile}: {took:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_reference_that_is_left_meanwhile_goes_to_whoever_waits() {
    for profile in [Profile::V1_6, Profile::V1_7] {
        let stage = Stage::open(profile).await;
        let held = hold(&stage).await;
        let leaves = async {
            tokio::time::sleep(PATIENCE / 2).await;
            drop(held);
        };
        let ((answer, took), ()) = tokio::join!(ask(&stage), leaves);
        answer.unwrap();
        assert!(took >= PATIENCE / 2 && took < PATIENCE, "{profile}: {took:?}");
    }
}
