//! What a step of the runner costs: over a socket beside bare unary calls, and in memory beside the socket,
//! in turns in one process, and then how fast generated cases are, and what is held meanwhile; or, of a record
//! that is named, how much of its steps' time their calls took.
//!
//! `cargo bench -p laconic-benches --bench steps [-- RECORD]`. `scenarios/README.md` has the bounds, and what
//! was measured last.

#![expect(clippy::print_stdout, reason = "a bench prints what it measured")]

#[macro_use]
#[path = "../beside/bare.rs"]
mod bare;
mod cases;
mod lives;
mod record;
mod unary;

use std::time::Duration;

use driver_protocol::Hello;
use laconic_benches::{Measured, ratio};
use tokio::runtime::{Builder, Runtime};

use crate::lives::{in_memory, over_the_socket, steps};
use crate::unary::Unary;

const ROUNDS: usize = 20;
const WARM_UP: usize = 2;
/// Lives, of 20 steps each, in a turn.
const LIVES: usize = 10;
/// Bare calls in a turn.
const CALLS: usize = 400;

fn main() {
    // `cargo bench` gives `--bench`, too.
    if let Some(record) = std::env::args().skip(1).find(|word| !word.starts_with('-')) {
        return record::told(record.as_ref());
    }
    let threads = Builder::new_multi_thread().worker_threads(2).enable_all().build();
    let threads = threads.expect("two threads");
    let single = Builder::new_current_thread().enable_all().build();
    let single = single.expect("this thread");
    let hello = threads.block_on(lives::hello());
    ratios(&hello, &threads, &single);
    cases::rates(&hello, &threads);
}

/// Of a turn, in nanoseconds a call or a step.
struct Turns {
    /// A bare call, on the threads that a program of tokio's has.
    bare: Measured,
    /// A bare call whose two ends share a thread, as those of a player do.
    same: Measured,
    /// What the calls of a step would take, bare.
    calls: Measured,
    /// A step over the socket.
    socket: Measured,
    /// A step in memory.
    memory: Measured,
}

fn ratios(hello: &Hello, threads: &Runtime, single: &Runtime) {
    let bare = threads.block_on(Unary::serve());
    let same = single.block_on(Unary::serve());
    let empty =
        |client: &str| Measured { client: client.to_owned(), of: "step", samples_us: Vec::new() };
    let mut turns = Turns {
        bare: empty("bare call"),
        same: empty("on one thread"),
        calls: empty("its calls, bare"),
        socket: empty("socket"),
        memory: empty("memory"),
    };
    let mut rpcs = 0.0;
    for round in 0..WARM_UP + ROUNDS {
        let call = threads.block_on(bare.mean(CALLS));
        let alone = single.block_on(same.mean(CALLS));
        let socket = single.block_on(over_the_socket(hello, LIVES));
        let memory = single.block_on(in_memory(hello, LIVES));
        if round < WARM_UP {
            continue;
        }
        rpcs = socket.rpcs_per_step();
        turns.bare.samples_us.push(nanos(call));
        turns.same.samples_us.push(nanos(alone));
        turns.calls.samples_us.push(nanos(call.mul_f64(rpcs)));
        turns.socket.samples_us.push(nanos(socket.step()));
        turns.memory.samples_us.push(nanos(memory.step()));
    }
    println!("a turn: {CALLS} bare calls, {LIVES} lives of {} steps; {ROUNDS} turns", steps());
    println!("RPCs of a step, the player's and the observer's: {rpcs:.2}");
    for one in [&turns.bare, &turns.same, &turns.socket, &turns.memory] {
        let median = median(one);
        let rate = 1e9 / median;
        println!("{:<16} {:>8.1} µs  {rate:>7.0}/s", one.client, median / 1_000.0);
    }
    shown("socket / its calls, bare (at most 2.0)", &turns.calls, &turns.socket);
    shown("memory / socket (at most 0.7)", &turns.socket, &turns.memory);
}

fn nanos(time: Duration) -> u64 {
    u64::try_from(time.as_nanos()).expect("a step is short")
}

fn median(measured: &Measured) -> f64 {
    let mut sorted = measured.samples_us.clone();
    sorted.sort_unstable();
    sorted[sorted.len() / 2] as f64
}

fn shown(what: &str, base: &Measured, measured: &Measured) {
    let ratio = ratio(measured, base).expect("there are rounds");
    println!("{what}: {:.2} [{:.2}, {:.2}]", ratio.ratio, ratio.low, ratio.high);
}
