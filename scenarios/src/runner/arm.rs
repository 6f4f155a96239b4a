//! One arm of a run: one driver against one target, case after case.

use std::collections::BTreeSet;

use driver_protocol::{Capability, DriverFactory};
use run_record::{
    BudgetsRef, CaseEnd, CaseLine, CheckResult, DriverRef, FaultsRef, Line, Rpcs, RunEnd, RunLine,
    Tally, Verdict,
};

use super::case::play;
use super::{RunFault, Stop};
use crate::budgets::Budget;
use crate::{KnownFailures, Scenario, Stage, Target};

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
}

/// How it ended.
#[derive(Clone, Copy, Debug)]
pub struct ArmEnd {
    /// Cases by verdict.
    pub tally: Tally,
    /// Whether the harness found no fault in itself.
    pub valid: bool,
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
    }));
    let mut tally = Tally::default();
    let mut owned = Rpcs::new();
    let mut fault = None;
    for (index, scenario) in arm.scenarios.iter().enumerate() {
        if let Some(reason) = skipped(scenario, &arm) {
            skip(&arm, scenario, reason, emit);
            tally.add(CheckResult::Skip);
            continue;
        }
        match play(&arm, index, scenario, stop, emit).await {
            Ok(end) => {
                tally.add(end.result);
                for (rpc, count) in end.rpcs {
                    *owned.entry(rpc).or_default() += count;
                }
            }
            Err(error) => {
                fault = Some(cause(&*arm.target, error).await);
                break;
            }
        }
    }
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
        verdicts,
    })));
    Ok(ArmEnd { tally, valid })
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

fn skipped(scenario: &Scenario, arm: &Arm<'_>) -> Option<String> {
    let kind = arm.target.describe().kind;
    match scenario.stage {
        Stage::MockOnly(reason) if kind != "mock" => return Some(reason.to_owned()),
        Stage::RealOnly(reason) if kind != "real" => return Some(reason.to_owned()),
        _ => {}
    }
    let lacks: Vec<&str> = scenario
        .needs()
        .difference(&arm.capabilities)
        .map(|capability| capability.as_str())
        .collect();
    if !lacks.is_empty() {
        return Some(format!("{} lacks {}", arm.driver.name, lacks.join(" and ")));
    }
    let needs = scenario.needs();
    if needs.contains(&Capability::Images)
        && let Err(reason) = arm.target.archive()
    {
        return Some(reason);
    }
    let checkpoint = needs.contains(&Capability::Checkpoint);
    checkpoint.then(|| arm.target.can_checkpoint().err()).flatten()
}

fn skip(arm: &Arm<'_>, scenario: &Scenario, reason: String, emit: &mut (dyn FnMut(Line) + Send)) {
    let case = scenario.case();
    emit(Line::Case(CaseLine { run: arm.run, case: case.clone() }));
    emit(Line::CaseEnd(Box::new(CaseEnd {
        run: arm.run,
        case,
        connect: Rpcs::new(),
        connects: 0,
        background: Rpcs::new(),
        overlap: Default::default(),
        left_behind: Vec::new(),
        faults: Vec::new(),
        verdicts: Vec::new(),
        verdict: CheckResult::Skip,
        skipped: Some(reason),
    })));
}
