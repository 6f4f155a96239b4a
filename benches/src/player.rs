//! One client under load.

use std::path::PathBuf;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use driver_protocol::{Driver, Operation, Request, RequestId};
use futures_util::future::try_join_all;

use crate::interleave::{BenchFault, Load};
use crate::{Account, Used, Workload};

/// Many workers share two processors with all that they have started.
const DEADLINE_MS: u64 = 60_000;

/// What a process has allocated since it began.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Allocated {
    pub(crate) pieces: u64,
    pub(crate) bytes: u64,
}

/// What came of one turn.
#[derive(Debug)]
pub(crate) struct Turn {
    pub(crate) taken: Duration,
    /// Of each round its operations.
    pub(crate) rounds: Vec<Vec<Duration>>,
    /// Of a client in a process of its own.
    pub(crate) used: Option<Used>,
    /// Of one that tells.
    pub(crate) allocated: Option<Allocated>,
}

pub(crate) struct Player {
    pub(crate) name: String,
    pub(crate) driver: Box<dyn Driver>,
    pub(crate) namespace: String,
    asked: AtomicU64,
    account: Option<Account>,
    allocations: Option<PathBuf>,
}

impl Player {
    pub(crate) fn new(
        name: String,
        driver: Box<dyn Driver>,
        namespace: String,
        allocations: Option<PathBuf>,
    ) -> Self {
        let account = driver.process().map(Account::of);
        Self { name, driver, namespace, asked: AtomicU64::new(0), account, allocations }
    }

    async fn perform(
        &self,
        workload: Workload,
        operation: Operation,
    ) -> Result<Duration, BenchFault> {
        let name = operation.name();
        let id = RequestId(self.asked.fetch_add(1, Ordering::Relaxed) + 1);
        let request = Request { id, deadline_ms: DEADLINE_MS, traceparent: None, operation };
        let begun = Instant::now();
        let outcome = self.driver.perform(request).await;
        let elapsed = begun.elapsed();
        match outcome {
            Ok(outcome) if workload.expects(&outcome) => Ok(elapsed),
            Ok(outcome) => Err(BenchFault::Refused {
                client: self.name.clone(),
                operation: name,
                outcome: format!("{outcome:?}"),
            }),
            Err(fault) => Err(BenchFault::Driver { client: self.name.clone(), fault }),
        }
    }

    async fn all(
        &self,
        workload: Workload,
        operations: Vec<Operation>,
    ) -> Result<Vec<Duration>, BenchFault> {
        let mut times = Vec::new();
        for operation in operations {
            times.push(self.perform(workload, operation).await?);
        }
        Ok(times)
    }

    pub(crate) async fn prepare(&self, load: Load) -> Result<(), BenchFault> {
        for worker in 0..load.workers {
            self.all(load.workload, load.workload.before(worker)).await?;
        }
        Ok(())
    }

    pub(crate) async fn finish(&self, load: Load) -> Result<(), BenchFault> {
        for worker in 0..load.workers {
            self.all(load.workload, load.workload.after(worker)).await?;
        }
        Ok(())
    }

    async fn work(
        &self,
        load: Load,
        worker: usize,
        turn: usize,
    ) -> Result<Vec<Vec<Duration>>, BenchFault> {
        let mut rounds = Vec::new();
        for round in 0..load.rounds {
            let operations = load.workload.round(worker, turn * load.rounds + round);
            rounds.push(self.all(load.workload, operations).await?);
        }
        Ok(rounds)
    }

    /// All workers at once, each its rounds.
    pub(crate) async fn turn(&mut self, load: Load, number: usize) -> Result<Turn, BenchFault> {
        let (used_before, allocated_before) = (self.used()?, self.allocated()?);
        let begun = Instant::now();
        let working = (0..load.workers).map(|worker| self.work(load, worker, number));
        let rounds = try_join_all(working).await?.into_iter().flatten().collect();
        let taken = begun.elapsed();
        let used = self.used()?.zip(used_before).map(|(now, before)| now.since(before));
        let since = |(now, before): (Allocated, Allocated)| Allocated {
            pieces: now.pieces - before.pieces,
            bytes: now.bytes - before.bytes,
        };
        let allocated = self.allocated()?.zip(allocated_before).map(since);
        Ok(Turn { taken, rounds, used, allocated })
    }

    fn unreadable(&self, cause: impl ToString) -> BenchFault {
        BenchFault::Usage { client: self.name.clone(), cause: cause.to_string() }
    }

    fn used(&mut self) -> Result<Option<Used>, BenchFault> {
        let read = self.account.as_mut().map(Account::read).transpose();
        read.map_err(|error| self.unreadable(error))
    }

    fn allocated(&self) -> Result<Option<Allocated>, BenchFault> {
        let Some(path) = &self.allocations else { return Ok(None) };
        let told = std::fs::read_to_string(path).map_err(|error| self.unreadable(error))?;
        let mut numbers = told.split_whitespace().map(str::parse);
        match (numbers.next(), numbers.next()) {
            (Some(Ok(pieces)), Some(Ok(bytes))) => Ok(Some(Allocated { pieces, bytes })),
            _ => Err(self.unreadable(format!("it told {told:?} of its allocations"))),
        }
    }
}
