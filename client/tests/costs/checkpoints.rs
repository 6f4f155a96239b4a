//! Checkpoints, and what is read and changed of a record.

use std::collections::BTreeMap;

use laconic_client::{
    Any, CheckpointAt, CheckpointOptions, ExitStatus, Io, Kind, NewContainer, Read, Status,
};

use crate::stage::Stage;

pub(crate) async fn play(stage: &mut Stage<'_>) {
    let folder = stage.folder().join("image");
    let new = NewContainer::new("k1", ["sleep", "inf"]);
    let container = stage.client.create(new).await.unwrap();
    let task = container.start(Io::Null).await.unwrap();
    let runs_on = CheckpointOptions::default();
    let written = task.checkpoint(&folder, &runs_on);
    stage.play("Task::checkpoint", "", written).await.unwrap();
    assert_eq!(task.status().unwrap(), Status::Running);
    let exits = CheckpointOptions { exit: true, ..CheckpointOptions::default() };
    let content = task.checkpoint_content(&exits);
    let content = stage.play("Task::checkpoint_content", "", content).await.unwrap();
    assert_eq!(task.wait().await.unwrap().status, ExitStatus::Code(137));
    task.delete().await.unwrap();

    let at = CheckpointAt::Folder(folder);
    let creating = container.create_task_from(at, Io::Null);
    let task = stage.play("Container::create_task_from", "", creating).await.unwrap();
    assert_eq!((task.pid(), task.status().unwrap()), (0, Status::Created));
    task.start().await.unwrap();
    assert_ne!(task.pid(), 0);
    task.force_delete().await.unwrap();
    let starting = container.start_from(content.at(), Io::Null);
    let task = stage.play("Container::start_from", "", starting).await.unwrap();
    task.force_delete().await.unwrap();
    let nowhere = CheckpointAt::Folder("/no/such".into());
    let starting = container.start_from(nowhere, Io::Null);
    let when = "when the start fails";
    let refused = stage.play("Container::start_from", when, starting).await.unwrap_err();
    assert_eq!(refused.kind(), Kind::Internal);

    let clones = "while it has other clones";
    stage.play("Checkpoint::release", clones, content.clone().release()).await.unwrap();
    stage.play("Checkpoint::release", "", content.release()).await.unwrap();
    container.delete().await.unwrap();
    records(stage).await;
}

async fn records(stage: &mut Stage<'_>) {
    let new = NewContainer::new("k2", ["sleep", "inf"]);
    let container = stage.client.create(new).await.unwrap();
    let labels = BTreeMap::from([("a".to_owned(), "1".to_owned())]);
    stage.play("Container::set_labels", "", container.set_labels(labels)).await.unwrap();
    let value = Any { type_url: "x".to_owned(), value: vec![1] };
    let setting = container.set_extension("x", value.clone());
    stage.play("Container::set_extension", "", setting).await.unwrap();
    for (read, when) in [(Read::Cached, ""), (Read::Refreshed, "when it is refreshed")] {
        let labels = stage.play("Container::labels", when, container.labels(read)).await.unwrap();
        assert_eq!(labels["a"], "1");
        stage.play("Container::spec", when, container.spec(read)).await.unwrap();
        let reading = container.extensions(read);
        let extensions = stage.play("Container::extensions", when, reading).await.unwrap();
        assert_eq!(extensions["x"], value);
        let image = stage.play("Container::image", when, container.image(read)).await.unwrap();
        assert_eq!(image, "");
        let reading = container.runtime(read);
        let (runtime, _) = stage.play("Container::runtime", when, reading).await.unwrap();
        assert_eq!(runtime, "io.containerd.runc.v2");
    }
    container.delete().await.unwrap();
}
