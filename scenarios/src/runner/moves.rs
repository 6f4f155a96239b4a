//! Moves, one after the other: each is judged by what the model takes for possible, and the model
//! learns what came of it.

use driver_protocol::{ErrorKind, Outcome, Refusal};
use rpc_ledger::StepId;
use run_record::Verdict;

use super::RunFault;
use super::asking::{Answered, Open};
use super::case::{Done, Stage};
use super::course::can;
use super::judge::Leeway;
use crate::Reach;
use crate::checks::Traced;
use crate::model::{Excuse, Forecast, Move, container_id};

impl Stage<'_> {
    /// Plays moves, and then ends whatever there is.
    pub(super) async fn modelled(&mut self, moves: &[Move]) -> Result<(), RunFault> {
        let mut number = 0;
        for play in moves {
            self.make(number, play).await?;
            number += 1;
        }
        for play in self.world.closing() {
            self.make(number, &play).await?;
            number += 1;
        }
        Ok(())
    }

    async fn make(&mut self, number: u64, play: &Move) -> Result<(), RunFault> {
        if self.stop.asked() {
            return Err(RunFault::Stopped { case: self.case.clone() });
        }
        if let Move::Fault(trouble) = play {
            if self.calm {
                self.drop_move(number, play, "two servers are compared, and one may be real");
                return Ok(());
            }
            if let Err(why) = self.arm.target.provoke(&self.namespace, &trouble.file()) {
                self.drop_move(number, play, &why);
            }
            return Ok(());
        }
        if !can(&self.arm.capabilities, play) {
            self.drop_move(number, play, "the client says that it cannot");
            return Ok(());
        }
        if self.world.waits_for_ever(play) {
            self.drop_move(number, play, "it would be awaited for ever");
            return Ok(());
        }
        if let Move::Restart {} = play {
            self.world.restart();
            self.restart().await?;
        }
        let cells = self.world.cells(play);
        cells.into_iter().for_each(|cell| self.coverage.hit(cell));
        let certain = self.world.certain(play);
        let may_ask = self.world.may_ask(play);
        let forecast = self.world.forecast(play);
        let met = self.script.met();
        let open = self.ask(StepId::new(number), &play.operation());
        let answered = match play {
            Move::Cancel { .. } => self.give_up(open).await?,
            _ => self.outcome_of(open).await?,
        };
        let owed = self.events_of(&answered).await;
        let close = self.arm.target.ledger().mark();
        let seen = match play.container() {
            None => None,
            Some(slot) => {
                let seen = self.arm.target.task(&self.namespace, &container_id(slot)).await;
                Some(seen.map_err(|fault| self.target_fault(fault))?)
            }
        };
        let mut verdicts = self.learn(&forecast, &answered, seen, met);
        self.let_it_be_heard(play, seen.flatten()).await;
        verdicts.push(owed);
        self.trace.open_ends.extend(self.world.open_ends());
        self.trace.moves.push(Traced {
            step: number,
            forecast: forecast.clone(),
            certain,
            outcome: answered.outcome.clone(),
            seen,
        });
        let judged = self.script.counts() && !self.script.may_undo() && !self.world.doubts(play);
        let unjudged = (!judged).then(|| self.script.skip("budget"));
        let done = answered.done(forecast.words(), verdicts, unjudged, close);
        let less = play.asks_of_what_need_not_be();
        self.done.push(Done { leeway: Leeway { less, may_ask, raced: false }, ..done });
        Ok(())
    }

    /// What came of a move in which all faults behind the first `met` happened.
    fn learn(
        &mut self,
        forecast: &Forecast,
        answered: &Answered,
        seen: Option<Option<driver_protocol::Lifecycle>>,
        met: usize,
    ) -> Vec<Verdict> {
        let injected = self.arm.target.injected(&self.namespace);
        let shaken = injected.iter().skip(met).any(|fault| fault.reach == Reach::World);
        self.script.meet(injected);
        let excuse = self.script.excuse(met);
        let verdicts = match excuse {
            None if !self.world.is_in_doubt() => {
                self.world.learn(forecast, &answered.outcome, seen)
            }
            excuse => {
                let why = self.script.told();
                let excuse = excuse.unwrap_or_else(|| Excuse { why, ..Excuse::default() });
                self.world.learn_after(forecast, &answered.outcome, seen, &excuse)
            }
        };
        if shaken {
            self.world.shake();
        }
        verdicts
    }

    /// Asks, and takes it back before it is answered, unless the answer was there at once.
    async fn give_up(&mut self, open: Open) -> Result<Answered, RunFault> {
        tokio::task::yield_now().await;
        open.answer.abort();
        let message = "given up by whoever asked".to_owned();
        let refusal = Refusal { kind: ErrorKind::Cancelled, code: None, message };
        self.outcome_or(open, Outcome::Error(refusal)).await
    }

    fn drop_move(&mut self, number: u64, play: &Move, why: &str) {
        let detail = format!("step {number}, {}: dropped, {why}", play.name());
        self.dropped.push(Verdict::skip("hazard", detail));
    }
}
