//! One question to the driver: asked, awaited, and judged by what was seen.

use std::path::Path;
use std::time::{Duration, Instant};

use driver_protocol::{DriverFault, Operation, Outcome, Request, RequestId};
use rpc_ledger::{Mark, StepId, StepSpan};
use run_record::Verdict;
use tokio::task::JoinHandle;
use tokio::time::timeout;

use super::RunFault;
use super::case::{DEADLINE_MS, Done, GRACE_MS, Stage};
use super::events::await_events;
use super::judge::Leeway;
use super::settle::{Rest, settle};
use crate::checks::judge_state;
use crate::{ARCHIVE, FOLDER, Step};

/// A step that is still open.
pub(super) struct Open {
    id: StepId,
    operation: Operation,
    mark: Mark,
    started: Instant,
    pub(super) answer: JoinHandle<Result<Outcome, DriverFault>>,
}

/// A step whose calls are at rest, not yet judged.
pub(super) struct Answered {
    id: StepId,
    pub(super) operation: Operation,
    pub(super) outcome: Outcome,
    pub(super) mark: Mark,
    started: Instant,
    elapsed: Duration,
}

impl Answered {
    /// As it goes into the record. The step ends here: later calls are not its own.
    pub(super) fn done(
        self,
        expected: Vec<String>,
        verdicts: Vec<Verdict>,
        unjudged: Option<Verdict>,
        close: Mark,
    ) -> Done {
        let span =
            StepSpan { step: self.id, namespace: None, open: self.mark, close, traceparent: None };
        Done {
            operation: self.operation,
            expected,
            outcome: self.outcome,
            span,
            verdicts,
            unjudged,
            leeway: Leeway::default(),
            actor: 0,
            started: self.started,
            elapsed: self.elapsed,
        }
    }
}

impl Stage<'_> {
    pub(super) fn ask(&self, id: StepId, operation: &Operation) -> Open {
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

    /// Its outcome, once its calls are at rest.
    pub(super) async fn outcome_of(&mut self, open: Open) -> Result<Answered, RunFault> {
        self.awaited(open, None).await
    }

    /// The same of what was given up: that is its outcome, unless it was answered before.
    pub(super) async fn outcome_or(
        &mut self,
        open: Open,
        given_up: Outcome,
    ) -> Result<Answered, RunFault> {
        self.awaited(open, Some(given_up)).await
    }

    async fn awaited(
        &mut self,
        open: Open,
        given_up: Option<Outcome>,
    ) -> Result<Answered, RunFault> {
        let answered = self.answer_to(open, given_up).await?;
        settle(&*self.arm.target, self.begin, Rest::Answered)
            .await
            .map_err(|fault| self.target_fault(fault))?;
        Ok(answered)
    }

    /// What it was answered, whatever else is under way.
    pub(super) async fn answer_to(
        &self,
        mut open: Open,
        given_up: Option<Outcome>,
    ) -> Result<Answered, RunFault> {
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
            Ok(Err(ended)) => match given_up.filter(|_| ended.is_cancelled()) {
                Some(outcome) => Ok(outcome),
                None => Err(DriverFault::Gone { cause: ended.to_string() }),
            },
            Ok(Ok(outcome)) => outcome,
        };
        let outcome = outcome.map_err(|fault| self.driver_fault(fault))?;
        let Open { id, operation, mark, started, .. } = open;
        Ok(Answered { id, operation, outcome, mark, started, elapsed })
    }

    /// Judged by what is written of the step.
    pub(super) async fn answered(&mut self, open: Open, step: &Step) -> Result<Done, RunFault> {
        let answered = self.outcome_of(open).await?;
        let held = self.script.holds();
        self.script.meet(self.arm.target.injected(&self.namespace));
        let mut verdicts = vec![self.script.outcome(&step.expect, &answered.outcome)];
        let judged = held && self.script.counts();
        let unjudged = (!judged).then(|| self.script.skip("budget"));
        verdicts.push(self.events_of(&answered).await);
        let close = self.arm.target.ledger().mark();
        if let Some(leaves) = &step.leaves {
            let seen = self.arm.target.task(&self.namespace, &leaves.container).await;
            let seen = seen.map_err(|fault| self.target_fault(fault))?;
            verdicts.push(match self.script.holds() {
                true => judge_state(leaves, seen),
                false => self.script.skip("state"),
            });
        }
        Ok(answered.done(step.expect.words(), verdicts, unjudged, close))
    }

    /// Whether the events that it owes have come.
    pub(super) async fn events_of(&self, answered: &Answered) -> Verdict {
        let target = &*self.arm.target;
        await_events(target, &self.namespace, &answered.operation, &answered.outcome).await
    }
}
