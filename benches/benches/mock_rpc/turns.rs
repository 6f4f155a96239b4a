//! Servers take turns at one load.

use std::time::Instant;

use laconic_benches::{Measured, ratio};

use crate::calls::{Calls, Method};
use crate::servers::Server;

const ROUNDS: usize = 40;
const WARM_UP: usize = 5;

/// A line for each server: its rate, and its rate over the first one's, with its interval.
pub(crate) async fn turns(
    servers: &[Server],
    calls: &[Calls],
    method: Method,
    in_flight: usize,
    count: usize,
) -> Vec<String> {
    let mut measured: Vec<Measured> = servers
        .iter()
        .map(|server| Measured {
            client: server.name().to_owned(),
            of: method.name(),
            samples_us: Vec::new(),
        })
        .collect();
    for round in 0..WARM_UP + ROUNDS {
        for turn in 0..servers.len() {
            let index = (turn + round) % servers.len();
            let begun = Instant::now();
            load(&calls[index], method, in_flight, count).await;
            let taken = u64::try_from(begun.elapsed().as_micros()).expect("a turn is short");
            if round >= WARM_UP {
                measured[index].samples_us.push(taken);
            }
        }
    }
    let base = &measured[0];
    let lines = measured.iter().map(|one| {
        let mut sorted = one.samples_us.clone();
        sorted.sort_unstable();
        let rate = count as f64 * 1e6 / sorted[sorted.len() / 2] as f64;
        // Times turn around to rates: the base's over one's own.
        let interval = ratio(base, one).expect("there are rounds");
        format!(
            "{:<18} {:>9}  {:>14}  {:>12.0}  {:>8.2} [{:.2}, {:.2}]",
            one.of, in_flight, one.client, rate, interval.ratio, interval.low, interval.high
        )
    });
    lines.collect()
}

async fn load(calls: &Calls, method: Method, in_flight: usize, count: usize) {
    let workers: Vec<_> = (0..in_flight)
        .map(|_| {
            let calls = calls.clone();
            tokio::spawn(async move {
                for _ in 0..count / in_flight {
                    calls.make(method).await;
                }
            })
        })
        .collect();
    for worker in workers {
        worker.await.expect("every call is answered");
    }
}
