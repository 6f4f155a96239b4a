//! Handles: what is listed, what is found again, and what is refused.

use laconic_client::{
    Client, Container, ExitStatus, Io, Kind, NewContainer, Process, Status, Task,
};
use mock_containerd::Profile;

use crate::stage::{Stage, counts, exec, quiet, running, sleeper};

const fn shared<T: Send + Sync + Clone + 'static>() {}
const _: () = (shared::<Client>(), shared::<Container>(), shared::<Task>(), shared::<Process>()).0;

#[tokio::test(start_paused = true)]
async fn execs_stay_listed_running_and_finished_and_deleted() {
    let mut stage = Stage::open(Profile::V2_1).await;
    let (container, task) = stage.run("c0").await;
    running(&task, "running").await;
    let finished = task.exec(exec("finished", &["sh", "-c", "exit 3"])).await.unwrap();
    finished.wait().await.unwrap();
    let deleted = task.exec(exec("deleted", &["true"])).await.unwrap();
    deleted.wait().await.unwrap();
    deleted.delete().await.unwrap();
    stage.foreigner.exec("c0", "foreign").await;
    quiet().await;
    stage.count();
    let listed: Vec<_> = container
        .execs()
        .into_iter()
        .map(|exec| (exec.id().to_owned(), exec.exit_status().ok().map(|exit| exit.status)))
        .collect();
    let expected = [
        ("deleted", Some(ExitStatus::Code(0))),
        ("finished", Some(ExitStatus::Code(3))),
        ("foreign", None),
        ("running", None),
    ];
    assert_eq!(listed, expected.map(|(id, exit)| (id.to_owned(), exit)));
    assert_eq!(task.execs().len(), 4);
    assert!(stage.calls().is_empty());
    // What is listed can be acted on, whoever started it.
    let foreign = task.execs().into_iter().find(|exec| exec.id() == "foreign").unwrap();
    foreign.kill(9).await.unwrap();
    assert_eq!(foreign.wait().await.unwrap().status, ExitStatus::Code(137));
    task.force_delete().await.unwrap();
    assert_eq!(container.execs().len(), 4, "still there to be looked at");
}

#[tokio::test(start_paused = true)]
async fn finished_execs_do_not_pile_up() {
    let stage = Stage::open(Profile::V2_1).await;
    let (_, task) = stage.run("c0").await;
    let kept = running(&task, "kept").await;
    for number in 0..200 {
        let process = task.exec(exec(&format!("e{number}"), &["true"])).await.unwrap();
        process.wait().await.unwrap();
        process.delete().await.unwrap();
    }
    assert_eq!(task.execs().len(), 129);
    assert!(task.execs().iter().any(|exec| exec.id() == kept.id()));
}

#[tokio::test(start_paused = true)]
async fn the_running_task_is_had_from_its_container_while_it_runs_and_is_held() {
    let mut stage = Stage::open(Profile::V2_1).await;
    let container = stage.client.create(NewContainer::new("c0", ["sleep", "inf"])).await.unwrap();
    stage.count();
    assert_eq!(container.running_task().unwrap_err().kind(), Kind::FailedPrecondition);
    assert!(stage.calls().is_empty());
    let task = container.create_task(Io::Null).await.unwrap();
    assert_eq!(container.running_task().unwrap_err().kind(), Kind::FailedPrecondition);
    task.start().await.unwrap();
    assert_eq!(container.running_task().unwrap().pid(), task.pid());
    task.pause().await.unwrap();
    container.running_task().unwrap().resume().await.unwrap();
    task.force_delete().await.unwrap();
    assert_eq!(container.running_task().unwrap_err().kind(), Kind::FailedPrecondition);

    stage.foreigner.start("c0").await;
    quiet().await;
    let error = container.running_task().unwrap_err();
    assert_eq!((error.kind(), error.code()), (Kind::Internal, None));
    assert!(stage.client.load("c0").await.unwrap().task.is_some());
    container.running_task().unwrap().kill(9).await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn no_container_is_told_from_a_container_without_a_task() {
    let stage = Stage::open(Profile::V2_1).await;
    stage.client.create(NewContainer::new("c0", ["true"])).await.unwrap();
    assert!(stage.client.load("c0").await.unwrap().task.is_none());
    let error = stage.client.load("nobody").await.unwrap_err();
    assert_eq!(
        (error.kind(), error.code()),
        (Kind::NotFound, Some(laconic_client::Code::NotFound))
    );
}

#[tokio::test(start_paused = true)]
async fn execs_of_an_earlier_client_are_found_by_their_pids_or_by_their_ids() {
    let mut stage = Stage::open(Profile::V2_1).await;
    let (_, task) = stage.run("c0").await;
    let before = running(&task, "running").await;
    task.exec(exec("finished", &["sh", "-c", "exit 3"])).await.unwrap().wait().await.unwrap();
    task.create_exec(sleeper("added")).await.unwrap();

    // As after a restart of the client.
    let builder = Client::builder(crate::stage::NAMESPACE);
    let client = builder.with_connector(stage.mock.clone()).await.unwrap();
    let task = client.load("c0").await.unwrap().task.unwrap();
    assert!(task.execs().is_empty());
    stage.count();
    let found = task.find_execs().await.unwrap();
    assert_eq!(stage.counts(), counts([("Tasks/ListPids", 1)]));
    let ids: Vec<_> = found.iter().map(|exec| (exec.id(), exec.pid())).collect();
    assert_eq!(ids, [("running", before.pid())]);

    let finished = task.attach_exec("finished").await.unwrap();
    assert_eq!(finished.exit_status().unwrap().status, ExitStatus::Code(3));
    let added = task.attach_exec("added").await.unwrap();
    assert_eq!(added.status().unwrap(), Status::Created);
    added.start().await.unwrap();
    assert_eq!(task.attach_exec("nobody").await.unwrap_err().kind(), Kind::NotFound);
    assert_eq!(task.execs().len(), 3);

    found[0].kill(9).await.unwrap();
    assert_eq!(found[0].wait().await.unwrap().status, ExitStatus::Code(137));
    assert_eq!(before.wait().await.unwrap().status, ExitStatus::Code(137), "both clients hear it");
}

#[tokio::test(start_paused = true)]
async fn a_handle_acts_on_nothing_once_a_newcomer_was_heard_of() {
    let mut stage = Stage::open(Profile::V2_1).await;
    let (container, old) = stage.run("c0").await;
    let process = running(&old, "e0").await;
    stage.foreigner.kill_and_delete("c0").await;
    stage.foreigner.start("c0").await;
    stage.foreigner.exec("c0", "e0").await;
    quiet().await;
    stage.count();
    for error in [
        old.kill(9).await.unwrap_err(),
        old.pause().await.unwrap_err(),
        old.delete().await.unwrap_err(),
        old.exec(sleeper("e1")).await.unwrap_err(),
        old.pids().await.unwrap_err(),
        process.kill(9).await.unwrap_err(),
        process.delete().await.unwrap_err(),
        old.status().unwrap_err(),
    ] {
        assert_eq!(error.kind(), Kind::NotFound, "{error}");
    }
    assert!(stage.calls().is_empty());
    assert_eq!(old.exit_status().unwrap().status, ExitStatus::Code(137));
    assert_eq!(old.wait().await.unwrap().status, ExitStatus::Code(137));
    assert_eq!(container.execs().len(), 1);
}
