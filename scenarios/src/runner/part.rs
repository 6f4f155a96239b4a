//! What one target sees of an arm: its cases, its end, and whether its counts agree.

use run_record::{CheckResult, Compared, Line, Orders, Rpcs, Tally, Verdict};

use super::arm::Arm;
use super::going::Going;
use super::{RunFault, Stop};
use crate::Target;
use crate::model::Coverage;

/// What its cases came to.
#[derive(Debug, Default)]
pub(super) struct Went {
    pub(super) tally: Tally,
    pub(super) owned: Rpcs,
    pub(super) coverage: Coverage,
    /// How much was held against a reference, if there was one.
    pub(super) compared: Option<Compared>,
    /// How much of what was done at once was put in order.
    pub(super) ordered: Orders,
}

/// What one target or several saw.
#[derive(Debug, Default)]
pub(super) struct Sum {
    pub(super) tally: Tally,
    pub(super) player: Rpcs,
    pub(super) observer: Rpcs,
    pub(super) daemon: Option<Rpcs>,
    pub(super) unfired: Vec<String>,
    pub(super) coverage: Coverage,
    pub(super) compared: Option<Compared>,
    pub(super) ordered: Orders,
    /// One for each check that passed, and all others.
    pub(super) verdicts: Vec<Verdict>,
}

impl Sum {
    /// Another target's.
    pub(super) fn add(&mut self, more: Self) {
        self.tally.pass += more.tally.pass;
        self.tally.fail += more.tally.fail;
        self.tally.skip += more.tally.skip;
        add(&mut self.player, &more.player);
        add(&mut self.observer, &more.observer);
        if let Some(daemon) = &more.daemon {
            add(self.daemon.get_or_insert_default(), daemon);
        }
        self.unfired.extend(more.unfired);
        self.coverage.add(&more.coverage);
        self.ordered.add(&more.ordered);
        for verdict in more.verdicts {
            if verdict.result != CheckResult::Pass || !self.verdicts.contains(&verdict) {
                self.verdicts.push(verdict);
            }
        }
    }

    /// Whether the harness found no fault in itself.
    pub(super) fn valid(&self) -> bool {
        !self.verdicts.iter().any(Verdict::failed)
    }
}

pub(super) fn add(sums: &mut Rpcs, more: &Rpcs) {
    for (rpc, count) in more {
        *sums.entry(rpc.clone()).or_default() += count;
    }
}

/// Goes through the cases of an arm on its target.
pub(super) async fn go(
    arm: &Arm<'_>,
    stop: &Stop,
    emit: &mut (dyn FnMut(Line) + Send),
) -> Result<Went, RunFault> {
    let mut going = Going::new(arm, stop, emit);
    match going.all().await {
        Ok(()) => Ok(going.went().1),
        Err(error) => Err(cause(&*arm.target, error).await),
    }
}

/// Ends a target, also after a fault.
pub(super) async fn close(
    target: Box<dyn Target>,
    went: Result<Went, RunFault>,
) -> Result<Sum, RunFault> {
    let closed = target.close().await;
    let Went { tally, owned, coverage, compared, ordered } = went?;
    let closing =
        closed.map_err(|fault| RunFault::Target { case: "closing the target".into(), fault })?;
    let mut verdicts = closing.verdicts;
    verdicts.push(conservation(&owned, &closing.player));
    let (player, observer, daemon) = (closing.player, closing.observer, closing.daemon);
    let unfired = closing.unfired;
    Ok(Sum { tally, player, observer, daemon, unfired, coverage, compared, ordered, verdicts })
}

/// How long a server that took everything down with it may take to be found dead.
const DEATH_LIMIT_MS: u64 = 1_000;

/// When the server has died, whatever else went wrong went wrong because of that.
pub(super) async fn cause(target: &dyn Target, fault: RunFault) -> RunFault {
    let case = match &fault {
        RunFault::Stopped { .. } => return fault,
        RunFault::Driver { case, .. } | RunFault::Target { case, .. } => case.clone(),
    };
    let limit = std::time::Duration::from_millis(DEATH_LIMIT_MS);
    match tokio::time::timeout(limit, target.died()).await {
        Ok(died) => RunFault::Target { case, fault: died },
        Err(_) => fault,
    }
}

fn conservation(owned: &Rpcs, total: &Rpcs) -> Verdict {
    if owned == total {
        return Verdict::pass("conservation");
    }
    let detail = format!("the owners hold {owned:?}, the tap counted {total:?}");
    Verdict::fail("conservation", detail)
}
