//! Accounts of one case: every call with its owner, and sums by owner.

use std::collections::BTreeMap;

use driver_protocol::ErrorKind;
use rpc_ledger::{CallRecord, ConnectSpan, Ended, Owner, StepId, StepSpan, assign};
use run_record::{CallLine, Rpcs, classify};

/// How many calls were made to fail, by method and kind.
pub(super) type Failed = BTreeMap<(String, ErrorKind), u64>;

/// The calls of a case and who owns them.
pub(super) struct Accounts {
    calls: Vec<(CallRecord, Owner)>,
    /// On how many containers a step acts.
    containers: BTreeMap<StepId, u64>,
}

impl Accounts {
    pub(super) fn new(
        calls: Vec<CallRecord>,
        connects: &[ConnectSpan],
        steps: &[StepSpan],
        containers: BTreeMap<StepId, u64>,
    ) -> Self {
        let owners = assign(&calls, connects, steps);
        Self { calls: calls.into_iter().zip(owners).collect(), containers }
    }

    /// RPCs that an owner started.
    fn sum(&self, owned: impl Fn(&Owner) -> bool) -> Rpcs {
        let mut rpcs = Rpcs::new();
        for (call, owner) in &self.calls {
            if owned(owner) {
                *rpcs.entry(call.rpc.short()).or_default() += 1;
            }
        }
        rpcs
    }

    pub(super) fn of_step(&self, step: StepId) -> Rpcs {
        self.sum(|owner| *owner == Owner::Step(step))
    }

    pub(super) fn of_connect(&self) -> Rpcs {
        self.sum(|owner| *owner == Owner::Connect)
    }

    pub(super) fn of_background(&self) -> Rpcs {
        self.sum(|owner| *owner == Owner::Background)
    }

    /// Calls that several steps share, by those steps.
    pub(super) fn overlaps(&self) -> BTreeMap<Vec<StepId>, Rpcs> {
        let mut overlaps: BTreeMap<Vec<StepId>, Rpcs> = BTreeMap::new();
        for (call, owner) in &self.calls {
            if let Owner::Overlap(steps) = owner {
                let rpcs = overlaps.entry(steps.clone()).or_default();
                *rpcs.entry(call.rpc.short()).or_default() += 1;
            }
        }
        overlaps
    }

    /// How the calls of a step ended.
    pub(super) fn codes_of_step(&self, step: StepId) -> BTreeMap<String, u64> {
        let mut codes = BTreeMap::new();
        for (call, owner) in &self.calls {
            if *owner == Owner::Step(step) {
                *codes.entry(call.ending()).or_default() += 1;
            }
        }
        codes
    }

    /// Calls of an owner that were made to fail, by method and by what the client was told. What was
    /// cut off is told as unavailable.
    fn failed_by_us(&self, owned: impl Fn(&Owner) -> bool) -> Failed {
        let mut failed = Failed::new();
        let injected = self.calls.iter().filter(|(call, owner)| call.injected && owned(owner));
        for (call, _) in injected {
            let kind = match call.ended {
                Some(Ended::Finished(code)) => ErrorKind::from_grpc(code.number()),
                Some(Ended::Broken) => Some(ErrorKind::Unavailable),
                Some(Ended::Cancelled) | None => None,
            };
            if let Some(kind) = kind {
                *failed.entry((call.rpc.short(), kind)).or_default() += 1;
            }
        }
        failed
    }

    pub(super) fn failed_of_step(&self, step: StepId) -> Failed {
        self.failed_by_us(|owner| *owner == Owner::Step(step))
    }

    pub(super) fn failed_of_connect(&self) -> Failed {
        self.failed_by_us(|owner| *owner == Owner::Connect)
    }

    pub(super) fn failed_of_background(&self) -> Failed {
        self.failed_by_us(|owner| *owner == Owner::Background)
    }

    /// All calls.
    pub(super) fn all(&self) -> Rpcs {
        self.sum(|_| true)
    }

    /// Lines of all calls, with what each was good for.
    pub(super) fn lines(&self, run: u32, case: &str) -> Vec<CallLine> {
        let line =
            |(call, owner): &(CallRecord, Owner)| CallLine::new(run, case, owner.clone(), call);
        let mut lines: Vec<CallLine> = self.calls.iter().map(line).collect();
        classify(&mut lines, |step| self.containers.get(&step).copied().unwrap_or(1));
        lines
    }
}
