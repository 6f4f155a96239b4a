//! Sums by method, and their differences.

use std::collections::BTreeMap;
use std::ops::Sub;

use crate::{Code, Ended, Rpc};

/// What was counted of one method.
///
/// ```
/// use rpc_ledger::{Count, Ledger, Opening, Rpc};
///
/// let (ledger, rpc) = (Ledger::new(), Rpc::from_path("/a.v1.A/One"));
/// let waiting = ledger.start(Opening::of(rpc.clone()));
/// let count: Count = ledger.counts().get(&rpc);
/// assert_eq!((count.started, count.in_flight()), (1, 1));
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Count {
    /// Calls started. Counted at the call, not at the reply: a wait may never reply.
    pub started: u64,
    /// Calls that ended with a status, by status.
    pub finished: BTreeMap<Code, u64>,
    /// Calls that the server's side ended without a status.
    pub broken: u64,
    /// Calls that the client gave up.
    pub cancelled: u64,
    /// Calls that the harness had a hand in: made to fail, delayed, cut.
    pub injected: u64,
    /// Message bytes from client to server.
    pub request_bytes: u64,
    /// Message bytes from server to client.
    pub reply_bytes: u64,
}

impl Count {
    /// Calls that have not ended.
    pub fn in_flight(&self) -> u64 {
        self.started - self.finished.values().sum::<u64>() - self.broken - self.cancelled
    }

    pub(crate) fn begin(&mut self, injected: bool) {
        self.started += 1;
        self.injected += u64::from(injected);
    }

    pub(crate) fn end(&mut self, ended: Ended) {
        match ended {
            Ended::Finished(code) => *self.finished.entry(code).or_default() += 1,
            Ended::Broken => self.broken += 1,
            Ended::Cancelled => self.cancelled += 1,
        }
    }
}

/// What was counted, by method.
///
/// ```
/// use rpc_ledger::{Code, Ledger, Opening, Rpc};
///
/// let (ledger, rpc) = (Ledger::new(), Rpc::from_path("/a.v1.A/One"));
/// ledger.start(Opening::of(rpc.clone())).finish(Code::new(5));
/// let count = ledger.counts().get(&rpc);
/// assert_eq!((count.started, count.finished[&Code::new(5)], count.in_flight()), (1, 1, 0));
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    pub(crate) by_rpc: BTreeMap<Rpc, Count>,
}

impl Counts {
    /// Of one method.
    pub fn get(&self, rpc: &Rpc) -> Count {
        self.by_rpc.get(rpc).cloned().unwrap_or_default()
    }

    /// All methods that were called.
    pub fn iter(&self) -> impl Iterator<Item = (&Rpc, &Count)> {
        self.by_rpc.iter()
    }

    /// All calls started.
    pub fn total_started(&self) -> u64 {
        self.by_rpc.values().map(|count| count.started).sum()
    }

    /// Calls started by `Service/Method`.
    pub fn started_by_short_name(&self) -> BTreeMap<String, u64> {
        let mut names = BTreeMap::new();
        for (rpc, count) in self.iter().filter(|(_, count)| count.started > 0) {
            *names.entry(rpc.short()).or_default() += count.started;
        }
        names
    }
}

/// What came to be between two counts of one ledger. Calls that were in flight at the first and
/// ended before the second have an end here and no start: `in_flight` has no meaning then.
impl Sub for Counts {
    type Output = Counts;

    fn sub(mut self, earlier: Counts) -> Counts {
        for (rpc, before) in earlier.by_rpc {
            let Some(count) = self.by_rpc.get_mut(&rpc) else { continue };
            count.started -= before.started;
            count.broken -= before.broken;
            count.cancelled -= before.cancelled;
            count.injected -= before.injected;
            count.request_bytes -= before.request_bytes;
            count.reply_bytes -= before.reply_bytes;
            for (code, number) in before.finished {
                if let Some(now) = count.finished.get_mut(&code) {
                    *now -= number;
                }
            }
            count.finished.retain(|_, number| *number > 0);
        }
        self.by_rpc.retain(|_, count| *count != Count::default());
        self
    }
}
