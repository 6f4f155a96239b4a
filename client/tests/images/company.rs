//! Several at once: the same archive, the same layers, one name.

use std::sync::atomic::{AtomicBool, Ordering};

use laconic_client::{Client, Collect, ExitStatus, Image, Io, Kind, NewContainer};

use crate::archive::Layout;
use crate::arm::{Arm, on_daemons, on_mocks};

const CLIENTS: usize = 4;
const RUNS: usize = 20;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn clients_that_import_and_unpack_the_same_at_once_all_succeed_on_the_mock() {
    on_mocks(all_at_once).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn clients_that_import_and_unpack_the_same_at_once_all_succeed_on_real_containerds() {
    on_daemons(all_at_once).await;
}

async fn all_at_once(arm: &Arm) {
    let mut working = Vec::new();
    for _ in 0..CLIENTS {
        let (client, archive) = (arm.client().await, arm.archive("tiny"));
        working.push(tokio::spawn(async move {
            let image = client.import(archive).await?.remove(0);
            image.unpack("overlayfs").await?;
            Ok::<_, laconic_client::Error>(image)
        }));
    }
    let mut images = Vec::new();
    for one in working {
        images.push(one.await.unwrap().unwrap_or_else(|error| panic!("{}: {error}", arm.name())));
    }
    let found = arm.inventory().await;
    let kinds = |word: &str| found.iter().filter(|one| one.starts_with(word)).count();
    assert_eq!((kinds("image"), kinds("content"), kinds("snapshot"), kinds("lease")), (1, 4, 2, 0));
    images[0].remove(Collect::Now).await.unwrap();
    let again = images[1].remove(Collect::Now).await.unwrap_err();
    assert_eq!(again.kind(), Kind::NotFound, "{}", arm.name());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn runs_survive_a_neighbour_who_makes_the_server_collect_all_the_time_on_the_mock() {
    on_mocks(beside_a_collector).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn runs_survive_a_neighbour_who_makes_the_server_collect_all_the_time_on_real_containerds() {
    on_daemons(beside_a_collector).await;
}

/// Wherever the collections fall: `races` has the two moments that matter, one by one.
async fn beside_a_collector(arm: &Arm) {
    let client = arm.client().await;
    let image = client.import(arm.archive("tiny")).await.unwrap().remove(0);
    image.unpack("overlayfs").await.unwrap();
    let neighbour = arm.client().await;
    let done = AtomicBool::new(false);
    let running = async {
        runs(&client, &image, arm.proof()).await;
        done.store(true, Ordering::Relaxed);
    };
    let collecting = async {
        let mut collected = 0;
        while !done.load(Ordering::Relaxed) {
            let other = neighbour.import(arm.archive("other")).await.unwrap().remove(0);
            other.remove(Collect::Now).await.unwrap();
            collected += 1;
        }
        collected
    };
    let ((), collected) = tokio::join!(running, collecting);
    assert!(collected > 0, "{}", arm.name());
    eprintln!("{}: {RUNS} runs beside {collected} collections", arm.name());
    image.remove(Collect::Now).await.unwrap();
}

async fn runs(client: &Client, image: &Image, proof: [&'static str; 3]) {
    for run in 0..RUNS {
        let new = NewContainer::from_image(format!("c{run}"), image).args(proof);
        let container = client.create(new).await.unwrap();
        let task = container.start(Io::Null).await.unwrap();
        assert_eq!(task.wait().await.unwrap().status, ExitStatus::Code(7), "run {run}");
        task.delete().await.unwrap();
        container.delete().await.unwrap();
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_layer_of_many_messages_arrives_whole_on_the_mock() {
    on_mocks(a_large_layer).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_layer_of_many_messages_arrives_whole_on_real_containerds() {
    on_daemons(a_large_layer).await;
}

async fn a_large_layer(arm: &Arm) {
    let client = arm.client().await;
    let mut layout = Layout::named("large");
    // Nothing that gzip makes smaller: it passes by, and is never in memory as a whole.
    let mut bytes = vec![0; 9 << 20];
    fastrand::Rng::with_seed(7).fill(&mut bytes);
    layout.layers.push(("large", bytes));
    let image = unpacked(&client, &layout).await;
    image.remove(Collect::Now).await.unwrap();
}

async fn unpacked(client: &Client, layout: &Layout) -> Image {
    let image = client.import(layout.archive()).await.unwrap().remove(0);
    // The server finds the digest of every layer's tar.
    image.unpack("overlayfs").await.unwrap();
    image
}
