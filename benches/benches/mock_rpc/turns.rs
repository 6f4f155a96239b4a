//! Servers take turns at one load.

use std::time::Instant;

use laconic_benches::{Interval, Measured, ratio};

use crate::calls::{Calls, Method};
use crate::servers::Server;

const ROUNDS: usize = 40;
const WARM_UP: usize = 5;

/// A line for each server: its rate, and its rate over the first one's, with its interval; and the
/// same of the time that its threads ran, on which the rest of the machine has less of a hand.
pub(crate) async fn turns(
    servers: &[Server],
    calls: &[Calls],
    method: Method,
    in_flight: usize,
    count: usize,
) -> Vec<String> {
    let empty = || servers.iter().map(|server| empty(server, method)).collect();
    let (mut wall, mut cpu): (Vec<Measured>, Vec<Measured>) = (empty(), empty());
    for round in 0..WARM_UP + ROUNDS {
        for turn in 0..servers.len() {
            let index = (turn + round) % servers.len();
            let (begun, before) = (Instant::now(), servers[index].cpu_ns());
            load(&calls[index], method, in_flight, count).await;
            let taken = u64::try_from(begun.elapsed().as_micros()).expect("a turn is short");
            if round < WARM_UP {
                continue;
            }
            wall[index].samples_us.push(taken);
            if let (Some(before), Some(after)) = (before, servers[index].cpu_ns()) {
                cpu[index].samples_us.push(after.saturating_sub(before) / 1_000);
            }
        }
    }
    let lines = wall.iter().zip(&cpu).map(|(one, its_cpu)| {
        let rate = count as f64 * 1e6 / median(one).expect("there are rounds");
        // Times turn around to rates: the base's over one's own.
        let rates = ratio(&wall[0], one).expect("there are rounds");
        let shown =
            |ratio: Interval| format!("{:.2} [{:.2}, {:.2}]", ratio.ratio, ratio.low, ratio.high);
        let each = median(its_cpu).map(|median| format!("{:.1}", median / count as f64));
        format!(
            "{:<16} {in_flight:>9}  {:>10}  {rate:>8.0}  {:>23}  {:>10}  {:>23}",
            one.of,
            one.client,
            shown(rates),
            each.unwrap_or_default(),
            ratio(&cpu[0], its_cpu).map(shown).unwrap_or_default(),
        )
    });
    lines.collect()
}

fn empty(server: &Server, method: Method) -> Measured {
    Measured { client: server.name().to_owned(), of: method.name(), samples_us: Vec::new() }
}

fn median(measured: &Measured) -> Option<f64> {
    let mut sorted = measured.samples_us.clone();
    sorted.sort_unstable();
    sorted.get(sorted.len() / 2).map(|median| *median as f64)
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
