//! Tasks without streams of the client's.

use std::collections::BTreeMap;

use laconic_client::{Any, Io, NewContainer, Status};
use serde_json::json;

use crate::stage::Stage;

pub(crate) async fn play(stage: &mut Stage<'_>) {
    let new = |args: &[&str]| NewContainer::new("t1", args.iter().copied());
    let container = stage.client.create(new(&["sleep", "inf"])).await.unwrap();
    let task =
        stage.play("Container::create_task", "", container.create_task(Io::Null)).await.unwrap();
    stage.play("Task::start", "", task.start()).await.unwrap();
    let state = stage.play("Task::refresh", "", task.refresh()).await.unwrap();
    assert_eq!(state, Status::Running);
    stage.play("Task::pause", "", task.pause()).await.unwrap();
    stage.play("Task::resume", "", task.resume()).await.unwrap();
    stage.play("Task::limit_memory", "", task.limit_memory(64 << 20)).await.unwrap();
    let resources = json!({"pids": {"limit": 9}});
    stage.play("Task::update", "", task.update(&resources)).await.unwrap();
    let any = Any { type_url: "x".to_owned(), value: resources.to_string().into_bytes() };
    let updating = task.update_any(any, BTreeMap::new());
    stage.play("Task::update_any", "", updating).await.unwrap();
    assert_eq!(stage.play("Task::pids", "", task.pids()).await.unwrap().len(), 1);
    stage.play("Task::stats", "", task.stats()).await.unwrap();
    stage.play("Task::kill", "", task.kill(0)).await.unwrap();
    stage.play("Task::kill_all", "", task.kill_all(9)).await.unwrap();
    stage.play("Task::wait", "", task.wait()).await.unwrap();
    stage.play("Task::delete", "", task.delete()).await.unwrap();
    let task = stage.play("Container::start", "", container.start(Io::Null)).await.unwrap();
    stage.play("Task::force_delete", "", task.force_delete()).await.unwrap();
    container.delete().await.unwrap();

    let container = stage.client.create(new(&["sleep", "inf"])).await.unwrap();
    stage.fail_next("Tasks/Start", "error(internal:\"no\")");
    let starting = container.start(Io::Null);
    stage.play("Container::start", "when the start fails", starting).await.unwrap_err();
    container.delete().await.unwrap();

    let container = stage.client.create(new(&["sh"]).terminal(true)).await.unwrap();
    let task = container.start(Io::Terminal).await.unwrap();
    stage.play("Task::resize", "", task.resize(80, 24)).await.unwrap();
    task.force_delete().await.unwrap();
    container.delete().await.unwrap();
}
