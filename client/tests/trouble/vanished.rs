//! Tasks that are gone without a word, while somebody waits for them.

use std::time::Duration;

use laconic_client::ExitStatus;
use mock_containerd::MockContainerd;
use mock_containerd::faults::{EventFault, Faults};
use tokio::time::Instant;

use crate::stage::{Stage, counts, ends, running, told};

/// The first exits and deletions that happen are not told.
async fn silent(exits: u64) -> Stage {
    let mut faults = Faults::default().event("/tasks/delete", 1, EventFault::Lose);
    for nth in 1..=exits {
        faults = faults.event("/tasks/exit", nth, EventFault::Lose);
    }
    Stage::of(MockContainerd::builder().faults(faults), |builder| builder).await
}

#[tokio::test(start_paused = true)]
async fn a_wait_ends_unknown_and_a_thousand_cost_no_more_than_one() {
    let mut stage = silent(2).await;
    let (_, task) = stage.run("c0").await;
    let process = running(&task, "e0").await;
    let waits: Vec<_> = (0..1000)
        .map(|_| {
            let task = task.clone();
            tokio::spawn(async move { task.wait().await.unwrap().status })
        })
        .collect();
    tokio::task::yield_now().await;
    stage.count();
    let begin = Instant::now();
    stage.foreigner.kill_and_delete("c0").await;
    for wait in waits {
        assert_eq!(wait.await.unwrap(), ExitStatus::Unknown);
    }
    assert_eq!(begin.elapsed(), Duration::from_millis(10_500), "an interval, and some grace");
    assert_eq!(process.wait().await.unwrap().status, ExitStatus::Unknown);
    assert_eq!(stage.counts(), counts([("Tasks/List", 1), ("Tasks/Get", 1)]));
    assert_eq!(told(&stage.news().await), ["c0/e0: unknown", "c0: unknown"]);
}

#[tokio::test(start_paused = true)]
async fn an_exit_that_was_not_told_is_found_with_its_true_status() {
    let mut stage = silent(1).await;
    let (_, task) = stage.run("c0").await;
    stage.foreigner.kill("c0", "").await;
    stage.count();
    assert_eq!(ends(task.wait()).await.unwrap().status, ExitStatus::Code(137));
    assert_eq!(stage.counts(), counts([("Tasks/List", 1)]));
}

#[tokio::test(start_paused = true)]
async fn nothing_is_asked_while_nobody_waits() {
    let mut stage = silent(1).await;
    let (_, task) = stage.run("c0").await;
    stage.count();
    let hour = Duration::from_secs(3600);
    tokio::time::sleep(hour).await;
    assert!(tokio::time::timeout(Duration::from_secs(5), task.wait()).await.is_err());
    tokio::time::sleep(hour).await;
    assert!(stage.calls().is_empty());
}

#[tokio::test(start_paused = true)]
async fn it_is_asked_as_often_as_was_said_for_as_long_as_somebody_waits() {
    let every = Duration::from_secs(60);
    let options = |builder: laconic_client::Builder| builder.sweep_every(every);
    let mut stage = Stage::of(MockContainerd::builder(), options).await;
    let (_, task) = stage.run("c0").await;
    stage.count();
    let _ = tokio::time::timeout(Duration::from_secs(3599), task.wait()).await;
    assert_eq!(stage.counts(), counts([("Tasks/List", 59)]));
}

#[tokio::test(start_paused = true)]
async fn a_lost_deletion_is_waited_for_by_nobody() {
    let faults = Faults::default().event("/tasks/delete", 1, EventFault::Lose);
    let mut stage = Stage::of(MockContainerd::builder().faults(faults), |builder| builder).await;
    let (container, task) = stage.run("c0").await;
    task.kill(9).await.unwrap();
    task.wait().await.unwrap();
    let begin = Instant::now();
    task.delete().await.unwrap();
    let again = container.start(laconic_client::Io::Null).await.unwrap();
    assert_eq!(again.force_delete().await.unwrap().status, ExitStatus::Code(137));
    container.delete().await.unwrap();
    assert!(begin.elapsed() < Duration::from_millis(100));
    stage.count();
    assert_eq!(told(&stage.news().await), ["c0: 137", "c0: 137"]);
}
