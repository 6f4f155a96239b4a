//! Clients take turns on one target.

use std::path::PathBuf;
use std::time::Duration;

use driver_protocol::{Close, Connect, DriverFactory, DriverFault};
use laconic_scenarios::{Stop, Target, TargetFault};

use crate::player::{Player, Turn};
use crate::{Cost, Measured, Spent, Workload};

/// Turns that warm connections and caches, and are not counted.
const WARM_UP: usize = 3;

/// A client that is measured.
pub struct Contender<'f> {
    /// Names it.
    pub name: String,
    /// Opens it.
    pub factory: &'f dyn DriverFactory,
    /// Where its process tells what it has allocated, before each answer: pieces and bytes.
    pub allocations: Option<PathBuf>,
}

/// How much is asked of each.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Load {
    /// What is done in a round.
    pub workload: Workload,
    /// So many at once, each in a container of its own.
    pub workers: usize,
    /// Turns of each client.
    pub turns: usize,
    /// Rounds of each worker in a turn.
    pub rounds: usize,
}

impl Load {
    /// Of all workers.
    pub fn rounds_in_turn(&self) -> usize {
        self.workers * self.rounds
    }
}

/// What came of it.
#[derive(Clone, Debug, Default)]
pub struct Measurements {
    /// How long things took: of each client, first what is timed by itself, then whole rounds.
    pub times: Vec<Measured>,
    /// What they cost; of clients in a process of their own, more than the rate.
    pub spent: Vec<Spent>,
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
    /// What a client uses could not be read.
    #[error("{client}: cannot read what it uses: {cause}")]
    Usage {
        /// Whose.
        client: String,
        /// Why not.
        cause: String,
    },
    /// The target failed.
    #[error(transparent)]
    Target(#[from] TargetFault),
    /// Somebody asked for a stop.
    #[error("stopped")]
    Stopped,
}

/// Measures all contenders under a load, turn by turn. The order changes at every turn, so that
/// nobody is always the first.
pub async fn interleave(
    target: &dyn Target,
    contenders: &[Contender<'_>],
    load: Load,
    stop: &Stop,
) -> Result<Measurements, BenchFault> {
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
        players.push(Player::new(name, driver, namespace, contender.allocations.clone()));
    }
    let turns = take_turns(&mut players, load, stop).await;
    let mut closed = Ok(());
    for player in players {
        let (client, namespace) = (player.name.clone(), player.namespace.clone());
        let fault = player.driver.close(Close::Graceful).await.err();
        target.clean_up(&namespace).await?;
        if let Some(fault) = fault {
            closed = closed.and(Err(BenchFault::Driver { client, fault }));
        }
    }
    let turns = turns?;
    closed.map(|()| {
        let names = contenders.iter().map(|contender| contender.name.as_str());
        measurements(&names.zip(turns).collect::<Vec<_>>(), load)
    })
}

/// The turns of each player.
async fn take_turns(
    players: &mut [Player],
    load: Load,
    stop: &Stop,
) -> Result<Vec<Vec<Turn>>, BenchFault> {
    let mut turns: Vec<Vec<Turn>> = players.iter().map(|_| Vec::new()).collect();
    for player in players.iter_mut() {
        player.prepare(load).await?;
    }
    for number in 0..WARM_UP + load.turns {
        for place in 0..players.len() {
            if stop.asked() {
                return Err(BenchFault::Stopped);
            }
            let index = (place + number) % players.len();
            let turn = players[index].turn(load, number).await?;
            if number >= WARM_UP {
                turns[index].push(turn);
            }
        }
    }
    for player in players.iter_mut() {
        player.finish(load).await?;
    }
    Ok(turns)
}

fn measurements(turns: &[(&str, Vec<Turn>)], load: Load) -> Measurements {
    let mut measurements = Measurements::default();
    let times = |of, time: &dyn Fn(&[Duration]) -> Duration| {
        turns
            .iter()
            .map(move |(client, turns)| Measured {
                client: (*client).to_owned(),
                of,
                samples_us: turns
                    .iter()
                    .flat_map(|turn| &turn.rounds)
                    .map(|r| micros(time(r)))
                    .collect(),
            })
            .collect::<Vec<_>>()
    };
    if let Some((place, of)) = load.workload.inner() {
        measurements.times.extend(times(of, &|round| round[place]));
    }
    measurements.times.extend(times(load.workload.name(), &|round| round.iter().sum()));
    let rounds = load.rounds_in_turn() as f64;
    let mut cost = |cost, of: &dyn Fn(&Turn) -> Option<f64>| {
        for (client, turns) in turns {
            let turns: Option<Vec<f64>> = turns.iter().map(of).collect();
            let client = (*client).to_owned();
            measurements.spent.extend(turns.map(|turns| Spent { client, cost, turns }));
        }
    };
    cost(Cost::RoundsPerSecond, &|turn| Some(rounds / turn.taken.as_secs_f64()));
    let used = |of: fn(&Turn) -> Option<u64>, each: f64| {
        move |turn: &Turn| of(turn).map(|used| used as f64 / each)
    };
    cost(Cost::CpuMicros, &used(|turn| Some(turn.used?.cpu_ns), rounds * 1000.0));
    cost(Cost::VoluntarySwitches, &used(|turn| Some(turn.used?.voluntary), rounds));
    cost(Cost::InvoluntarySwitches, &used(|turn| Some(turn.used?.involuntary), rounds));
    cost(Cost::Allocations, &used(|turn| Some(turn.allocated?.pieces), rounds));
    cost(Cost::AllocatedBytes, &used(|turn| Some(turn.allocated?.bytes), rounds));
    measurements
}

fn micros(duration: Duration) -> u64 {
    u64::try_from(duration.as_micros()).unwrap_or(u64::MAX)
}
