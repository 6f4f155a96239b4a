//! A client that comes after another one's death.

use std::time::Duration;

use laconic_client::{Client, ExitStatus, Io, Kind, NewContainer, Status};
use mock_containerd::faults::EventFault;

use crate::stage::{NAMESPACE, Stage, counts, exec, quiet, running, sleeper, told};
use crate::{before, forger, none, on_all};

const KILLED: ExitStatus = ExitStatus::Code(137);

/// A client that knows nothing yet.
async fn next(stage: &Stage) -> Client {
    Client::builder(NAMESPACE).with_connector(stage.mock.clone()).await.unwrap()
}

/// All exits that a client has to tell.
async fn news(client: &Client) -> Vec<laconic_client::ExitNews> {
    quiet().await;
    let mut news = Vec::new();
    while let Ok(next) = tokio::time::timeout(Duration::ZERO, client.next_exit()).await {
        news.push(next);
    }
    news
}

/// Bug 9 (Moby 165dfd6c3e, 2023-06-23): a container whose task was gone at a restart was said to
/// have ended with 0.
#[tokio::test(start_paused = true)]
async fn a_task_that_is_gone_at_a_restart_did_not_end_with_zero() {
    on_all(none(), async |stage| {
        let (_, _task) = stage.run("c0").await;
        stage.foreigner.kill_and_delete("c0").await;
        let client = next(&stage).await;
        let found = client.load("c0").await.unwrap();
        assert!(found.task.is_none());
        assert!(news(&client).await.is_empty(), "nothing is made up");
        found.container.delete().await.unwrap();
    })
    .await;
}

/// Bug 9 where somebody holds a handle: what is found to be gone ended unknown.
#[tokio::test(start_paused = true)]
async fn a_task_that_a_load_finds_gone_ended_unknown() {
    let faults = none().event("/tasks/exit", 1, EventFault::Lose).event(
        "/tasks/delete",
        1,
        EventFault::Lose,
    );
    on_all(faults, async |stage| {
        let (_, task) = stage.run("c0").await;
        stage.foreigner.kill_and_delete("c0").await;
        assert!(stage.client.load("c0").await.unwrap().task.is_none());
        let second = Duration::from_secs(1);
        let exit = tokio::time::timeout(second, task.wait()).await.unwrap().unwrap();
        assert_eq!((exit.status, exit.status.success()), (ExitStatus::Unknown, false));
        assert_eq!(told(&stage.news().await), ["c0: unknown"]);
    })
    .await;
}

/// Bug 11 (Moby 6a2f385aea, 2022-05-05): a container that an earlier client left was not replaced
/// while its task ran; and where it could not be told whether it did, nothing may be deleted.
#[tokio::test(start_paused = true)]
async fn what_an_earlier_client_left_running_is_replaced_and_never_on_a_guess() {
    let faults = before("Tasks/Get", "1*error(unavailable:\"not now\")");
    on_all(faults, async |stage| {
        stage.run("c0").await;
        let client = next(&stage).await;
        let new = || NewContainer::new("c0", ["sleep", "inf"]);
        assert_eq!(client.create(new()).await.unwrap_err().kind(), Kind::AlreadyExists);
        assert_eq!(client.load("c0").await.unwrap_err().kind(), Kind::Unavailable);
        assert_eq!(stage.foreigner.tasks_left().await, ["c0"]);
        let stale = client.load("c0").await.unwrap();
        stale.task.unwrap().force_delete().await.unwrap();
        stale.container.delete().await.unwrap();
        let task = client.create(new()).await.unwrap().start(Io::Null).await.unwrap();
        assert_eq!(task.status().unwrap(), Status::Running);
    })
    .await;
}

/// Bug 28 (Moby 0e62dbadcd, 2024-01-08, and others): after a restart some of what had been held of
/// a live container was not.
#[tokio::test(start_paused = true)]
async fn tasks_in_every_state_are_held_again_after_a_restart_and_end_as_ever() {
    on_all(none(), async |stage| {
        let new = NewContainer::new("created", ["sleep", "inf"]);
        let created = stage.client.create(new).await.unwrap();
        created.create_task(Io::Null).await.unwrap();
        stage.run("running").await;
        stage.run("paused").await.1.pause().await.unwrap();
        let (_, stopped) = stage.run("stopped").await;
        stopped.kill(9).await.unwrap();
        let exit = stopped.wait().await.unwrap();
        stage.client.create(NewContainer::new("without", ["true"])).await.unwrap();

        let client = next(&stage).await;
        let mut states = Vec::new();
        for restored in client.restore().await.unwrap() {
            let status = restored.task.as_ref().map(|task| task.status().unwrap());
            states.push((restored.container.id().to_owned(), status));
            let Some(task) = restored.task else { continue };
            let killed = task.force_delete().await.unwrap();
            assert!(!killed.status.success(), "{}: {killed:?}", task.id());
            restored.container.delete().await.unwrap();
        }
        states.sort_by(|(one, _), (other, _)| one.cmp(other));
        let expected = [
            ("created", Some(Status::Created)),
            ("paused", Some(Status::Paused)),
            ("running", Some(Status::Running)),
            ("stopped", Some(Status::Stopped(exit))),
            ("without", None),
        ];
        assert_eq!(states, expected.map(|(id, status)| (id.to_owned(), status)));
        let told = told(&news(&client).await);
        assert_eq!(told.len(), 3, "that the stopped one had exited is no news: {told:?}");
        assert!(stage.foreigner.tasks_left().await.is_empty());
    })
    .await;
}

/// Seen in Moby at b985e2313a, b: execs that outlived a restart were never deleted.
#[tokio::test(start_paused = true)]
async fn execs_that_outlive_a_restart_are_found_and_deleted() {
    on_all(none(), async |stage| {
        let (_, task) = stage.run("c0").await;
        running(&task, "e0").await;
        let gone = task.exec(exec("e1", &["sh", "-c", "exit 3"])).await.unwrap();
        gone.wait().await.unwrap();

        let client = next(&stage).await;
        let task = client.load("c0").await.unwrap().task.unwrap();
        let found = task.find_execs().await.unwrap().remove(0);
        found.kill(9).await.unwrap();
        assert_eq!(found.wait().await.unwrap().status, KILLED);
        assert_eq!(found.delete().await.unwrap().status, KILLED);
        let gone = task.attach_exec("e1").await.unwrap();
        assert_eq!(gone.delete().await.unwrap().status, ExitStatus::Code(3));
        for id in ["e0", "e1"] {
            assert!(!stage.foreigner.has_exec("c0", id).await, "{id}");
        }
        assert_eq!(told(&news(&client).await), ["c0/e0: 137"]);
    })
    .await;
}

/// Seen in Moby at b985e2313a, c: one question that failed at a restart, and a live container was
/// written down as stopped. And f: it was held by half, and every later operation failed.
#[tokio::test(start_paused = true)]
async fn a_question_that_fails_at_a_restart_stops_nothing_and_leaves_no_half_handle() {
    for rpc in ["Tasks/Get", "Tasks/List"] {
        on_all(before(rpc, "1*error(unavailable:\"not now\")"), async |mut stage| {
            stage.run("c0").await;
            let client = next(&stage).await;
            let failed = if rpc == "Tasks/Get" {
                client.load("c0").await.map(drop)
            } else {
                client.restore().await.map(drop)
            };
            assert_eq!(failed.unwrap_err().kind(), Kind::Unavailable);
            assert!(news(&client).await.is_empty(), "nothing is known to have stopped");

            let found = client.load("c0").await.unwrap();
            let task = found.task.unwrap();
            stage.count();
            assert_eq!(
                found.container.delete().await.unwrap_err().kind(),
                Kind::FailedPrecondition
            );
            assert!(stage.calls().is_empty());
            let held = found.container.running_task().unwrap();
            assert_eq!(held.status().unwrap(), Status::Running);
            held.exec(sleeper("e0")).await.unwrap();
            assert_eq!(task.force_delete().await.unwrap().status, KILLED);
        })
        .await;
    }
}

/// Seen in Moby at b985e2313a, d: what was loaded knew less than what was made. Here it does the
/// same, for the same.
#[tokio::test(start_paused = true)]
async fn what_was_loaded_does_the_same_for_the_same_as_what_was_made() {
    on_all(none(), async |mut stage| {
        let (made, task) = stage.run("c0").await;
        stage.run("c1").await;
        let client = next(&stage).await;
        let loaded = client.load("c1").await.unwrap();
        let mut costs = Vec::new();
        for (container, task) in [(made, task), (loaded.container, loaded.task.unwrap())] {
            stage.count();
            task.pause().await.unwrap();
            task.resume().await.unwrap();
            task.limit_memory(256 << 20).await.unwrap();
            task.resize(80, 24).await.unwrap();
            task.pids().await.unwrap();
            task.stats().await.unwrap();
            let process = task.exec(sleeper("e0")).await.unwrap();
            process.kill(9).await.unwrap();
            process.wait().await.unwrap();
            process.delete().await.unwrap();
            task.force_delete().await.unwrap();
            let again = container.start(Io::Null).await.unwrap();
            again.force_delete().await.unwrap();
            container.delete().await.unwrap();
            costs.push(stage.counts());
        }
        assert_eq!(costs[0], costs[1]);
        assert_eq!(costs[0].get("Tasks/Get"), None);
        assert_eq!(costs[0].get("Containers/Get"), None);
    })
    .await;
}

/// Bug 10 (Moby 146c702f24, 2026-02-10): the processes of a container that does not run were asked
/// of a task that there was not.
#[tokio::test(start_paused = true)]
async fn the_processes_of_what_does_not_run_are_asked_of_nobody() {
    on_all(none(), async |mut stage| {
        let (container, task) = stage.run("c0").await;
        task.kill(9).await.unwrap();
        task.wait().await.unwrap();
        stage.count();
        assert_eq!(container.running_task().unwrap_err().kind(), Kind::FailedPrecondition);
        assert!(stage.calls().is_empty());
    })
    .await;
}

/// Bug 30 (Moby deef0ea2d7, 2026-07-16): metrics of a type that was not known were zeros, or a
/// panic. Here they are passed on as they came, with their type, and what is missing is missing.
#[tokio::test(start_paused = true)]
async fn metrics_are_passed_on_with_their_type_and_none_are_not_zeros() {
    on_all(none(), async |mut stage| {
        let (container, task) = stage.run("c0").await;
        let stats = task.stats().await.unwrap();
        assert!(stats.type_url.contains("cgroups"), "{}", stats.type_url);
        assert!(!stats.value.is_empty() && stats.at.is_some());
        let of_all = stage.client.stats_all(&["c0", "nobody"]).await.unwrap();
        let told: Vec<_> =
            of_all.iter().map(|(id, stats)| (id.as_str(), &stats.type_url)).collect();
        assert_eq!(told, [("c0", &stats.type_url)]);
        task.kill(9).await.unwrap();
        task.wait().await.unwrap();
        // The record is gone: the server answers with an empty list.
        forger::forget_container(&stage, "c0").await;
        stage.count();
        assert_eq!(task.stats().await.unwrap_err().kind(), Kind::NotFound);
        assert_eq!(stage.counts(), counts([("Tasks/Metrics", 1)]));
        drop(container);
    })
    .await;
}

/// Found by a generated case: a task was deleted before a client came, the end of it, or of an exec in
/// it, was told afterwards, and the container could not be deleted any more: it had a task.
#[tokio::test(start_paused = true)]
async fn an_exit_that_is_told_after_its_tasks_deletion_is_no_task() {
    for id in ["c0", "e0"] {
        on_all(none(), async |mut stage| {
            let (_, task) = stage.run("c0").await;
            let pid = task.pid();
            task.force_delete().await.unwrap();
            let client = next(&stage).await;
            let found = client.restore().await.unwrap().remove(0);
            assert!(found.task.is_none());
            forger::exit(&stage, ("c0", id), pid, (137, 1)).await;
            stage.count();
            found.container.delete().await.unwrap();
            assert_eq!(stage.counts(), counts([("Containers/Delete", 1), ("Tasks/Get", 1)]));
        })
        .await;
    }
}
