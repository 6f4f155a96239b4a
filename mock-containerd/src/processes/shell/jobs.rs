//! What a shell has begun with `&`. It ends with the shell.

use std::collections::BTreeMap;
use std::future::Future;

use tokio::task::{AbortHandle, JoinSet};

use super::super::signal::{self, SIGTERM};
use super::super::signals::{Disposition, Signals};

/// Of the first job; any number that is no other process's.
const FIRST: u32 = 100;
/// Ends that nobody asked for are forgotten beyond this many, the oldest first.
const KNOWN_MAX: usize = 256;

#[derive(Debug)]
struct Job {
    handle: AbortHandle,
    signals: Signals,
    /// By this signal.
    killed: Option<u32>,
    status: Option<u32>,
}

/// By pid.
#[derive(Debug, Default)]
pub(super) struct Jobs {
    running: JoinSet<u32>,
    known: BTreeMap<u32, Job>,
    begun: u32,
}

impl Jobs {
    pub(super) fn begin(
        &mut self,
        signals: Signals,
        job: impl Future<Output = u32> + Send + 'static,
    ) {
        while let Some(ended) = self.running.try_join_next_with_id() {
            self.note(ended);
        }
        while self.known.len() >= KNOWN_MAX {
            self.known.pop_first();
        }
        let handle = self.running.spawn(job);
        let job = Job { handle, signals, killed: None, status: None };
        self.known.insert(FIRST + self.begun, job);
        self.begun += 1;
    }

    /// `$!`
    pub(super) fn last(&self) -> Option<u32> {
        self.begun.checked_sub(1).map(|before| FIRST + before)
    }

    pub(super) fn knows(&self, pid: u32) -> bool {
        self.known.contains_key(&pid)
    }

    pub(super) fn all(&self) -> Vec<u32> {
        self.known.keys().copied().collect()
    }

    /// Signal 0 only asks. False: no such job runs.
    pub(super) fn signal(&mut self, pid: u32, number: u32) -> bool {
        let Some(job) = self.known.get_mut(&pid).filter(|job| !job.handle.is_finished()) else {
            return false;
        };
        if number == 0 {
            return true;
        }
        match job.signals.disposition(number) {
            Disposition::Handled => job.signals.deliver(number),
            Disposition::Ignored => {}
            Disposition::Default if signal::is_harmless(number) => {}
            Disposition::Default => {
                job.killed = Some(number);
                job.handle.abort();
            }
        }
        true
    }

    /// Its status, once it has ended. May be dropped and asked again: nothing is lost.
    pub(super) async fn ended(&mut self, pid: u32) -> u32 {
        loop {
            if let Some(status) = self.known.get(&pid).and_then(|job| job.status) {
                self.known.remove(&pid);
                return status;
            }
            match self.running.join_next_with_id().await {
                Some(ended) => self.note(ended),
                // As for one that was never known.
                None => return 127,
            }
        }
    }

    fn note(&mut self, ended: Result<(tokio::task::Id, u32), tokio::task::JoinError>) {
        let (id, status) = match ended {
            Ok((id, status)) => (id, Some(status)),
            Err(error) => (error.id(), None),
        };
        if let Some(job) = self.known.values_mut().find(|job| job.handle.id() == id) {
            job.status = status.or(Some(128 + job.killed.unwrap_or(SIGTERM)));
        }
    }
}
