//! One case, played by a fresh client in a fresh namespace.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::sync::Arc;
use std::time::{Duration, Instant};

use driver_protocol::{
    Capability, Close, Connect, ContainerId, Driver, DriverFault, Operation, Outcome,
};
use rpc_ledger::{ConnectSpan, Mark, StepId, StepSpan};
use run_record::{
    AllowanceRef, CaseEnd, CaseLine, CheckResult, Compared, Line, Orders, Rpcs, StepLine, Verdict,
};
use tokio::time::timeout;

use super::accounts::Accounts;
use super::arm::Arm;
use super::asking::Open;
use super::course::{Case, Course};
use super::judge::{Leeway, Spent, allowances, judge_case};
use super::notices::Notices;
use super::script::Script;
use super::settle::{Rest, quiet, settle};
use super::unconnected::unconnected;
use super::{RunFault, Stop};
use crate::checks::{
    Freedom, Made, Owed, Trace, judge_differential, judge_exits, judge_leftovers, judge_once,
    judge_order, never_ran,
};
use crate::model::{Coverage, World};
use crate::{Play, Step, TargetFault};

/// How long a driver may take to answer one request.
pub(super) const DEADLINE_MS: u64 = 20_000;
/// What a driver that lives in another process may take to find out that it was too late.
pub(super) const GRACE_MS: u64 = 500;
/// How long opening and closing a driver may take.
const OPEN_LIMIT_MS: u64 = 20_000;

/// How a case ended, for the sums of the arm.
pub(super) struct Played {
    pub(super) result: CheckResult,
    pub(super) rpcs: Rpcs,
    /// The checks that failed.
    pub(super) failed: BTreeSet<String>,
    /// Which states its operations met, as far as the model knows.
    pub(super) coverage: Coverage,
    /// What its moves came to.
    pub(super) trace: Trace,
    /// How much of that was held against another's.
    pub(super) compared: Compared,
    /// How much of what was done at once was put in order.
    pub(super) ordered: Orders,
}

/// A step that has ended.
pub(super) struct Done {
    pub(super) operation: Operation,
    pub(super) expected: Vec<String>,
    pub(super) outcome: Outcome,
    pub(super) span: StepSpan,
    pub(super) verdicts: Vec<Verdict>,
    /// Why its counts are not judged.
    pub(super) unjudged: Option<Verdict>,
    /// What its counts may differ by from what is written.
    pub(super) leeway: Leeway,
    /// Who acted.
    pub(super) actor: u32,
    pub(super) started: Instant,
    pub(super) elapsed: Duration,
}

pub(super) struct Stage<'a> {
    pub(super) arm: &'a Arm<'a>,
    pub(super) stop: &'a Stop,
    pub(super) case: String,
    pub(super) namespace: String,
    pub(super) begin: Mark,
    pub(super) driver: Arc<dyn Driver>,
    pub(super) notices: Notices,
    pub(super) script: Script,
    pub(super) connects: Vec<ConnectSpan>,
    pub(super) open: VecDeque<Open>,
    pub(super) done: Vec<Done>,
    /// What the model takes for possible; moves live on it.
    pub(super) world: World,
    pub(super) coverage: Coverage,
    /// Whether it is moves that are played.
    modelled: bool,
    /// Whether each call is worth a line of the record, also when nothing failed.
    pub(super) tells_calls: bool,
    /// Moves that could not be made.
    pub(super) dropped: Vec<Verdict>,
    /// What moves came to.
    pub(super) trace: Trace,
    /// And elsewhere.
    reference: Option<&'a Trace>,
    /// Nothing is made to go wrong.
    pub(super) calm: bool,
    compared: Compared,
    /// How much of what was done at once was put in order.
    pub(super) ordered: Orders,
    /// The server is free to tell of ends twice.
    pub(super) tells_twice: bool,
}

/// Plays a case.
pub(super) async fn play(
    arm: &Arm<'_>,
    index: usize,
    playing: &Case<'_>,
    stop: &Stop,
    emit: &mut (dyn FnMut(Line) + Send),
) -> Result<Played, RunFault> {
    let case = playing.id.clone();
    let namespace = arm.target.namespace(index);
    emit(Line::Case(CaseLine { run: arm.run, case: case.clone() }));
    arm.target.begin(&namespace, &case, playing.is_faulty());
    let begin = arm.target.ledger().mark();
    let played = async {
        let opened = open_driver(arm, &case, &namespace, begin).await;
        let (driver, connect) = match opened {
            Ok(opened) => opened,
            Err(fault) => return unconnected(arm, &case, &namespace, begin, fault, emit).await,
        };
        let notices = Notices::of(driver.clone(), arm.target.ledger());
        let mut stage = Stage {
            arm,
            stop,
            case: case.clone(),
            namespace: namespace.clone(),
            begin,
            driver,
            notices,
            script: Script::default(),
            connects: vec![connect],
            open: VecDeque::new(),
            done: Vec::new(),
            world: World::default(),
            coverage: Coverage::default(),
            modelled: !matches!(playing.course, Course::Written(_)),
            tells_calls: arm.modelled.calls || matches!(playing.course, Course::Written(_)),
            dropped: Vec::new(),
            trace: Trace { server: Some(arm.target.describe()), ..Trace::default() },
            reference: playing.reference.as_ref(),
            calm: playing.calm,
            compared: Compared::default(),
            ordered: Orders::default(),
            tells_twice: false,
        };
        let gone = match &playing.course {
            Course::Written(steps) => stage.written(steps).await,
            Course::Modelled(moves) => stage.modelled(moves).await,
            Course::Plotted(plot) => stage.plotted(plot).await,
        };
        match gone {
            Ok(()) => stage.finish(emit).await,
            Err(fault) => stage.break_off(fault, emit).await,
        }
    }
    .await;
    let target_fault = |fault| RunFault::Target { case: case.clone(), fault };
    match played {
        Ok(played) => {
            arm.target.clean_up(&namespace).await.map_err(target_fault)?;
            Ok(played)
        }
        Err(fault) => {
            // The first fault is the one to tell; this one only tries to leave nothing.
            let _ = arm.target.clean_up(&namespace).await;
            Err(fault)
        }
    }
}

async fn open_driver(
    arm: &Arm<'_>,
    case: &str,
    namespace: &str,
    begin: Mark,
) -> Result<(Arc<dyn Driver>, ConnectSpan), RunFault> {
    let connect = Connect {
        socket: arm.target.socket().to_owned(),
        namespace: namespace.to_owned(),
        rootfs: arm.target.rootfs().map(ToOwned::to_owned),
    };
    let open = arm.target.ledger().mark();
    let opening = timeout(Duration::from_millis(OPEN_LIMIT_MS), arm.factory.open(connect));
    let opened = tokio::select! {
        fault = arm.target.died() => {
            return Err(RunFault::Target { case: case.to_owned(), fault });
        }
        opened = opening => opened.unwrap_or(Err(DriverFault::Silent {
            operation: "connect",
            deadline_ms: OPEN_LIMIT_MS,
        })),
    };
    let driver = opened.map_err(|fault| RunFault::Driver { case: case.to_owned(), fault })?;
    settle(&*arm.target, begin, Rest::Answered)
        .await
        .map_err(|fault| RunFault::Target { case: case.to_owned(), fault })?;
    let close = arm.target.ledger().mark();
    Ok((Arc::from(driver), ConnectSpan { open, close }))
}

impl Stage<'_> {
    pub(super) fn driver_fault(&self, fault: DriverFault) -> RunFault {
        RunFault::Driver { case: self.case.clone(), fault }
    }

    pub(super) fn target_fault(&self, fault: TargetFault) -> RunFault {
        RunFault::Target { case: self.case.clone(), fault }
    }

    async fn written(&mut self, steps: &[Step]) -> Result<(), RunFault> {
        for (number, step) in steps.iter().enumerate() {
            self.step(StepId::new(number as u64), step).await?;
        }
        Ok(())
    }

    async fn step(&mut self, id: StepId, step: &Step) -> Result<(), RunFault> {
        if self.stop.asked() {
            return Err(RunFault::Stopped { case: self.case.clone() });
        }
        let open = match &step.play {
            Play::Perform(operation) => self.ask(id, operation),
            Play::Begin(operation) => {
                let open = self.ask(id, operation);
                self.open.push_back(open);
                return Ok(());
            }
            Play::Join => self.open.pop_front().expect("the catalogue's test pairs begin and join"),
            Play::Restart => return self.restart().await,
        };
        let done = self.answered(open, step).await?;
        self.done.push(done);
        Ok(())
    }

    async fn close_driver(&self, how: Close) -> Result<(), RunFault> {
        let closing = timeout(Duration::from_millis(OPEN_LIMIT_MS), self.driver.close(how));
        let silent = Err(DriverFault::Silent { operation: "close", deadline_ms: OPEN_LIMIT_MS });
        closing.await.unwrap_or(silent).map_err(|fault| self.driver_fault(fault))
    }

    pub(super) async fn restart(&mut self) -> Result<(), RunFault> {
        self.close_driver(Close::Crash).await?;
        let (driver, connect) =
            open_driver(self.arm, &self.case, &self.namespace, self.begin).await?;
        self.notices = Notices::of(driver.clone(), self.arm.target.ledger());
        self.driver = driver;
        self.connects.push(connect);
        Ok(())
    }

    async fn finish(mut self, emit: &mut (dyn FnMut(Line) + Send)) -> Result<Played, RunFault> {
        let target = &*self.arm.target;
        let of_target = |fault| RunFault::Target { case: self.case.clone(), fault };
        quiet(target, self.begin).await.map_err(of_target)?;
        self.script.meet(target.injected(&self.namespace));
        let mut case_verdicts = std::mem::take(&mut self.dropped);
        let tells_exits = self.driver.hello().capabilities.contains(&Capability::Exits);
        // A client that was killed in between cannot have told what happened meanwhile.
        if tells_exits && self.connects.len() == 1 {
            let events = target.events(&self.namespace);
            let made = self.made();
            case_verdicts.push(match (target.missed(), self.script.faulty() || self.tells_twice) {
                (Some(why), _) => Verdict::skip("exit-once", format!("not judged: {why}")),
                (None, true) => self.notices.judge_after_faults(&events, &made),
                (None, false) => self.notices.judge(&events, &made).await,
            });
        }
        // What nobody can say the end of has events that nobody is due.
        let told = !self.world.is_in_doubt() && !self.tells_twice;
        if self.modelled && !self.script.faulty() && told {
            case_verdicts.extend(self.judge_events());
        }
        self.trace.events = target.events(&self.namespace);
        if let Some(reference) = self.reference {
            let (verdict, compared) = judge_differential(reference, &self.trace);
            case_verdicts.push(verdict);
            self.compared = compared;
        }
        self.close_driver(Close::Graceful).await?;
        let (accounts, left_behind) = self.look_back().await?;
        let sure = if self.modelled { !self.world.is_in_doubt() } else { self.script.holds() };
        case_verdicts.push(match sure || left_behind.is_empty() {
            true => judge_leftovers(&left_behind),
            false => self.script.skip("leftovers"),
        });
        Ok(self.settle_accounts(&accounts, case_verdicts, left_behind, None, emit))
    }

    /// All events of the case: in order, each once, and with what clients were told.
    fn judge_events(&self) -> Vec<Verdict> {
        let server = self.arm.target.describe();
        let events = self.arm.target.events(&self.namespace);
        let steps: Vec<_> = self.done.iter().map(|done| (&done.operation, &done.outcome)).collect();
        let free = |owed: &Owed| Freedom::with(&server, owed).is_some();
        let never_ran = steps.iter().any(|(_, outcome)| never_ran(outcome));
        let delete = |container: &ContainerId| Owed {
            topic: "/tasks/delete",
            container: container.clone(),
            exec: None,
            never_ran,
        };
        let loses = events.first().is_some_and(|event| free(&delete(&event.container)));
        vec![
            judge_order(&events, loses),
            judge_once(&steps, &events, free, &self.halfway()),
            judge_exits(&steps, &events),
        ]
    }

    /// Containers of which a start was refused while others acted.
    fn halfway(&self) -> Vec<&ContainerId> {
        let raced = self.done.iter().filter(|done| done.leeway.raced);
        let refused = raced.filter(|done| matches!(done.outcome, Outcome::Error(_)));
        refused
            .filter_map(|done| match &done.operation {
                Operation::Start(of) => Some(&of.container),
                _ => None,
            })
            .collect()
    }

    /// How often each process came to be, or may have: what was refused while others acted may have been
    /// made, and be gone again.
    fn made(&self) -> Made {
        let mut made = Made::new();
        let may = |done: &&Done| matches!(done.outcome, Outcome::Ok(_)) || done.leeway.raced;
        for done in self.done.iter().filter(may) {
            let process = match &done.operation {
                Operation::Start(of) | Operation::CreateTask(of) => (of.container.clone(), None),
                Operation::Exec(of) => (of.container.clone(), Some(of.exec.clone())),
                _ => continue,
            };
            *made.entry(process).or_default() += 1;
        }
        made
    }

    /// Once the driver is gone: whose its calls were, and what it left.
    async fn look_back(&self) -> Result<(Accounts, Vec<String>), RunFault> {
        let target = &*self.arm.target;
        let of_target = |fault| RunFault::Target { case: self.case.clone(), fault };
        settle(target, self.begin, Rest::Closed).await.map_err(of_target)?;
        let end = target.ledger().mark();
        let calls = target.calls(&self.namespace, self.begin, end).map_err(of_target)?;
        let left_behind = target.leftovers(&self.namespace).await.map_err(of_target)?;
        let spans: Vec<StepSpan> = self.done.iter().map(|done| done.span.clone()).collect();
        let on = self.done.iter().map(|done| (done.span.step, done.operation.containers()));
        Ok((Accounts::new(calls, &self.connects, &spans, on.collect()), left_behind))
    }

    /// A driver that gives up where something was made to go wrong is not judged: the case ends
    /// there. Any other fault ends the run.
    async fn break_off(
        mut self,
        fault: RunFault,
        emit: &mut (dyn FnMut(Line) + Send),
    ) -> Result<Played, RunFault> {
        self.script.meet(self.arm.target.injected(&self.namespace));
        let why = match &fault {
            RunFault::Driver { fault: DriverFault::Protocol { .. }, .. } => return Err(fault),
            RunFault::Driver { fault: why, .. } if self.script.faulty() => why.to_string(),
            _ => return Err(fault),
        };
        self.open.drain(..).for_each(|open| open.answer.abort());
        // It has failed already; how it ends is of no more interest.
        let _ = self.close_driver(Close::Crash).await;
        let (accounts, left_behind) = self.look_back().await?;
        let skipped = format!("{why}, after {}", self.script.told());
        Ok(self.settle_accounts(&accounts, Vec::new(), left_behind, Some(skipped), emit))
    }

    /// Judges the counts, of the steps and of the case.
    fn judge_counts(
        &mut self,
        accounts: &Accounts,
        verdicts: &mut Vec<Verdict>,
    ) -> Vec<BTreeMap<String, AllowanceRef>> {
        let budget = &self.arm.budget;
        let spent: Vec<Spent<'_>> = self
            .done
            .iter()
            .map(|done| Spent {
                step: done.span.step,
                operation: &done.operation,
                outcome: &done.outcome,
                unjudged: done.unjudged.as_ref(),
                client: self.connects.iter().filter(|one| one.open < done.span.open).count(),
                leeway: done.leeway,
            })
            .collect();
        let mut counted = judge_case(budget, accounts, &spent, self.connects.len());
        let allowed = spent.iter().map(|spent| allowances(budget, spent)).collect();
        if !self.script.counts() || (self.modelled && self.script.may_undo()) {
            counted.case = vec![self.script.skip("budget")];
        }
        verdicts.append(&mut counted.case);
        for done in &mut self.done {
            done.verdicts.extend(counted.steps.remove(&done.span.step).unwrap_or_default());
        }
        allowed
    }

    fn settle_accounts(
        mut self,
        accounts: &Accounts,
        mut case_verdicts: Vec<Verdict>,
        left_behind: Vec<String>,
        skipped: Option<String>,
        emit: &mut (dyn FnMut(Line) + Send),
    ) -> Played {
        let allowed = match skipped {
            None => self.judge_counts(accounts, &mut case_verdicts),
            Some(_) => vec![BTreeMap::new(); self.done.len()],
        };
        let mut all: Vec<&mut Verdict> =
            self.done.iter_mut().flat_map(|done| &mut done.verdicts).collect();
        all.extend(&mut case_verdicts);
        let unexpected = self.arm.known.apply(&self.case, &mut all);
        // What is known to fail need not where something else went wrong before.
        if !self.script.faulty() {
            case_verdicts.extend(unexpected);
        }
        let failed: BTreeSet<String> = (self.done.iter().flat_map(|done| &done.verdicts))
            .chain(&case_verdicts)
            .filter(|verdict| verdict.failed())
            .map(|verdict| verdict.check.clone())
            .collect();
        let result = match (!failed.is_empty(), &skipped) {
            (true, _) => CheckResult::Fail,
            (false, Some(_)) => CheckResult::Skip,
            (false, None) => CheckResult::Pass,
        };

        let run = self.arm.run;
        let origin = self.arm.target.ledger().origin();
        for (done, allowance) in self.done.into_iter().zip(allowed) {
            let step = done.span.step;
            emit(Line::Step(Box::new(StepLine {
                run,
                case: self.case.clone(),
                step: step.number(),
                actor: done.actor,
                operation: done.operation.name().to_owned(),
                arguments: StepLine::arguments_of(&done.operation),
                expected: done.expected,
                outcome: done.outcome,
                rpcs: accounts.of_step(step),
                codes: accounts.codes_of_step(step),
                allowance,
                verdicts: done.verdicts,
                started_us: micros(done.started.saturating_duration_since(origin)),
                elapsed_us: micros(done.elapsed),
            })));
        }
        if self.tells_calls || !failed.is_empty() {
            for call in accounts.lines(run, &self.case) {
                emit(Line::Call(Box::new(call)));
            }
        }
        emit(Line::CaseEnd(Box::new(CaseEnd {
            run,
            case: self.case,
            connect: accounts.of_connect(),
            connects: self.connects.len() as u64,
            background: accounts.of_background(),
            overlap: accounts
                .overlaps()
                .into_iter()
                .map(|(steps, rpcs)| (joined(&steps), rpcs))
                .collect(),
            left_behind,
            faults: self.script.words(),
            verdicts: case_verdicts,
            verdict: result,
            skipped,
        })));
        let (coverage, trace, compared) = (self.coverage, self.trace, self.compared);
        let (rpcs, ordered) = (accounts.all(), self.ordered);
        Played { result, rpcs, failed, coverage, trace, compared, ordered }
    }
}

fn joined(steps: &[StepId]) -> String {
    steps.iter().map(|step| step.number().to_string()).collect::<Vec<_>>().join("+")
}

fn micros(duration: Duration) -> u64 {
    u64::try_from(duration.as_micros()).unwrap_or(u64::MAX)
}
