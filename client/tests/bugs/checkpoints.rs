//! Tasks that are written down, and go on from there.

use laconic_client::{CheckpointOptions, Client, ExitStatus, Io, Status};

use crate::stage::NAMESPACE;
use crate::{none, on_all};

fn ending() -> CheckpointOptions {
    CheckpointOptions { exit: true, ..CheckpointOptions::default() }
}

/// Bug 1 (Moby 0c751f904f, 2023-03-01): a variable hid another, and a start from a checkpoint began
/// afresh. What goes on has no process before it is started.
#[tokio::test(start_paused = true)]
async fn a_start_from_a_checkpoint_does_not_begin_afresh() {
    on_all(none(), async |stage| {
        let (container, task) = stage.run("c0").await;
        let kept = task.checkpoint_content(&ending()).await.unwrap();
        assert_eq!(task.wait().await.unwrap().status, ExitStatus::Code(137));
        task.delete().await.unwrap();
        let again = container.create_task_from(kept.at(), Io::Null).await.unwrap();
        assert_eq!((again.status().unwrap(), again.pid()), (Status::Created, 0));
        again.start().await.unwrap();
        assert_eq!(again.status().unwrap(), Status::Running);
        assert_ne!(again.pid(), 0);
        again.force_delete().await.unwrap();
        container.delete().await.unwrap();
    })
    .await;
}

/// Bug 24 (Moby da643c0b8a, 2024-02-27): the digest of a checkpoint was sent without its algorithm.
#[tokio::test(start_paused = true)]
async fn a_checkpoints_digest_names_its_algorithm() {
    on_all(none(), async |stage| {
        let (_, task) = stage.run("c0").await;
        let kept = task.checkpoint_content(&CheckpointOptions::default()).await.unwrap();
        for descriptor in [kept.image(), kept.spec()] {
            let (algorithm, hex) = descriptor.digest.split_once(':').expect("algorithm:hex");
            assert_eq!((algorithm, hex.len()), ("sha256", 64));
        }
    })
    .await;
}

/// Seen in Moby at b985e2313a, d: what was loaded had lost its runtime's options, so a checkpoint that
/// was to end the task did not.
#[tokio::test(start_paused = true)]
async fn what_was_loaded_is_written_down_and_ended_as_what_was_made() {
    on_all(none(), async |stage| {
        stage.run("c0").await;
        let builder = Client::builder(NAMESPACE);
        let client = builder.with_connector(stage.mock.clone()).await.unwrap();
        let task = client.load("c0").await.unwrap().task.unwrap();
        task.checkpoint_content(&ending()).await.unwrap();
        assert_eq!(task.wait().await.unwrap().status, ExitStatus::Code(137));
        task.delete().await.unwrap();
    })
    .await;
}
