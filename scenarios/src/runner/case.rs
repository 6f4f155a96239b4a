//! One case: one scenario, played by a fresh client in a fresh namespace.

use std::collections::{BTreeMap, VecDeque};
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use driver_protocol::{
    Capability, Close, Connect, Driver, DriverFault, Operation, Outcome, Request, RequestId,
};
use rpc_ledger::{ConnectSpan, Mark, StepId, StepSpan};
use run_record::{AllowanceRef, CaseEnd, CaseLine, CheckResult, Line, Rpcs, StepLine, Verdict};
use tokio::task::JoinHandle;
use tokio::time::timeout;

use super::accounts::Accounts;
use super::arm::Arm;
use super::events::await_events;
use super::judge::{Spent, allowances, judge_case};
use super::notices::Notices;
use super::script::Script;
use super::settle::{Rest, quiet, settle};
use super::unconnected::unconnected;
use super::{RunFault, Stop};
use crate::checks::judge_state;
use crate::{ARCHIVE, FOLDER, Play, Scenario, Step, TargetFault};

/// How long a driver may take to answer one request.
const DEADLINE_MS: u64 = 20_000;
/// What a driver that lives in another process may take to find out that it was too late.
const GRACE_MS: u64 = 500;
/// How long opening and closing a driver may take.
const OPEN_LIMIT_MS: u64 = 20_000;

/// How a case ended, for the sums of the arm.
pub(super) struct Played {
    pub(super) result: CheckResult,
    pub(super) rpcs: Rpcs,
}

/// A step that has ended.
struct Done {
    operation: Operation,
    expected: Vec<String>,
    outcome: Outcome,
    span: StepSpan,
    verdicts: Vec<Verdict>,
    /// Why its counts are not judged.
    unjudged: Option<Verdict>,
    started: Instant,
    elapsed: Duration,
}

/// A step that is still open.
struct Open {
    id: StepId,
    operation: Operation,
    mark: Mark,
    started: Instant,
    answer: JoinHandle<Result<Outcome, DriverFault>>,
}

struct Stage<'a> {
    arm: &'a Arm<'a>,
    stop: &'a Stop,
    case: String,
    namespace: String,
    begin: Mark,
    driver: Arc<dyn Driver>,
    notices: Notices,
    script: Script,
    connects: Vec<ConnectSpan>,
    open: VecDeque<Open>,
    done: Vec<Done>,
}

/// Plays a scenario.
pub(super) async fn play(
    arm: &Arm<'_>,
    index: usize,
    scenario: &Scenario,
    stop: &Stop,
    emit: &mut (dyn FnMut(Line) + Send),
) -> Result<Played, RunFault> {
    let case = scenario.case();
    let namespace = arm.target.namespace(index);
    emit(Line::Case(CaseLine { run: arm.run, case: case.clone() }));
    arm.target.begin(&namespace, &case);
    let begin = arm.target.ledger().mark();
    let played = async {
        let opened = open_driver(arm, &case, &namespace, begin).await;
        let (driver, connect) = match opened {
            Ok(opened) => opened,
            Err(fault) => return unconnected(arm, &case, &namespace, begin, fault, emit).await,
        };
        let notices = Notices::of(driver.clone());
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
        };
        for (number, step) in scenario.steps.iter().enumerate() {
            if let Err(fault) = stage.step(StepId::new(number as u64), step).await {
                return stage.break_off(fault, emit).await;
            }
        }
        stage.finish(emit).await
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
    fn driver_fault(&self, fault: DriverFault) -> RunFault {
        RunFault::Driver { case: self.case.clone(), fault }
    }

    fn target_fault(&self, fault: TargetFault) -> RunFault {
        RunFault::Target { case: self.case.clone(), fault }
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

    fn ask(&self, id: StepId, operation: &Operation) -> Open {
        let request = Request {
            id: RequestId(id.number()),
            deadline_ms: DEADLINE_MS,
            traceparent: None,
            operation: self.staged(operation),
        };
        let driver = self.driver.clone();
        let mark = self.arm.target.ledger().mark();
        let started = Instant::now();
        let answer = tokio::spawn(async move { driver.perform(request).await });
        Open { id, operation: operation.clone(), mark, started, answer }
    }

    /// As it is asked here: with the archive and the folder that this target has.
    fn staged(&self, operation: &Operation) -> Operation {
        let mut staged = operation.clone();
        let target = &self.arm.target;
        match &mut staged {
            Operation::Import(import) if import.archive == Path::new(ARCHIVE) => {
                if let Ok(archive) = target.archive() {
                    import.archive = archive.to_owned();
                }
            }
            Operation::Checkpoint(checkpoint) if checkpoint.folder == Path::new(FOLDER) => {
                checkpoint.folder = target.folder().join(&self.namespace);
            }
            _ => {}
        }
        staged
    }

    async fn answered(&mut self, mut open: Open, step: &Step) -> Result<Done, RunFault> {
        let deadline = Duration::from_millis(DEADLINE_MS + GRACE_MS);
        let answer = tokio::select! {
            fault = self.arm.target.died() => {
                open.answer.abort();
                return Err(self.target_fault(fault));
            }
            () = self.stop.wait() => {
                open.answer.abort();
                return Err(RunFault::Stopped { case: self.case.clone() });
            }
            answer = timeout(deadline, &mut open.answer) => answer,
        };
        let elapsed = open.started.elapsed();
        let silent =
            DriverFault::Silent { operation: open.operation.name(), deadline_ms: DEADLINE_MS };
        let outcome = match answer {
            Err(_) => {
                open.answer.abort();
                Err(silent)
            }
            Ok(Err(panicked)) => Err(DriverFault::Gone { cause: panicked.to_string() }),
            Ok(Ok(outcome)) => outcome,
        };
        let outcome = outcome.map_err(|fault| self.driver_fault(fault))?;
        settle(&*self.arm.target, self.begin, Rest::Answered)
            .await
            .map_err(|fault| self.target_fault(fault))?;
        let held = self.script.holds();
        self.script.meet(self.arm.target.injected(&self.namespace));
        let mut verdicts = vec![self.script.outcome(&step.expect, &outcome)];
        let judged = held && self.script.counts();
        let unjudged = (!judged).then(|| self.script.skip("budget"));
        let target = &*self.arm.target;
        verdicts.push(await_events(target, &self.namespace, &open.operation, &outcome).await);
        let span = StepSpan {
            step: open.id,
            namespace: None,
            open: open.mark,
            close: self.arm.target.ledger().mark(),
            traceparent: None,
        };
        if let Some(leaves) = &step.leaves {
            let seen = self.arm.target.task(&self.namespace, &leaves.container).await;
            let seen = seen.map_err(|fault| self.target_fault(fault))?;
            verdicts.push(match self.script.holds() {
                true => judge_state(leaves, seen),
                false => self.script.skip("state"),
            });
        }
        Ok(Done {
            operation: open.operation,
            expected: step.expect.words(),
            outcome,
            span,
            verdicts,
            unjudged,
            started: open.started,
            elapsed,
        })
    }

    async fn close_driver(&self, how: Close) -> Result<(), RunFault> {
        let closing = timeout(Duration::from_millis(OPEN_LIMIT_MS), self.driver.close(how));
        let silent = Err(DriverFault::Silent { operation: "close", deadline_ms: OPEN_LIMIT_MS });
        closing.await.unwrap_or(silent).map_err(|fault| self.driver_fault(fault))
    }

    async fn restart(&mut self) -> Result<(), RunFault> {
        self.close_driver(Close::Crash).await?;
        let (driver, connect) =
            open_driver(self.arm, &self.case, &self.namespace, self.begin).await?;
        self.notices = Notices::of(driver.clone());
        self.driver = driver;
        self.connects.push(connect);
        Ok(())
    }

    async fn finish(mut self, emit: &mut (dyn FnMut(Line) + Send)) -> Result<Played, RunFault> {
        let target = &*self.arm.target;
        let of_target = |fault| RunFault::Target { case: self.case.clone(), fault };
        quiet(target, self.begin).await.map_err(of_target)?;
        self.script.meet(target.injected(&self.namespace));
        let mut case_verdicts = Vec::new();
        let tells_exits = self.driver.hello().capabilities.contains(&Capability::Exits);
        // A client that was killed in between cannot have told what happened meanwhile.
        if tells_exits && self.connects.len() == 1 {
            let events = target.events(&self.namespace);
            case_verdicts.push(match self.script.faulty() {
                true => self.notices.judge_after_faults(&events),
                false => self.notices.judge(&events).await,
            });
        }
        self.close_driver(Close::Graceful).await?;
        let (accounts, left_behind) = self.look_back().await?;
        case_verdicts.push(if left_behind.is_empty() {
            Verdict::pass("leftovers")
        } else if self.script.holds() {
            Verdict::fail("leftovers", left_behind.join(", "))
        } else {
            self.script.skip("leftovers")
        });
        Ok(self.settle_accounts(&accounts, case_verdicts, left_behind, None, emit))
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
        Ok((Accounts::new(calls, &self.connects, &spans), left_behind))
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
            })
            .collect();
        let mut counted = judge_case(budget, accounts, &spent, self.connects.len());
        let allowed = spent.iter().map(|spent| allowances(budget, spent)).collect();
        if !self.script.counts() {
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
        let failed = case_verdicts.iter().any(Verdict::failed)
            || self.done.iter().any(|done| done.verdicts.iter().any(Verdict::failed));
        let result = match (failed, &skipped) {
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
                actor: 0,
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
        for call in accounts.lines(run, &self.case) {
            emit(Line::Call(Box::new(call)));
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
        Played { result, rpcs: accounts.all() }
    }
}

fn joined(steps: &[StepId]) -> String {
    steps.iter().map(|step| step.number().to_string()).collect::<Vec<_>>().join("+")
}

fn micros(duration: Duration) -> u64 {
    u64::try_from(duration.as_micros()).unwrap_or(u64::MAX)
}
