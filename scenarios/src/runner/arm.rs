//! One arm of a run: one driver against one target, case after case.

use std::collections::BTreeSet;
use std::path::Path;

use driver_protocol::{Capability, DriverFactory};
use run_record::{
    BudgetsRef, Compared, DriverRef, FaultsRef, GeneratedRef, Line, Orders, RunEnd, RunLine, Tally,
    TargetRef,
};

use super::beside::beside;
use super::crew::{Crew, Deal, play};
use super::part::{Sum, close, go};
use super::{RunFault, Stop};
use crate::budgets::Budget;
use crate::generate::{GENERATOR, Generation};
use crate::model::Coverage;
use crate::plot::Actors;
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
    pub scenarios: Vec<&'a Scenario>,
    /// What the model judges.
    pub modelled: Modelled<'a>,
    /// Who plays cases side by side, all but what failed once; `None`: they are played here, one after
    /// the other.
    pub crew: Option<Crew<'a>>,
    /// Each case is played there first, and held against what it came to. With it there is no crew.
    pub reference: Option<Box<Arm<'a>>>,
}

impl<'a> Arm<'a> {
    /// The same client on another target of the same kind, which goes through these alone.
    pub(super) fn on(
        &self,
        target: Box<dyn Target>,
        scenarios: Vec<&'a Scenario>,
        generation: Generation,
    ) -> Self {
        Self {
            run: self.run,
            factory: self.factory,
            driver: self.driver.clone(),
            capabilities: self.capabilities.clone(),
            target,
            budget: self.budget.clone(),
            faults: self.faults.clone(),
            known: self.known.clone(),
            scenarios,
            modelled: Modelled { regressions: &[], generation, ..self.modelled },
            crew: None,
            reference: None,
        }
    }
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
    /// How much of it was held against the reference.
    pub compared: Option<Compared>,
    /// How much of what was done at once was put in order.
    pub ordered: Orders,
}

/// Runs an arm to its end, and its reference with it. Lines are emitted as they come about, also when
/// it ends in a fault.
pub async fn run_arm(
    mut arm: Arm<'_>,
    stop: &Stop,
    emit: &mut (dyn FnMut(Line) + Send),
) -> Result<ArmEnd, RunFault> {
    if let Some(reference) = arm.reference.take() {
        return run_beside(arm, *reference, stop, emit).await;
    }
    announce(&arm, None, emit);
    let run = arm.run;
    let crew = arm.crew.take();
    let deal = crew.as_ref().map(|crew| Deal {
        // Faults of a file are of one target, and so is a time in which nobody waits.
        scenarios: match crew.apart || arm.faults.is_some() {
            true => Vec::new(),
            false => std::mem::take(&mut arm.scenarios),
        },
        generation: std::mem::take(&mut arm.modelled.generation),
    });
    let mut went = go(&arm, stop, emit).await;
    let mut crewed = None;
    if let (Ok(_), Some(crew), Some(deal)) = (&went, crew, deal) {
        match play(&arm, crew, deal, stop, emit) {
            Ok(sum) => crewed = Some(sum),
            Err(fault) => went = Err(fault),
        }
    }
    let mut sum = close(arm.target, went).await?;
    sum.add(crewed.unwrap_or_default());
    Ok(end(run, sum, emit))
}

/// Runs two arms, case by case.
async fn run_beside(
    arm: Arm<'_>,
    reference: Arm<'_>,
    stop: &Stop,
    emit: &mut (dyn FnMut(Line) + Send),
) -> Result<ArmEnd, RunFault> {
    announce(&reference, None, emit);
    announce(&arm, Some(reference.target.describe()), emit);
    let (first, second) = (reference.run, arm.run);
    let (theirs, own) = beside(arm, reference, stop, emit).await?;
    let (theirs, mut own) = (end(first, theirs, emit), end(second, own, emit));
    own.valid &= theirs.valid;
    own.tally.pass += theirs.tally.pass;
    own.tally.fail += theirs.tally.fail;
    own.tally.skip += theirs.tally.skip;
    Ok(own)
}

fn announce(arm: &Arm<'_>, reference: Option<TargetRef>, emit: &mut (dyn FnMut(Line) + Send)) {
    emit(Line::Run(RunLine {
        run: arm.run,
        driver: arm.driver.clone(),
        target: arm.target.describe(),
        budgets: arm
            .budget
            .promises()
            .then(|| BudgetsRef { path: arm.budget.path.clone(), hash: arm.budget.hash.clone() }),
        faults: arm.faults.clone(),
        reference: reference.map(Box::new),
        generated: (!arm.modelled.generation.cases.is_empty()).then(|| GeneratedRef {
            generator: GENERATOR,
            seed: arm.modelled.generation.seed,
            actors: arm.modelled.generation.actors.map(Actors::count),
        }),
    }));
}

fn end(run: u32, sum: Sum, emit: &mut (dyn FnMut(Line) + Send)) -> ArmEnd {
    let valid = sum.valid();
    emit(Line::RunEnd(Box::new(RunEnd {
        run,
        ledger_total: sum.player,
        observer_total: sum.observer,
        daemon_total: sum.daemon,
        faults_unfired: sum.unfired,
        coverage: sum.coverage.by_name(),
        differential: sum.compared,
        ordered: (sum.ordered != Orders::default()).then_some(sum.ordered),
        verdicts: sum.verdicts,
    })));
    let Sum { tally, coverage, compared, ordered, .. } = sum;
    ArmEnd { tally, valid, coverage, compared, ordered }
}
