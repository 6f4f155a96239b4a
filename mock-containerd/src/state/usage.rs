//! What a task is said to use: payloads of the types that a host's cgroups have, with the fields
//! that containerd fills for an idle container. Scripts use nothing, so all figures but the number
//! of processes are constants, seen on containerd 1.6 and 2.1 with a sleeping busybox on a host with
//! cgroups v1. What v2 tells of it is made of the same figures: no host with v2 was looked at.

use containerd_client::types::Metric;
use prost::Message;
use prost_types::{Any, Timestamp};

use super::task::Task;
use crate::Cgroups;

const CPU_NS: u64 = 8_469_019;
const MEMORY_BYTES: u64 = 770_048;
const MEMORY_BYTES_MAX: u64 = 2_510_848;
const KERNEL_BYTES: u64 = 438_272;
const KERNEL_BYTES_MAX: u64 = 610_304;
const PAGE_BYTES: u64 = 4096;
const RSS_BYTES: u64 = 49_152;
/// What cgroup v1 calls no limit.
const UNLIMITED_V1: u64 = 9_223_372_036_854_771_712;

// Of `io.containerd.cgroups.v1` and `v2`, whose protos are not among containerd-client's.

#[derive(Clone, PartialEq, Message)]
struct Pids {
    #[prost(uint64, tag = "1")]
    current: u64,
}

#[derive(Clone, PartialEq, Message)]
struct Empty {}

#[derive(Clone, PartialEq, Message)]
struct CpuUsageV1 {
    #[prost(uint64, tag = "1")]
    total: u64,
    #[prost(uint64, repeated, tag = "4")]
    per_cpu: Vec<u64>,
}

#[derive(Clone, PartialEq, Message)]
struct CpuV1 {
    #[prost(message, optional, tag = "1")]
    usage: Option<CpuUsageV1>,
    #[prost(message, optional, tag = "2")]
    throttling: Option<Empty>,
}

#[derive(Clone, PartialEq, Message)]
struct Entry {
    #[prost(uint64, tag = "1")]
    limit: u64,
    #[prost(uint64, tag = "2")]
    usage: u64,
    #[prost(uint64, tag = "3")]
    max: u64,
}

#[derive(Clone, PartialEq, Message)]
struct MemoryV1 {
    #[prost(uint64, tag = "1")]
    cache: u64,
    #[prost(uint64, tag = "2")]
    rss: u64,
    #[prost(uint64, tag = "16")]
    hierarchical_memory_limit: u64,
    #[prost(uint64, tag = "17")]
    hierarchical_swap_limit: u64,
    #[prost(uint64, tag = "18")]
    total_cache: u64,
    #[prost(uint64, tag = "19")]
    total_rss: u64,
    #[prost(message, optional, tag = "33")]
    usage: Option<Entry>,
    #[prost(message, optional, tag = "34")]
    swap: Option<Entry>,
    #[prost(message, optional, tag = "35")]
    kernel: Option<Entry>,
    #[prost(message, optional, tag = "36")]
    kernel_tcp: Option<Entry>,
}

#[derive(Clone, PartialEq, Message)]
struct MetricsV1 {
    #[prost(message, optional, tag = "2")]
    pids: Option<Pids>,
    #[prost(message, optional, tag = "3")]
    cpu: Option<CpuV1>,
    #[prost(message, optional, tag = "4")]
    memory: Option<MemoryV1>,
    #[prost(message, optional, tag = "5")]
    blkio: Option<Empty>,
    #[prost(message, optional, tag = "9")]
    memory_oom_control: Option<Empty>,
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
    #[prost(uint64, tag = "2")]
    file: u64,
    #[prost(uint64, tag = "32")]
    usage: u64,
    #[prost(uint64, tag = "33")]
    usage_limit: u64,
    #[prost(uint64, tag = "35")]
    swap_limit: u64,
}

#[derive(Clone, PartialEq, Message)]
struct MetricsV2 {
    #[prost(message, optional, tag = "1")]
    pids: Option<Pids>,
    #[prost(message, optional, tag = "2")]
    cpu: Option<CpuV2>,
    #[prost(message, optional, tag = "4")]
    memory: Option<MemoryV2>,
    #[prost(message, optional, tag = "6")]
    io: Option<Empty>,
    #[prost(message, optional, tag = "8")]
    memory_events: Option<Empty>,
}

fn v1(processes: u64) -> MetricsV1 {
    let entry = |usage, max| Some(Entry { limit: UNLIMITED_V1, usage, max });
    // Who is gone holds no memory; what was cached for it stays.
    let held = |bytes| if processes == 0 { 0 } else { bytes };
    MetricsV1 {
        pids: Some(Pids { current: processes }),
        cpu: Some(CpuV1 {
            usage: Some(CpuUsageV1 { total: CPU_NS, per_cpu: vec![CPU_NS] }),
            throttling: Some(Empty {}),
        }),
        memory: Some(MemoryV1 {
            cache: PAGE_BYTES,
            rss: held(RSS_BYTES),
            hierarchical_memory_limit: UNLIMITED_V1,
            hierarchical_swap_limit: UNLIMITED_V1,
            total_cache: PAGE_BYTES,
            total_rss: held(RSS_BYTES),
            usage: entry(held(MEMORY_BYTES), MEMORY_BYTES_MAX),
            swap: entry(held(MEMORY_BYTES), MEMORY_BYTES_MAX),
            kernel: entry(held(KERNEL_BYTES), KERNEL_BYTES_MAX),
            kernel_tcp: entry(0, 0),
        }),
        blkio: Some(Empty {}),
        memory_oom_control: Some(Empty {}),
    }
}

fn v2(processes: u64) -> MetricsV2 {
    let held = |bytes| if processes == 0 { 0 } else { bytes };
    MetricsV2 {
        pids: Some(Pids { current: processes }),
        cpu: Some(CpuV2 { usage_usec: CPU_NS / 1000 }),
        memory: Some(MemoryV2 {
            anon: held(RSS_BYTES),
            file: PAGE_BYTES,
            usage: held(MEMORY_BYTES),
            // The largest, where v1 has its own number.
            usage_limit: u64::MAX,
            swap_limit: u64::MAX,
        }),
        io: Some(Empty {}),
        memory_events: Some(Empty {}),
    }
}

/// What Tasks/Metrics says of a task.
pub(super) fn metric(cgroups: Cgroups, now: Timestamp, id: &str, task: &Task) -> Metric {
    let processes = task.pids().len() as u64;
    let (type_url, value) = match cgroups {
        Cgroups::V1 => ("io.containerd.cgroups.v1.Metrics", v1(processes).encode_to_vec()),
        Cgroups::V2 => ("io.containerd.cgroups.v2.Metrics", v2(processes).encode_to_vec()),
    };
    let data = Any { type_url: type_url.to_owned(), value };
    Metric { timestamp: Some(now), id: id.to_owned(), data: Some(data) }
}
