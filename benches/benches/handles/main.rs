//! Many handles with idle watches in one process: the memory of each, and what one exit costs the
//! client among many. Each client has a mock of its own, in a process of its own; what the client's
//! process allocates and how long its threads run is the client's alone.
//!
//! `cargo bench -p laconic-benches --bench handles`

#![expect(clippy::print_stdout, reason = "a bench prints what it measured")]

mod crowd;
mod killer;
#[expect(dead_code, reason = "another bench asks for the pid")]
#[path = "../beside/process.rs"]
mod process;
#[expect(dead_code, reason = "other benches make containers by hand")]
#[path = "../beside/requests.rs"]
mod requests;

use std::alloc::System;
use std::time::Duration;

use laconic_benches::{Account, Cost, Spent};
use mock_containerd::MockContainerd;
use stats_alloc::{INSTRUMENTED_SYSTEM, StatsAlloc};

use crate::crowd::Crowd;

#[global_allocator]
static ALLOCATOR: &StatsAlloc<System> = &INSTRUMENTED_SYSTEM;

const NAMESPACE: &str = "laconic-bench";
const SIZES: [usize; 3] = [100, 1_000, 10_000];
/// Exits in a turn, and turns.
const EXITS: usize = 50;
const WARM_UP: usize = 5;
const TURNS: usize = 40;
const IDLE: Duration = Duration::from_secs(30);

/// Bytes that are in use now.
fn in_use() -> usize {
    let stats = ALLOCATOR.stats();
    stats.bytes_allocated - stats.bytes_deallocated
}

fn main() {
    let words: Vec<String> = std::env::args().skip(1).collect();
    let runtime = tokio::runtime::Runtime::new().expect("threads");
    match words.iter().map(String::as_str).collect::<Vec<_>>()[..] {
        ["serve-mock", socket] => runtime.block_on(async {
            let _mock = MockContainerd::builder().socket(socket).start().await.expect("a path");
            std::future::pending::<()>().await;
        }),
        ["kill", socket] => runtime.block_on(killer::kill_as_told(socket)),
        _ => runtime.block_on(measure()),
    }
}

async fn measure() {
    let folder = tempfile::tempdir().expect("a folder");
    let mut crowds = Vec::new();
    for size in SIZES {
        let mut crowd = Crowd::gather(&folder.path().join(size.to_string())).await;
        let before = in_use();
        crowd.grow(size).await;
        let each = (in_use() - before) as f64 / size as f64;
        println!("memory: {size} tasks that are waited for: {each:.0} bytes each");
        crowds.push(crowd);
    }
    let mut account = Account::of(std::process::id());
    let mut spent: Vec<Spent> = SIZES
        .map(|size| {
            let client = format!("{size} handles");
            Spent { client, cost: Cost::CpuMicros, turns: Vec::new() }
        })
        .into();
    for turn in 0..WARM_UP + TURNS {
        for place in 0..crowds.len() {
            let index = (place + turn) % crowds.len();
            let before = account.read().expect("this process lives");
            let ended = crowds[index].lose(EXITS).await;
            let used = account.read().expect("this process lives").since(before);
            if turn >= WARM_UP {
                spent[index].turns.push(used.cpu_ns as f64 / 1000.0 / EXITS as f64);
            }
            crowds[index].replace(ended).await;
        }
    }
    for one in &spent {
        let ratio = one.over(&spent[0]).expect("there are turns");
        println!(
            "one exit among {}: {:.1} µs of CPU, {:.2} [{:.2}, {:.2}] times that among 100",
            one.client,
            one.mean(),
            ratio.ratio,
            ratio.low,
            ratio.high
        );
    }
    drop(crowds);
    idle(&folder.path().join("idle")).await;
}

/// What waiting costs while nothing happens, with the client's own look after tasks that vanished.
async fn idle(socket: &std::path::Path) {
    let mut crowd = Crowd::gather_as(socket, |builder| builder).await;
    let most = SIZES[SIZES.len() - 1];
    crowd.grow(most).await;
    let mut account = Account::of(std::process::id());
    let before = account.read().expect("this process lives");
    // Not a wait for something: the idling itself is what is measured.
    tokio::time::sleep(IDLE).await;
    let used = account.read().expect("this process lives").since(before);
    println!(
        "idle: {most} tasks that are waited for: {:.2} ms of CPU a second, {:.1} switches",
        used.cpu_ns as f64 / 1e6 / IDLE.as_secs_f64(),
        (used.voluntary + used.involuntary) as f64 / IDLE.as_secs_f64()
    );
}
