//! Single calls: how long they may take, what happens to those that are given up, and which are
//! made again.

use std::time::Duration;

use laconic_client::{Any, Kind, NewContainer, Read, Scope};
use mock_containerd::faults::{Faults, When};
use mock_containerd::{MockContainerd, Profile};
use rpc_ledger::Ended;
use tokio::time::Instant;

use crate::halves::failing;
use crate::stage::{Stage, quiet};

#[tokio::test(start_paused = true)]
async fn a_call_that_takes_too_long_is_given_up_on_both_sides() {
    let stage = failing("Tasks/Kill", When::Before, "delay(1h)").await;
    let (_, task) = stage.run("c0").await;
    let begin = Instant::now();
    let error = task.kill(15).await.unwrap_err();
    assert_eq!((error.kind(), error.code()), (Kind::DeadlineExceeded, None));
    assert_eq!(begin.elapsed().as_secs(), 30);
    let begin = Instant::now();
    let scope = Scope::new().deadline(Duration::from_secs(2));
    assert_eq!(scope.run(task.kill(15)).await.unwrap_err().kind(), Kind::DeadlineExceeded);
    assert_eq!(begin.elapsed().as_secs(), 2);
    quiet().await;
    let killed: Vec<_> =
        stage.calls().into_iter().filter(|call| call.rpc.method() == "Kill").collect();
    assert_eq!(killed.len(), 2, "a call that changes something is not made again");
    assert!(killed.iter().all(|call| call.ended == Some(Ended::Cancelled)), "{killed:?}");
}

#[tokio::test(start_paused = true)]
async fn a_call_that_is_dropped_is_reset() {
    let stage = failing("Tasks/Kill", When::Before, "delay(1h)").await;
    let (_, task) = stage.run("c0").await;
    assert!(tokio::time::timeout(Duration::from_secs(1), task.kill(15)).await.is_err());
    quiet().await;
    let calls = stage.calls();
    let kill = calls.iter().find(|call| call.rpc.method() == "Kill").unwrap();
    assert_eq!(kill.ended, Some(Ended::Cancelled));
}

#[tokio::test(start_paused = true)]
async fn only_what_asks_is_made_again_when_its_answer_is_lost() {
    let faults = Faults::default()
        .rpc("Tasks/ListPids", When::Before, "1*delay(10s)")
        .unwrap()
        .rpc("Tasks/Pause", When::Before, "1*delay(10s)")
        .unwrap();
    let stage = Stage::of(MockContainerd::builder().faults(faults), |builder| builder).await;
    let (_, task) = stage.run("c0").await;
    let cut = async {
        quiet().await;
        let line = stage.calls()[0].connection;
        stage.mock.faults().cut_connection(line);
    };
    let ((pids, paused), ()) = tokio::join!(async { tokio::join!(task.pids(), task.pause()) }, cut);
    assert_eq!(pids.unwrap().len(), 1);
    let error = paused.unwrap_err();
    assert_eq!((error.kind(), error.attempts()), (Kind::Unreachable, 1));
    assert!(std::error::Error::source(&error).is_some());
    let made = stage.counts();
    assert_eq!((made["Tasks/ListPids"], made["Tasks/Pause"]), (2, 1));
}

#[tokio::test(start_paused = true)]
async fn a_read_that_fails_for_good_says_how_often_it_was_made() {
    let options = |builder: laconic_client::Builder| builder.retries(3);
    let stage = Stage::of(MockContainerd::builder(), options).await;
    let (_, task) = stage.run("c0").await;
    stage.door.shut(true);
    stage.mock.faults().restart(mock_containerd::faults::TasksAfter::Kept);
    let begin = Instant::now();
    let error = task.pids().await.unwrap_err();
    assert_eq!(error.attempts(), 4);
    assert_eq!(begin.elapsed().as_millis(), 50 + 100 + 200);
    assert!(error.to_string().ends_with("(tried 4 times)"), "{error}");
}

#[tokio::test(start_paused = true)]
async fn a_list_that_comes_as_a_stream_is_made_again_and_has_a_limit() {
    let mut stage = failing("Containers/ListStream", When::Before, "1*delay(10s)").await;
    stage.run("c0").await;
    stage.count();
    let cut = async {
        quiet().await;
        let line = stage.calls().iter().map(|call| call.connection).next_back().unwrap();
        stage.mock.faults().cut_connection(line);
    };
    let (restored, ()) = tokio::join!(stage.client.restore(), cut);
    assert_eq!(restored.unwrap().len(), 1);
    assert_eq!(stage.counts()["Containers/ListStream"], 2);

    let slow = Faults::default().rpc("Containers/ListStream", When::Before, "delay(1h)").unwrap();
    stage.mock.faults().add(slow);
    let begin = Instant::now();
    let error = stage.client.restore().await.unwrap_err();
    assert_eq!((error.kind(), error.code()), (Kind::DeadlineExceeded, None));
    assert_eq!(begin.elapsed().as_secs(), 30);
}

/// A server of containerd's sends up to 16 MiB at once; of a client, 4 were tonic's own limit.
#[tokio::test(start_paused = true)]
async fn an_answer_may_be_as_large_as_a_server_makes_it() {
    let stage = Stage::open(Profile::V2_1).await;
    let large = Any { type_url: "x".to_owned(), value: vec![7; 15 << 20] };
    let new = NewContainer::new("c0", ["true"]).extension("large", large.clone());
    let container = stage.client.create(new).await.unwrap();
    let read = container.extensions(Read::Refreshed).await.unwrap();
    assert!(read["large"] == large, "all of it came back");
}
