//! A restart with many containers: what it costs does not depend on how many there are.
//!
//! On the mock as each version, and on real containerds where they can run, of which most containers
//! are records only.

use std::ops::Range;
use std::path::Path;

use containerd_client::services::v1::ListContainersRequest;
use containerd_client::services::v1::containers_client::ContainersClient;
use containerd_client::with_namespace;
use laconic_client::{Client, Io, NewContainer, Task};
use laconic_scenarios::Target;
use laconic_targets::{StandError, TargetSpec};
use mock_containerd::Profile;
use prost_types::Any;
use tokio::task::JoinSet;
use tonic::{Code, Request};

const MANY: [usize; 4] = [1, 8, 64, 5_000];
const SPEC_BYTES: usize = 4 << 10;
const IN_FLIGHT: usize = 50;
const LIVE: usize = 3;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn five_thousand_containers_are_restored_in_two_calls_on_the_mock() {
    for profile in [Profile::V1_6, Profile::V1_7, Profile::V2_1] {
        restored_in_two(laconic_targets::start(&TargetSpec::Mock(profile)).await.unwrap()).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn five_thousand_containers_are_restored_in_two_calls_on_real_containerds() {
    // Most of it is waiting for disks.
    tokio::join!(on_real("1.6"), on_real("1.7"), on_real("2.1"));
}

async fn on_real(version: &str) {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap();
    let binary = root.join("target/daemons").join(version).join("bin/containerd");
    match laconic_targets::start(&TargetSpec::Real(Some(binary))).await {
        Ok(target) => restored_in_two(target).await,
        Err(StandError::Unavailable(lack)) => eprintln!("NOT RUN on {version}: {lack}"),
        Err(error) => panic!("{version}: {error}"),
    }
}

async fn restored_in_two(target: Box<dyn Target>) {
    let told = target.describe();
    let name = format!("{} {}", told.kind, told.version);
    let client = connect(&*target).await;
    let tasks = live(&*target, &client).await;
    let mut there = tasks.len();
    for many in MANY.map(|many| many.max(LIVE)) {
        create(&client, there..many).await;
        there = many;
        let (calls, restored) = restore(&*target).await;
        assert_eq!(calls, ["Containers/ListStream", "Tasks/List"], "{name}: {many}");
        assert_eq!(restored, (many, tasks.len()), "{name}");
    }
    // All of them in one message are more than a message may hold.
    let channel = containerd_client::connect(target.socket()).await.unwrap();
    let request = ListContainersRequest { filters: Vec::new() };
    let request = with_namespace!(request, target.namespace(0));
    let refused = ContainersClient::new(channel).list(request).await.unwrap_err();
    assert_eq!(refused.code(), Code::ResourceExhausted, "{name}: {refused}");

    for task in tasks {
        task.force_delete().await.unwrap();
    }
    drop(client);
    let closing = target.close().await.unwrap();
    let words: Vec<String> = closing.verdicts.iter().map(|told| format!("{told:?}")).collect();
    assert!(closing.verdicts.iter().all(|told| !told.failed()), "{words:?}");
    eprintln!("{name}: {there} containers in 2 RPCs");
}

async fn connect(target: &dyn Target) -> Client {
    Client::builder(target.namespace(0)).connect(target.socket()).await.unwrap()
}

async fn live(target: &dyn Target, client: &Client) -> Vec<Task> {
    let mut tasks = Vec::new();
    for number in 0..LIVE {
        let new = NewContainer::new(format!("c{number}"), ["sleep", "600"]);
        let new = match target.rootfs() {
            Some(rootfs) => new.rootfs(rootfs.to_str().unwrap()),
            None => new,
        };
        tasks.push(client.create(new).await.unwrap().start(Io::Null).await.unwrap());
    }
    tasks
}

/// Several at a time.
async fn create(client: &Client, numbers: Range<usize>) {
    let numbers: Vec<usize> = numbers.collect();
    for some in numbers.chunks(IN_FLIGHT) {
        let mut creating = JoinSet::new();
        for number in some {
            let (client, new) = (client.clone(), record(*number));
            creating.spawn(async move { client.create(new).await.map(drop) });
        }
        while let Some(created) = creating.join_next().await {
            created.unwrap().unwrap();
        }
    }
}

fn record(number: usize) -> NewContainer {
    let type_url = "types.containerd.io/opencontainers/runtime-spec/1/Spec".to_owned();
    let value = format!("{{\"hostname\":\"{number:0SPEC_BYTES$}\"}}").into_bytes();
    NewContainer::new(format!("c{number}"), ["true"]).spec_any(Any { type_url, value })
}

/// By a new client: its calls, and how many containers and tasks it has found.
async fn restore(target: &dyn Target) -> (Vec<String>, (usize, usize)) {
    let client = connect(target).await;
    let from = target.ledger().mark();
    let restored = client.restore().await.unwrap();
    let to = target.ledger().mark();
    target.caught_up(to).await.unwrap();
    let calls = target.ledger().calls_between(from, to);
    let tasks = restored.iter().filter(|one| one.task.is_some()).count();
    (calls.iter().map(|call| call.rpc.short()).collect(), (restored.len(), tasks))
}
