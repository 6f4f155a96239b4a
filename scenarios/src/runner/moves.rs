//! Moves, one after the other: each is judged by what the model takes for possible, and the model
//! learns what came of it.

use rpc_ledger::StepId;
use run_record::Verdict;

use super::RunFault;
use super::case::{Done, Stage};
use super::course::can;
use super::judge::Leeway;
use crate::model::{Move, container_id};

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
        if let Some(cell) = self.world.cell(play) {
            self.coverage.hit(cell);
        }
        let may_ask = self.world.may_ask(play);
        let forecast = self.world.forecast(play);
        let open = self.ask(StepId::new(number), &play.operation());
        let answered = self.outcome_of(open).await?;
        let owed = self.events_of(&answered).await;
        let close = self.arm.target.ledger().mark();
        let seen = match play.container() {
            None => None,
            Some(slot) => {
                let seen = self.arm.target.task(&self.namespace, &container_id(slot)).await;
                Some(seen.map_err(|fault| self.target_fault(fault))?)
            }
        };
        let mut verdicts = self.world.learn(&forecast, &answered.outcome, seen);
        verdicts.push(owed);
        let done = answered.done(forecast.words(), verdicts, None, close);
        let less = play.container().is_none();
        self.done.push(Done { leeway: Leeway { less, may_ask }, ..done });
        Ok(())
    }

    fn drop_move(&mut self, number: u64, play: &Move, why: &str) {
        let detail = format!("step {number}, {}: dropped, {why}", play.name());
        self.dropped.push(Verdict::skip("hazard", detail));
    }
}
