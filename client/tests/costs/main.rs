//! What each public method costs: its documentation says so, and this holds it against what is counted.
//!
//! Every public async method has a line `RPCs: …`; every case of it is played on the mock as each
//! version, and no case is played that is not documented.

#[path = "../images/archive.rs"]
mod archive;
mod book;
mod checkpoints;
mod containers;
mod cost;
mod execs;
mod images;
mod limits;
mod listener;
mod sources;
mod stage;
mod streams;
mod tasks;

use std::path::Path;

use mock_containerd::Profile;

use crate::book::Book;
use crate::sources::Documented;
use crate::stage::Stage;

/// All that the client can do.
async fn play(stage: &mut Stage<'_>) {
    containers::play(stage).await;
    tasks::play(stage).await;
    checkpoints::play(stage).await;
    execs::play(stage).await;
    streams::play(stage).await;
    images::play(stage).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_public_async_method_costs_what_its_documentation_says() {
    let documented = Documented::in_folder(&Path::new(env!("CARGO_MANIFEST_DIR")).join("src"));
    assert_eq!(documented.faults, Vec::<String>::new());
    let mut faults = Vec::new();
    for profile in [Profile::V1_6, Profile::V1_7, Profile::V2_1] {
        let mut book = Book::default();
        let mut stage = Stage::open(profile, &mut book).await;
        play(&mut stage).await;
        let told = book.against(&documented.costs);
        faults.extend(told.into_iter().map(|fault| format!("{profile:?}: {fault}")));
        eprintln!("{profile:?}: {} plays of {} methods", book.len(), documented.costs.len());
    }
    assert_eq!(faults, Vec::<String>::new());
}
