//! Execs without streams of the client's.

use laconic_client::{Io, Status};

use crate::stage::{Stage, sh};

pub(crate) async fn play(stage: &mut Stage<'_>) {
    let task = stage.sleeping("x1").await;
    let sleep = |id: &str| sh(id, "sleep inf", Io::Null);
    let exec = stage.play("Task::create_exec", "", task.create_exec(sleep("e1"))).await.unwrap();
    stage.play("Process::start", "", exec.start()).await.unwrap();
    let state = stage.play("Process::refresh", "", exec.refresh()).await.unwrap();
    assert_eq!(state, Status::Running);
    assert_eq!(stage.play("Task::find_execs", "", task.find_execs()).await.unwrap().len(), 1);
    stage.play("Task::attach_exec", "", task.attach_exec("e1")).await.unwrap();
    stage.play("Process::kill", "", exec.kill(9)).await.unwrap();
    stage.play("Process::wait", "", exec.wait()).await.unwrap();
    stage.play("Process::delete", "", exec.delete()).await.unwrap();

    let exec = stage.play("Task::exec", "", task.exec(sleep("e2"))).await.unwrap();
    exec.kill(9).await.unwrap();
    let mut missing = sleep("e3");
    missing.args = vec!["/no/such".to_owned()];
    let starting = task.exec(missing);
    stage.play("Task::exec", "when the start fails", starting).await.unwrap_err();

    let exec = task.exec(sh("e4", "sleep inf", Io::Terminal)).await.unwrap();
    stage.play("Process::resize", "", exec.resize(80, 24)).await.unwrap();
    task.force_delete().await.unwrap();
}
