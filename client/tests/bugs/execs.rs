//! Many execs, and execs in a task that is going.

use std::time::Duration;

use laconic_client::{ExitStatus, Kind, Status};
use mock_containerd::faults::EventFault;
use tokio::task::JoinSet;
use tokio::time::Instant;

use crate::stage::{exec, quiet, running, sleeper, told};
use crate::{after, none, on_all};

/// Bug 6 (Moby fb7ec1555c, 2023-05-25, taken back in 29ac09ee9d): starts of execs that came at once
/// were made to wait for each other.
#[tokio::test(start_paused = true)]
async fn fifty_execs_start_at_once_and_none_waits_for_another() {
    let faults = after("Tasks/Start", "1*off->delay(1s)");
    on_all(faults, async |stage| {
        let (_, task) = stage.run("c0").await;
        let begin = Instant::now();
        let mut starting = JoinSet::new();
        for number in 0..50 {
            let task = task.clone();
            starting.spawn(async move { task.exec(sleeper(&format!("e{number}"))).await });
        }
        let started = starting.join_all().await;
        assert!(started.iter().all(Result::is_ok));
        // Time is virtual: it is what the slowest takes, or the sum of all.
        assert_eq!(begin.elapsed().as_secs(), 1);
        assert_eq!(task.execs().len(), 50);
    })
    .await;
}

/// Bug 7 (Moby a09f8dbe6e, 2022-08-24): an inspection listed execs as running that ran no more.
#[tokio::test(start_paused = true)]
async fn an_exec_is_listed_as_running_only_while_it_runs() {
    on_all(none(), async |stage| {
        let (_, task) = stage.run("c0").await;
        for number in 0..20 {
            task.exec(exec(&format!("e{number}"), &["sh", "-c", "exit 3"])).await.unwrap();
        }
        for _ in 0..20 {
            let news = stage.client.next_exit().await;
            let listed = task.execs();
            let exited = listed.iter().find(|exec| Some(exec.id()) == news.exec.as_deref());
            assert_eq!(exited.unwrap().status().unwrap(), Status::Stopped(news.exit));
        }
    })
    .await;
}

/// Bug 7, by a list: the server listed an exec before it exited and was deleted, and the answer
/// came after.
#[tokio::test(start_paused = true)]
async fn a_list_that_was_made_before_an_exec_went_makes_no_ghost_of_it() {
    let faults = after("Tasks/ListPids", "1*delay(5s)");
    on_all(faults, async |stage| {
        let (_, task) = stage.run("c0").await;
        let process = running(&task, "e0").await;
        let meanwhile = async {
            quiet().await;
            process.kill(9).await.unwrap();
            process.wait().await.unwrap();
            process.delete().await.unwrap();
        };
        let (found, ()) = tokio::join!(task.find_execs(), meanwhile);
        let found = found.unwrap();
        assert_eq!(found.len(), 1, "it ran when it was asked for");
        let killed = ExitStatus::Code(137);
        assert_eq!(found[0].exit_status().unwrap().status, killed);
        assert_eq!(task.execs()[0].exit_status().unwrap().status, killed);
    })
    .await;
}

/// Bug 13 (Moby 8b748bd326, 2022-08-25): a probe's exec raced the deletion of its task.
#[tokio::test(start_paused = true)]
async fn an_exec_that_is_registered_while_its_task_goes_ends_with_it() {
    let slow = after("Tasks/Exec", "1*delay(5s)");
    // Heard of by its event first, or by the reply alone, when there is no task any more.
    let unheard = slow.clone().event("/tasks/exec-added", 1, EventFault::Lose);
    for faults in [slow, unheard] {
        on_all(faults, async |mut stage| {
            let (container, task) = stage.run("c0").await;
            let meanwhile = async {
                quiet().await;
                stage.foreigner.kill_and_delete("c0").await;
            };
            let (registered, ()) = tokio::join!(task.create_exec(sleeper("e0")), meanwhile);
            let registered = registered.unwrap();
            stage.count();
            assert_eq!(registered.start().await.unwrap_err().kind(), Kind::NotFound);
            assert_eq!(task.exec(sleeper("e1")).await.unwrap_err().kind(), Kind::NotFound);
            assert!(stage.calls().is_empty(), "nothing is asked of a task that is gone");
            let minute = Duration::from_secs(60);
            let exit = tokio::time::timeout(minute, registered.wait()).await.unwrap().unwrap();
            assert_eq!(exit.status, ExitStatus::Unknown);
            container.delete().await.unwrap();
        })
        .await;
    }
}

/// Bug 13, the other half: an exec in a task that has exited is refused and holds up no deletion.
#[tokio::test(start_paused = true)]
async fn an_exec_between_the_exit_and_the_deletion_of_its_task_leaves_nothing() {
    on_all(none(), async |stage| {
        let (container, task) = stage.run("c0").await;
        task.kill(9).await.unwrap();
        task.wait().await.unwrap();
        assert_eq!(task.exec(sleeper("e0")).await.unwrap_err().kind(), Kind::FailedPrecondition);
        assert!(!stage.foreigner.has_exec("c0", "e0").await);
        task.delete().await.unwrap();
        container.delete().await.unwrap();
        assert_eq!(told(&stage.news().await), ["c0: 137"]);
    })
    .await;
}
