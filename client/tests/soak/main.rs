//! Many lives on a real containerd that is killed and started again between and in them. What each
//! process says of its own end, in a file, is held against what the client says of it.
//!
//! `ci/full soak [LIFECYCLES [VERSION…]]` plays it, and `.ci/run` a sample: by itself, for it kills.

mod ends;
mod ground;
mod judge;
mod left;
mod lives;
mod outages;
mod plan;
#[path = "../stand/private.rs"]
mod private;

use std::io::Write;

use crate::ground::{Ground, Size};
use crate::judge::judge;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "it wants the machine for itself: ci/full soak"]
async fn every_process_ends_once_with_what_it_said_itself_however_often_the_daemon_dies() {
    let size = Size::asked_for();
    let Some(mut ground) = Ground::open(&size).await else { return };
    ground.play(&size).await;
    let verdict = judge(&mut ground, &size).await;
    ground.leave().await;
    // Past the capture of test output: it is what the soak is run for.
    std::io::stderr().write_all(format!("{verdict}\n").as_bytes()).unwrap();
    assert!(verdict.faults.is_empty(), "{}", verdict.faults.join("\n"));
}
