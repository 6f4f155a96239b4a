//! Metrics: of the type of the host's cgroups, and with what clients look into.

use containerd_client::services::v1::MetricsRequest;
use mock_containerd::{Cgroups, MockContainerd};
use prost::Message;
use prost_types::Any;

use crate::stage::{Stage, within};

/// Some fields of both versions' metrics, by their numbers in github.com/containerd/cgroups
/// (`stats/v1/metrics.proto`, `v2/stats/metrics.proto`): containerd-client does not have them.
#[derive(Clone, PartialEq, Message)]
struct Pids {
    #[prost(uint64, tag = "1")]
    current: u64,
}

#[derive(Clone, PartialEq, Message)]
struct Entry {
    #[prost(uint64, tag = "2")]
    usage: u64,
}

#[derive(Clone, PartialEq, Message)]
struct MemoryV1 {
    #[prost(message, optional, tag = "33")]
    usage: Option<Entry>,
}

#[derive(Clone, PartialEq, Message)]
struct V1 {
    #[prost(message, optional, tag = "2")]
    pids: Option<Pids>,
    #[prost(message, optional, tag = "4")]
    memory: Option<MemoryV1>,
}

#[derive(Clone, PartialEq, Message)]
struct CpuV2 {
    #[prost(uint64, tag = "1")]
    usage_usec: u64,
}

#[derive(Clone, PartialEq, Message)]
struct MemoryV2 {
    #[prost(uint64, tag = "1")]
    anon: u64,
    #[prost(uint64, tag = "32")]
    usage: u64,
    #[prost(uint64, tag = "33")]
    usage_limit: u64,
    #[prost(uint64, tag = "35")]
    swap_limit: u64,
}

#[derive(Clone, PartialEq, Message)]
struct V2 {
    #[prost(message, optional, tag = "1")]
    pids: Option<Pids>,
    #[prost(message, optional, tag = "2")]
    cpu: Option<CpuV2>,
    #[prost(message, optional, tag = "4")]
    memory: Option<MemoryV2>,
}

async fn metrics(stage: &Stage) -> Any {
    let request = within(MetricsRequest { filters: Vec::new() });
    let reply = stage.tasks().metrics(request).await.unwrap().into_inner();
    assert_eq!(reply.metrics.len(), 1);
    reply.metrics[0].data.clone().unwrap()
}

async fn running(cgroups: Cgroups) -> Stage {
    let stage = Stage::of(MockContainerd::builder().cgroups(cgroups)).await;
    stage.create_container("c1", &["sleep", "inf"]).await.unwrap();
    stage.create_task("c1").await.unwrap();
    stage.start("c1", "").await.unwrap();
    stage
}

#[tokio::test]
async fn a_host_with_cgroups_v1_tells_memory_and_every_process_that_lives() {
    let stage = running(Cgroups::V1).await;
    let data = metrics(&stage).await;
    assert_eq!(data.type_url, "io.containerd.cgroups.v1.Metrics");
    let told = V1::decode(&*data.value).unwrap();
    assert_eq!(told.pids.unwrap().current, 1);
    assert!(told.memory.unwrap().usage.unwrap().usage > 0);

    stage.exec("c1", "e1", &["sleep", "inf"]).await.unwrap();
    stage.start("c1", "e1").await.unwrap();
    assert_eq!(V1::decode(&*metrics(&stage).await.value).unwrap().pids.unwrap().current, 2);
}

#[tokio::test]
async fn a_task_that_stopped_is_still_told_of_with_no_process() {
    let stage = running(Cgroups::V1).await;
    stage.kill("c1", "", 9).await.unwrap();
    stage.wait("c1", "").await.unwrap();
    let told = V1::decode(&*metrics(&stage).await.value).unwrap();
    assert_eq!(told.pids.unwrap().current, 0);
    assert_eq!(told.memory.unwrap().usage.unwrap().usage, 0);
}

#[tokio::test]
async fn a_host_with_cgroups_v2_tells_the_same_in_its_own_type() {
    let stage = running(Cgroups::V2).await;
    let data = metrics(&stage).await;
    assert_eq!(data.type_url, "io.containerd.cgroups.v2.Metrics");
    let told = V2::decode(&*data.value).unwrap();
    assert_eq!(told.pids.unwrap().current, 1);
    assert!(told.cpu.unwrap().usage_usec > 0);
    let memory = told.memory.unwrap();
    assert!(memory.anon > 0 && memory.usage > memory.anon, "{memory:?}");
    assert_eq!((memory.usage_limit, memory.swap_limit), (u64::MAX, u64::MAX), "no limit");

    stage.kill("c1", "", 9).await.unwrap();
    stage.wait("c1", "").await.unwrap();
    let told = V2::decode(&*metrics(&stage).await.value).unwrap();
    assert_eq!((told.pids.unwrap().current, told.memory.unwrap().usage), (0, 0));
}
