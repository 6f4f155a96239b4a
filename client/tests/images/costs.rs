//! What each step costs, counted by the tap, and that the documentation says so.

use laconic_client::{Collect, ExitStatus, Io, Kind, NewContainer};

use crate::arm::{Arm, on_daemons, on_mocks};

const RUN: [&str; 7] = [
    "Containers/Create",
    "Snapshots/Prepare",
    "Tasks/Create",
    "Tasks/Start",
    "Tasks/Delete",
    "Containers/Delete",
    "Snapshots/Remove",
];

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_run_from_an_image_to_nothing_left_costs_seven_on_the_mock() {
    on_mocks(a_run_costs_seven).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_run_from_an_image_to_nothing_left_costs_seven_on_real_containerds() {
    on_daemons(a_run_costs_seven).await;
}

async fn a_run_costs_seven(arm: &Arm) {
    let client = arm.client().await;
    let image = client.import(arm.archive("tiny")).await.unwrap().remove(0);
    image.unpack("overlayfs").await.unwrap();
    let new = NewContainer::from_image("c1", &image).args(arm.proof());
    let (made, container) = arm.cost(client.create(new)).await;
    assert_eq!(made, RUN[..2], "{}", arm.name());
    let container = container.unwrap();
    let (ran, exit) = arm
        .cost(async {
            let task = container.start(Io::Null).await.unwrap();
            let exit = task.wait().await.unwrap();
            task.delete().await.unwrap();
            container.delete().await.unwrap();
            exit
        })
        .await;
    assert_eq!(ran, RUN[2..], "{}", arm.name());
    assert_eq!(exit.status, ExitStatus::Code(7), "{}", arm.name());
    eprintln!("{}: {} RPCs from image to nothing left", arm.name(), made.len() + ran.len());
    image.remove(Collect::Now).await.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_step_costs_what_its_documentation_says_on_the_mock() {
    on_mocks(every_step_costs_what_it_says).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_step_costs_what_its_documentation_says_on_real_containerds() {
    on_daemons(every_step_costs_what_it_says).await;
}

async fn every_step_costs_what_it_says(arm: &Arm) {
    let client = arm.client().await;
    let name = arm.name();
    let costs = |calls: Vec<String>, told: &[&str]| assert_eq!(calls, told, "{name}");
    let (calls, images) = arm.cost(client.import(arm.archive("tiny"))).await;
    let write = "Content/Write";
    let [begin, end] = ["Leases/Create", "Leases/Delete"];
    costs(calls, &[begin, write, write, write, write, "Images/Create", end]);
    let image = images.unwrap().remove(0);
    // Again: nothing is sent, the manifest is labelled, the name is there.
    let (calls, again) = arm.cost(client.import(arm.archive("tiny"))).await;
    let mut kinds = calls.clone();
    kinds.sort();
    kinds.dedup();
    let label = "Content/Update";
    assert_eq!(kinds, [label, write, "Images/Create", "Images/Update", begin, end], "{name}");
    assert_eq!(calls.len(), 9, "{name}: 2 + 4 blobs + 1 image, and 2 for what was there");
    assert_eq!(again.unwrap()[0].target(), image.target());

    let (calls, unpacked) = arm.cost(image.unpack("overlayfs")).await;
    unpacked.unwrap();
    let layer = ["Snapshots/Prepare", "Diff/Apply", "Snapshots/Commit", label];
    let all = [&[label, "Snapshots/Stat", begin, "Snapshots/List"], &layer[..], &layer[..], &[end]];
    costs(calls, &all.concat());
    let (calls, unpacked) = arm.cost(image.unpack("overlayfs")).await;
    unpacked.unwrap();
    costs(calls, &[label, "Snapshots/Stat"]);

    let (calls, listed) = arm.cost(client.images()).await;
    costs(calls, &["Images/List"]);
    let listed = listed.unwrap();
    assert_eq!((listed.len(), listed[0].name.as_str()), (1, "tiny"));
    let (calls, got) = arm.cost(client.image("tiny")).await;
    costs(calls, &["Images/Get", "Content/Read", "Content/Read"]);
    let got = got.unwrap();
    assert_eq!((got.config(), got.chain_id()), (image.config(), image.chain_id()));
    assert_eq!(got.target().digest, image.target().digest);
    let (calls, removed) = arm.cost(got.remove(Collect::Now)).await;
    removed.unwrap();
    costs(calls, &["Images/Delete"]);
    let (calls, gone) = arm.cost(client.image("tiny")).await;
    costs(calls, &["Images/Get"]);
    assert_eq!(gone.unwrap_err().kind(), Kind::NotFound);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_creation_whose_snapshot_fails_costs_three_and_leaves_nothing_on_the_mock() {
    on_mocks(a_failing_snapshot_costs_three).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_creation_whose_snapshot_fails_costs_three_and_leaves_nothing_on_real_containerds() {
    on_daemons(a_failing_snapshot_costs_three).await;
}

async fn a_failing_snapshot_costs_three(arm: &Arm) {
    let client = arm.client().await;
    let image = client.import(arm.archive("tiny")).await.unwrap().remove(0);
    // It is not unpacked.
    let (calls, made) = arm.cost(client.create(NewContainer::from_image("c1", &image))).await;
    assert_eq!(calls, ["Containers/Create", "Snapshots/Prepare", "Containers/Delete"]);
    assert_eq!(made.unwrap_err().kind(), Kind::NotFound);
    image.remove(Collect::Now).await.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_container_that_a_restart_found_knows_its_snapshot_on_the_mock() {
    on_mocks(a_found_container_knows_its_snapshot).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_container_that_a_restart_found_knows_its_snapshot_on_real_containerds() {
    on_daemons(a_found_container_knows_its_snapshot).await;
}

async fn a_found_container_knows_its_snapshot(arm: &Arm) {
    let client = arm.client().await;
    let image = client.import(arm.archive("tiny")).await.unwrap().remove(0);
    image.unpack("overlayfs").await.unwrap();
    for id in ["c1", "c2"] {
        let new = NewContainer::from_image(id, &image).args(arm.proof());
        client.create(new).await.unwrap();
    }
    drop(client);
    let client = arm.client().await;
    let loaded = client.load("c1").await.unwrap().container;
    let (calls, task) = arm.cost(loaded.start(Io::Null)).await;
    assert_eq!(calls, ["Snapshots/Mounts", "Tasks/Create", "Tasks/Start"], "{}", arm.name());
    let task = task.unwrap();
    assert_eq!(task.wait().await.unwrap().status, ExitStatus::Code(7), "{}", arm.name());
    task.delete().await.unwrap();
    // The mounts are known by now.
    let (calls, task) = arm.cost(loaded.start(Io::Null)).await;
    assert_eq!(calls, ["Tasks/Create", "Tasks/Start"], "{}", arm.name());
    let task = task.unwrap();
    task.wait().await.unwrap();
    task.delete().await.unwrap();
    loaded.delete().await.unwrap();
    let restored = client.restore().await.unwrap().remove(0).container;
    let (calls, deleted) = arm.cost(restored.delete()).await;
    // That the list showed no task is not known for sure: lists leave out what could not be read.
    let three = ["Tasks/Get", "Containers/Delete", "Snapshots/Remove"];
    assert_eq!(calls, three, "{}", arm.name());
    deleted.unwrap();
    image.remove(Collect::Now).await.unwrap();
}
