//! One arm of a run: one driver against one target, case after case.

use std::collections::BTreeSet;
use std::path::Path;

use driver_protocol::{Capability, DriverFactory};
use run_record::{
    BudgetsRef, DriverRef, FaultsRef, GeneratedRef, Line, Rpcs, RunEnd, RunLine, Tally, Verdict,
};

use super::going::Going;
use super::{RunFault, Stop};
use crate::budgets::Budget;
use crate::generate::{GENERATOR, Generation};
use crate::model::Coverage;
use crate::{KnownFailures, Replay, Scenario, Target};

/// What is run.
pub struct Arm<'a> {
    /// Names the run within the record.
    pub run: u32,
    /// Who is driven.
    pub factory: &'a dyn DriverFactory,
    /// Who it says it is.
    pub driver: DriverRef,
    /// What it says it can do.
    pub capabilities: BTreeSet<Capability>,
    /// Against what.
    pub target: Box<dyn Target>,
    /// By which budget it is judged.
    pub budget: Budget,
    /// What is made to go wrong.
    pub faults: Option<FaultsRef>,
    /// What it is known to fail.
    pub known: KnownFailures,
    /// What it goes through.
    pub scenarios: &'a [Scenario],
    /// What the model judges.
    pub modelled: Modelled<'a>,
}

/// Cases of moves.
#[derive(Clone, Debug, Default)]
pub struct Modelled<'a> {
    /// What failed once; played first.
    pub regressions: &'a [Replay],
    /// What nobody thought of; played last.
    pub generation: Generation,
    /// Where generated cases that fail are kept, made small.
    pub keep: Option<&'a Path>,
    /// Whether calls of cases that pass are lines of the record, too.
    pub calls: bool,
}

/// How it ended.
#[derive(Clone, Debug)]
pub struct ArmEnd {
    /// Cases by verdict.
    pub tally: Tally,
    /// Whether the harness found no fault in itself.
    pub valid: bool,
    /// What its generated cases and regressions met.
    pub coverage: Coverage,
}

/// Runs an arm to its end. Lines are emitted as they come about, also when it ends in a fault.
pub async fn run_arm(
    arm: Arm<'_>,
    stop: &Stop,
    emit: &mut (dyn FnMut(Line) + Send),
) -> Result<ArmEnd, RunFault> {
    emit(Line::Run(RunLine {
        run: arm.run,
        driver: arm.driver.clone(),
        target: arm.target.describe(),
        budgets: arm
            .budget
            .promises()
            .then(|| BudgetsRef { path: arm.budget.path.clone(), hash: arm.budget.hash.clone() }),
        faults: arm.faults.clone(),
        generated: (!arm.modelled.generation.cases.is_empty())
            .then_some(GeneratedRef { generator: GENERATOR, seed: arm.modelled.generation.seed }),
    }));
    let mut going = Going::new(&arm, stop, emit);
    let fault = match going.all().await {
        Ok(()) => None,
        Err(error) => Some(cause(&*arm.target, error).await),
    };
    let Going { tally, owned, coverage, .. } = going;
    let closed = arm.target.close().await;
    if let Some(fault) = fault {
        return Err(fault);
    }
    let closing =
        closed.map_err(|fault| RunFault::Target { case: "closing the target".into(), fault })?;
    let mut verdicts = closing.verdicts;
    verdicts.push(conservation(&owned, &closing.player));
    let valid = !verdicts.iter().any(Verdict::failed);
    emit(Line::RunEnd(Box::new(RunEnd {
        run: arm.run,
        ledger_total: closing.player,
        observer_total: closing.observer,
        daemon_total: closing.daemon,
        faults_unfired: closing.unfired,
        coverage: coverage.by_name(),
        verdicts,
    })));
    Ok(ArmEnd { tally, valid, coverage })
}

/// How long a server that took everything down with it may take to be found dead.
const DEATH_LIMIT_MS: u64 = 1_000;

/// When the server has died, whatever else went wrong went wrong because of that.
async fn cause(target: &dyn Target, fault: RunFault) -> RunFault {
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
