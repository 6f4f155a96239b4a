//! Going through the cases of an arm: what failed once, what is named, what is generated.

use driver_protocol::Capability;
use run_record::{CaseEnd, CaseLine, CheckResult, Compared, Line, Orders, Rpcs, Tally};

use super::arm::Arm;
use super::case::{Played, play};
use super::course::Case;
use super::part::{Went, add};
use super::shrink::shrink;
use super::{RunFault, Stop};
use crate::model::Coverage;
use crate::{Replay, Replayed, Scenario, Stage};

pub(super) type Emit<'e> = &'e mut (dyn FnMut(Line) + Send);

/// How far it has come.
pub(super) struct Going<'g, 'a> {
    /// Where each case is played first.
    pub(super) reference: Option<Box<Going<'g, 'a>>>,
    pub(super) arm: &'g Arm<'a>,
    pub(super) stop: &'g Stop,
    emit: Emit<'g>,
    /// Cases that were played: each has a namespace of its own.
    played: usize,
    tally: Tally,
    owned: Rpcs,
    /// What attempts cost that are not told yet.
    attempted: Rpcs,
    coverage: Coverage,
    compared: Compared,
    ordered: Orders,
}

impl<'g, 'a> Going<'g, 'a> {
    pub(super) fn new(arm: &'g Arm<'a>, stop: &'g Stop, emit: Emit<'g>) -> Self {
        Self {
            reference: None,
            arm,
            stop,
            emit,
            played: 0,
            tally: Tally::default(),
            owned: Rpcs::new(),
            attempted: Rpcs::new(),
            coverage: Coverage::default(),
            compared: Compared::default(),
            ordered: Orders::default(),
        }
    }

    /// The same, with each case played there first.
    pub(super) fn beside(self, reference: Self) -> Self {
        Self { reference: Some(Box::new(reference)), ..self }
    }

    /// What it came to, and before that what its reference did.
    pub(super) fn went(self) -> (Option<Went>, Went) {
        let compared = self.reference.is_some().then_some(self.compared);
        let theirs = self.reference.map(|one| one.went().1);
        let Self { tally, owned, coverage, ordered, .. } = self;
        (theirs, Went { tally, owned, coverage, compared, ordered })
    }

    pub(super) async fn all(&mut self) -> Result<(), RunFault> {
        for replay in self.arm.modelled.regressions {
            match self.unfit(replay) {
                Some(reason) => self.skip(&replay.case(), reason),
                None => drop(self.play(&Case::of_replay(&replay.case(), replay)).await?),
            }
        }
        for scenario in &self.arm.scenarios {
            match self.skipped(scenario) {
                Some(reason) => self.skip(&scenario.case(), reason),
                None => drop(self.play(&Case::named(scenario)).await?),
            }
        }
        let generation = &self.arm.modelled.generation;
        for number in &generation.cases {
            let drawn = generation.drawn(*number);
            let end = self.play(&Case::of_drawn(&generation.id(*number), &drawn)).await?;
            if let (Some(check), Some(folder)) = (end.failed.first(), self.arm.modelled.keep) {
                shrink(self, *number, check, folder).await?;
            }
        }
        Ok(())
    }

    /// Plays a case that counts.
    async fn play(&mut self, case: &Case<'_>) -> Result<Played, RunFault> {
        let index = self.next();
        let Some(reference) = &mut self.reference else {
            let end = play(self.arm, index, case, self.stop, self.emit).await?;
            return Ok(self.counted(end));
        };
        let first = Box::pin(reference.play(&case.calm())).await?;
        let beside = case.beside(first.trace);
        let mut end = play(self.arm, index, &beside, self.stop, self.emit).await?;
        end.failed.extend(first.failed);
        Ok(self.counted(end))
    }

    fn counted(&mut self, end: Played) -> Played {
        self.tally.add(end.result);
        add(&mut self.owned, &end.rpcs);
        self.coverage.add(&end.coverage);
        self.compared.add(&end.compared);
        self.ordered.add(&end.ordered);
        end
    }

    /// Plays a case that does not: whether it fails is all that is wanted.
    pub(super) async fn attempt(&mut self, case: &Case<'_>) -> Result<Played, RunFault> {
        let index = self.next();
        let Some(reference) = &mut self.reference else {
            let end = play(self.arm, index, case, self.stop, &mut |_| ()).await?;
            add(&mut self.attempted, &end.rpcs);
            return Ok(end);
        };
        let first = Box::pin(reference.attempt(&case.calm())).await?;
        let beside = case.beside(first.trace);
        let mut end = play(self.arm, index, &beside, self.stop, &mut |_| ()).await?;
        add(&mut self.attempted, &end.rpcs);
        end.failed.extend(first.failed);
        Ok(end)
    }

    fn next(&mut self) -> usize {
        self.played += 1;
        self.played - 1
    }

    /// Why what failed once is not played here.
    fn unfit(&self, replay: &Replay) -> Option<String> {
        if !replay.profiles.contains(&self.arm.target.describe().profile) {
            return Some(format!("it is for {}", replay.profiles.join(", ")));
        }
        let compared = self.reference.is_some() && matches!(replay.play, Replayed::Plot(_));
        compared.then(|| "what several do at once has another order on each server".to_owned())
    }

    fn skipped(&self, scenario: &Scenario) -> Option<String> {
        let arm = self.arm;
        let kind = arm.target.describe().kind;
        match scenario.stage {
            Stage::MockOnly(reason) if kind != "mock" => return Some(reason.to_owned()),
            Stage::RealOnly(reason) if kind != "real" => return Some(reason.to_owned()),
            _ => {}
        }
        let needs = scenario.needs();
        let lacks: Vec<&str> =
            needs.difference(&arm.capabilities).map(|capability| capability.as_str()).collect();
        if !lacks.is_empty() {
            return Some(format!("{} lacks {}", arm.driver.name, lacks.join(" and ")));
        }
        if needs.contains(&Capability::Images)
            && let Err(reason) = arm.target.archive()
        {
            return Some(reason);
        }
        let checkpoint = needs.contains(&Capability::Checkpoint);
        checkpoint.then(|| arm.target.can_checkpoint().err()).flatten()
    }

    fn skip(&mut self, case: &str, reason: String) {
        self.tally.add(CheckResult::Skip);
        self.aside(case, Rpcs::new(), reason);
    }

    /// Attempts count as a case of which nothing is judged, wherever they were made.
    pub(super) fn attempts_ended(&mut self, case: &str, reason: String) {
        if let Some(reference) = &mut self.reference {
            reference.attempts_ended(case, reason.clone());
        }
        let rpcs = std::mem::take(&mut self.attempted);
        add(&mut self.owned, &rpcs);
        self.aside(case, rpcs, reason);
    }

    /// A case of which nothing is judged, with what was called for it.
    fn aside(&mut self, case: &str, rpcs: Rpcs, reason: String) {
        let (run, case) = (self.arm.run, case.to_owned());
        (self.emit)(Line::Case(CaseLine { run, case: case.clone() }));
        (self.emit)(Line::CaseEnd(Box::new(CaseEnd {
            run,
            case,
            connect: Rpcs::new(),
            connects: 0,
            background: rpcs,
            overlap: Default::default(),
            left_behind: Vec::new(),
            faults: Vec::new(),
            verdicts: Vec::new(),
            verdict: CheckResult::Skip,
            skipped: Some(reason),
        })));
    }
}
