//! Clients take turns on one target.

use std::time::{Duration, Instant};

use driver_protocol::{
    Close, Connect, Driver, DriverFactory, DriverFault, Operation, Outcome, Request, RequestId,
};
use laconic_scenarios::{Stop, Target, TargetFault};

use crate::{Measured, Workload};

const DEADLINE_MS: u64 = 20_000;
/// Rounds that warm connections and caches, and are not counted.
const WARM_UP: usize = 3;

/// A client that is measured.
pub struct Contender<'f> {
    /// Names it.
    pub name: String,
    /// Opens it.
    pub factory: &'f dyn DriverFactory,
}

/// Why there is no measurement.
#[derive(Debug, thiserror::Error)]
pub enum BenchFault {
    /// A client failed.
    #[error("{client}: {fault}")]
    Driver {
        /// Which.
        client: String,
        /// How.
        fault: DriverFault,
    },
    /// A client did not do what was to be timed.
    #[error("{client}: {operation} came to {outcome}")]
    Refused {
        /// Which.
        client: String,
        /// What it was to do.
        operation: &'static str,
        /// What it said.
        outcome: String,
    },
    /// The target failed.
    #[error(transparent)]
    Target(#[from] TargetFault),
    /// Somebody asked for a stop.
    #[error("stopped")]
    Stopped,
}

struct Player {
    name: String,
    driver: Box<dyn Driver>,
    namespace: String,
    asked: u64,
}

impl Player {
    async fn perform(&mut self, operation: Operation) -> Result<Duration, BenchFault> {
        self.asked += 1;
        let name = operation.name();
        let id = RequestId(self.asked);
        let request = Request { id, deadline_ms: DEADLINE_MS, traceparent: None, operation };
        let begun = Instant::now();
        let outcome = self.driver.perform(request).await;
        let elapsed = begun.elapsed();
        match outcome {
            Ok(Outcome::Ok(_)) => Ok(elapsed),
            Ok(Outcome::Error(refusal)) => Err(BenchFault::Refused {
                client: self.name.clone(),
                operation: name,
                outcome: refusal.to_string(),
            }),
            Err(fault) => Err(BenchFault::Driver { client: self.name.clone(), fault }),
        }
    }

    async fn all(&mut self, operations: Vec<Operation>) -> Result<Vec<Duration>, BenchFault> {
        let mut times = Vec::new();
        for operation in operations {
            times.push(self.perform(operation).await?);
        }
        Ok(times)
    }
}

/// Measures all contenders at a workload, round by round. The order turns at every round, so that
/// nobody is always the first.
pub async fn interleave(
    target: &dyn Target,
    contenders: &[Contender<'_>],
    workload: Workload,
    rounds: usize,
    stop: &Stop,
) -> Result<Vec<Measured>, BenchFault> {
    let mut players = Vec::new();
    for (index, contender) in contenders.iter().enumerate() {
        let namespace = target.namespace(index);
        let connect = Connect {
            socket: target.socket().to_owned(),
            namespace: namespace.clone(),
            rootfs: target.rootfs().map(ToOwned::to_owned),
        };
        let name = contender.name.clone();
        let opened = contender.factory.open(connect).await;
        let driver = opened.map_err(|fault| BenchFault::Driver { client: name.clone(), fault })?;
        players.push(Player { name, driver, namespace, asked: 0 });
    }
    let measured = take_turns(&mut players, workload, rounds, stop).await;
    let mut closed = Ok(());
    for player in players {
        let fault = player.driver.close(Close::Graceful).await.err();
        target.clean_up(&player.namespace).await?;
        if let Some(fault) = fault {
            closed = closed.and(Err(BenchFault::Driver { client: player.name, fault }));
        }
    }
    let measured = measured?;
    closed.map(|()| measured)
}

async fn take_turns(
    players: &mut [Player],
    workload: Workload,
    rounds: usize,
    stop: &Stop,
) -> Result<Vec<Measured>, BenchFault> {
    let empty = |client: &str, of| Measured { client: client.to_owned(), of, samples_us: vec![] };
    let mut whole: Vec<Measured> =
        players.iter().map(|player| empty(&player.name, workload.name())).collect();
    let mut inner: Vec<Measured> = match workload.inner() {
        Some((_, of)) => players.iter().map(|player| empty(&player.name, of)).collect(),
        None => Vec::new(),
    };
    for player in players.iter_mut() {
        player.all(workload.before()).await?;
    }
    for round in 0..WARM_UP + rounds {
        for turn in 0..players.len() {
            if stop.asked() {
                return Err(BenchFault::Stopped);
            }
            let index = (turn + round) % players.len();
            let times = players[index].all(workload.round(round)).await?;
            if round < WARM_UP {
                continue;
            }
            whole[index].samples_us.push(micros(times.iter().sum()));
            if let (Some((place, _)), Some(inner)) = (workload.inner(), inner.get_mut(index)) {
                inner.samples_us.push(micros(times[place]));
            }
        }
    }
    for player in players.iter_mut() {
        player.all(workload.after()).await?;
    }
    inner.extend(whole);
    Ok(inner)
}

fn micros(duration: Duration) -> u64 {
    u64::try_from(duration.as_micros()).unwrap_or(u64::MAX)
}
