//! RPCs a second of the mock, beside a bare tonic server that returns the same bytes and beside a
//! real containerd, each in a process of its own, in turns, so that whatever else the machine does
//! falls on all of them.
//!
//! `cargo bench -p laconic-benches --bench mock_rpc`. The real one takes part where it can be
//! started (root, and `containerd` on PATH), and is said to be missing otherwise.

#![expect(clippy::print_stdout, reason = "a bench prints what it measured")]

#[macro_use]
#[path = "../beside/bare.rs"]
mod bare;
mod calls;
#[path = "../beside/process.rs"]
mod process;
#[path = "../beside/requests.rs"]
mod requests;
mod servers;
mod serving;
mod turns;

use calls::Calls;
use servers::Server;
use turns::turns;

/// How many calls a turn makes with one in flight, and with many.
const LOADS: [(usize, usize); 2] = [(1, 60), (64, 1_280)];

fn main() {
    let mut arguments = std::env::args().skip(1);
    let runtime = tokio::runtime::Runtime::new().expect("threads");
    match (arguments.next().as_deref(), arguments.next()) {
        (Some("serve-bare"), Some(socket)) => runtime.block_on(serving::bare(&socket)),
        (Some("serve-mock"), Some(socket)) => runtime.block_on(serving::mock(&socket)),
        _ => runtime.block_on(measure()),
    }
}

async fn measure() {
    let folder = tempfile::tempdir().expect("a folder");
    let mut servers = vec![
        Server::spawn("bare tonic", "serve-bare", folder.path()).await,
        Server::spawn("mock", "serve-mock", folder.path()).await,
    ];
    match Server::containerd().await {
        Ok(real) => servers.push(real),
        Err(why) => println!("containerd does not take part: {why}"),
    }
    let mut calls = Vec::new();
    for server in &servers {
        calls.push(Calls::prepare(server.channel(), server.rootfs()).await);
    }
    println!(
        "{:<16} {:>9}  {:>10}  {:>8}  {:>23}  {:>10}  {:>23}",
        "method",
        "in flight",
        "server",
        "RPC/s",
        "rate over bare tonic's",
        "CPU µs/RPC",
        "bare tonic's over it"
    );
    for method in calls::METHODS {
        for (in_flight, count) in LOADS {
            for line in turns(&servers, &calls, method, in_flight, count).await {
                println!("{line}");
            }
        }
    }
    for (server, calls) in servers.into_iter().zip(calls) {
        calls.clean_up().await;
        server.stop().await;
    }
}
