//! What every call carries: how long the server may take, and which trace it belongs to.

use std::collections::BTreeSet;
use std::time::Duration;

use laconic_client::Scope;
use mock_containerd::Profile;

use crate::book::Book;
use crate::stage::Stage;

/// They go on for as long as somebody listens, or has something to send: each message of the latter
/// has a limit, and the whole of it none.
const WITHOUT_LIMIT: [&str; 2] = ["Content/Write", "Events/Subscribe"];
const LIMIT: Duration = Duration::from_secs(30);
/// A layer may be large, and so may a task.
const LONG: [&str; 3] = ["Diff/Apply", "Snapshots/Commit", "Tasks/Checkpoint"];
const LONG_LIMIT: Duration = Duration::from_secs(20 * 60);

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_call_tells_the_server_its_limit_but_for_two_that_have_none() {
    let mut book = Book::default();
    let mut stage = Stage::open(Profile::V2_1, &mut book).await;
    crate::play(&mut stage).await;
    let mut seen = BTreeSet::new();
    for call in stage.heard() {
        match call.limit {
            None => assert!(WITHOUT_LIMIT.contains(&call.rpc.as_str()), "{call:?}"),
            Some(limit) => {
                assert!(!WITHOUT_LIMIT.contains(&call.rpc.as_str()), "{call:?}");
                let long = LONG.contains(&call.rpc.as_str());
                let most = if long { LONG_LIMIT } else { LIMIT };
                assert!(Duration::ZERO < limit && limit <= most, "{call:?}");
            }
        }
        assert_eq!(call.trace().len(), 32, "{call:?}");
        seen.insert(call.rpc);
    }
    // All plays were heard, also those that come as streams.
    for rpc in ["Containers/ListStream", "Content/Read", "Content/Write", "Tasks/Kill"] {
        assert!(seen.contains(rpc), "{seen:?}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_scope_and_a_client_can_say_a_shorter_limit() {
    let mut book = Book::default();
    let stage = Stage::open(Profile::V2_1, &mut book).await;
    let (two, five) = (Duration::from_secs(2), Duration::from_secs(5));
    let client = stage.restarted_with(|builder| builder.deadline(five)).await;
    stage.heard();
    client.restore().await.unwrap();
    Scope::new().deadline(two).run(client.restore()).await.unwrap();
    let limits: Vec<Duration> = stage.heard().into_iter().map(|call| call.limit.unwrap()).collect();
    assert_eq!(limits.len(), 4);
    assert!(limits[..2].iter().all(|limit| two < *limit && *limit <= five), "{limits:?}");
    assert!(limits[2..].iter().all(|limit| *limit <= two), "{limits:?}");
}
