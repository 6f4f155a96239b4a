//! Several actors at once: each asks one thing after the other, whatever the others do, of one client.
//! What they were answered is put in order afterwards, and judged by that.

use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use driver_protocol::{Notice, Outcome};
use futures_util::future::try_join_all;
use rpc_ledger::{Mark, StepId};
use run_record::{Orders, Verdict};
use tokio::sync::watch;
use tokio::time::timeout;

use super::RunFault;
use super::asking::Answered;
use super::case::{Done, Stage};
use super::course::can;
use super::events::await_events;
use super::judge::Leeway;
use super::settle::{Rest, quiet, settle};
use crate::model::{Act, Blow, CONTAINERS, End, History, Look, Move, container_id, exec_id};
use crate::plot::Plot;
use crate::{Event, Reach};

/// Places that are looked at in the search for an order, for each container.
const NODES_MAX: u64 = 200_000;

/// How long all who are not done may wait for what nobody will do, before it is done for them: what a
/// process of a case does by itself is done sooner.
const STALLED_MS: u64 = 150;

/// And how long nothing may come of anything: an exec that is started in what is being paused is frozen
/// with it, and whoever asked for it waits.
const STUCK_MS: u64 = 3_000;

/// How long the observer listens at a time.
const LISTEN: Duration = Duration::from_secs(60);

/// What an actor did.
struct Acted {
    actor: u32,
    number: u64,
    play: Move,
    answered: Answered,
    returned: Mark,
}

/// How many have something to do, and how many of them wait for something.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Crowd {
    busy: usize,
    waiting: usize,
    /// So that every change shows.
    acts: u64,
    /// What they wait for is out of this client's reach: they need not wait any longer.
    let_go: bool,
}

/// What was seen beside what actors did.
#[derive(Default)]
struct Aside {
    looks: Vec<Look>,
    /// When what was to go wrong was made ready.
    armed: Option<Mark>,
    /// What could not be done here.
    dropped: Vec<Verdict>,
}

/// What the actors of a case share.
struct Round {
    number: AtomicU64,
    // Neither is held over an await.
    acted: Mutex<Vec<Acted>>,
    heard: Mutex<Vec<(Mark, Event)>>,
    crowd: watch::Sender<Crowd>,
}

fn waits(play: &Move) -> bool {
    matches!(play, Move::Wait { .. } | Move::ExecWait { .. })
}

impl Stage<'_> {
    /// Plays a plot, ends whatever there is then, and puts what was answered in order.
    pub(super) async fn plotted(&mut self, plot: &Plot) -> Result<(), RunFault> {
        self.arm.target.interleave(plot.interleave);
        let mock = self.arm.target.describe().kind == "mock";
        let (safe, dropped) = if mock { (plot.clone(), 0) } else { plot.without_hazards() };
        if dropped > 0 {
            let what =
                format!("{dropped} pauses dropped: another starts execs in what they freeze");
            self.dropped.push(Verdict::skip("hazard", what));
        }
        let plot = &safe;
        let round = Round {
            number: AtomicU64::new(0),
            acted: Mutex::default(),
            heard: Mutex::default(),
            crowd: watch::Sender::default(),
        };
        let mut aside = Aside::default();
        let played = self.play_round(plot, &round, &mut aside);
        tokio::select! {
            biased;
            played = played => played?,
            () = self.listen(&round) => unreachable!("it listens for ever"),
        }
        self.hear(&round);
        let heard = round.heard.into_inner().expect("nothing panics while it holds what was heard");
        let mut acted = round.acted.into_inner().expect("nothing panics while it holds the acts");
        acted.sort_by_key(|one| one.number);
        self.dropped.append(&mut aside.dropped);
        self.script.meet(self.arm.target.injected(&self.namespace));
        let history = self.history(&acted, &heard, aside);
        self.judge_order(&history);
        for one in acted {
            let done = self.acted(one).await;
            self.done.push(done);
        }
        Ok(())
    }

    async fn play_round(
        &self,
        plot: &Plot,
        round: &Round,
        aside: &mut Aside,
    ) -> Result<(), RunFault> {
        for play in &plot.opening {
            self.act(round, 0, play).await?;
            self.rest().await?;
        }
        if !self.calm {
            self.make_ready(plot, aside);
        }
        round.crowd.send_modify(|crowd| crowd.busy = plot.actors.len());
        let actors = (1..).zip(&plot.actors);
        let actors = actors.map(|(actor, moves)| self.actor(round, actor, moves));
        // Whoever ends what the others wait for is one more.
        let ender = u32::try_from(plot.actors.len()).expect("actors are few") + 1;
        let all = try_join_all(actors);
        let (_, ()) = tokio::try_join!(biased; all, self.end_what_is_awaited(round, ender, plot))?;
        // What ends the case is asked of a client that has heard what it may hear.
        quiet(&*self.arm.target, self.begin).await.map_err(|fault| self.target_fault(fault))?;
        let seen = self.look(plot, &mut aside.looks).await?;
        for c in plot.containers() {
            if seen.contains(&c) {
                self.act(round, 0, &Move::ForceDelete { c }).await?;
                self.rest().await?;
            }
            self.act(round, 0, &Move::Delete { c }).await?;
            self.rest().await?;
        }
        self.look(plot, &mut aside.looks).await.map(drop)
    }

    /// From now on what is to go wrong does, at the next occasion.
    fn make_ready(&self, plot: &Plot, aside: &mut Aside) {
        for trouble in &plot.faults {
            let ready = self.arm.target.provoke(&self.namespace, &trouble.file());
            aside.dropped.extend(
                ready
                    .err()
                    .map(|why| Verdict::skip("hazard", format!("a fault was dropped: {why}"))),
            );
        }
        aside.armed = Some(self.arm.target.ledger().mark());
    }

    async fn actor(&self, round: &Round, actor: u32, moves: &[Move]) -> Result<(), RunFault> {
        for play in moves {
            let waits = waits(play);
            round.crowd.send_modify(|crowd| crowd.waiting += usize::from(waits));
            self.act(round, actor, play).await?;
            round.crowd.send_modify(|crowd| {
                crowd.waiting -= usize::from(waits);
                crowd.acts += 1;
            });
        }
        round.crowd.send_modify(|crowd| crowd.busy -= 1);
        Ok(())
    }

    /// When all that are left wait, and nothing ends by itself, what they wait for is ended.
    async fn end_what_is_awaited(
        &self,
        round: &Round,
        actor: u32,
        plot: &Plot,
    ) -> Result<(), RunFault> {
        let mut crowd = round.crowd.subscribe();
        let mut stalled = None;
        loop {
            let now = *crowd.borrow_and_update();
            if now.busy == 0 {
                return Ok(());
            }
            let patience_ms = if now.busy == now.waiting { STALLED_MS } else { STUCK_MS };
            // Not a wait for something to happen: that nothing does is what is measured.
            let change = timeout(Duration::from_millis(patience_ms), crowd.changed());
            if change.await.is_ok() {
                continue;
            }
            if stalled.replace(now.acts) == Some(now.acts) && self.has_orphan().await? {
                round.crowd.send_modify(|crowd| crowd.let_go = true);
            }
            for c in plot.containers() {
                if now.busy != now.waiting {
                    self.act(round, actor, &Move::Resume { c }).await?;
                }
                self.act(round, actor, &Move::ForceDelete { c }).await?;
            }
        }
    }

    /// Whether a task is there that ought to have been ended: its record was deleted under it, and no client
    /// that keeps handles has one of it. The server has it in lists alone.
    async fn has_orphan(&self) -> Result<bool, RunFault> {
        let left = self.arm.target.leftovers(&self.namespace).await;
        let left = left.map_err(|fault| self.target_fault(fault))?;
        Ok(left.iter().any(|what| what.starts_with("task ")))
    }

    async fn act(&self, round: &Round, actor: u32, play: &Move) -> Result<(), RunFault> {
        if self.stop.asked() {
            return Err(RunFault::Stopped { case: self.case.clone() });
        }
        if !can(&self.arm.capabilities, play) {
            return Ok(());
        }
        let number = round.number.fetch_add(1, Ordering::Relaxed);
        let open = self.ask(StepId::new(number), &play.operation());
        let asked = open.answer.abort_handle();
        let mut crowd = round.crowd.subscribe();
        let waits = waits(play);
        let answered = tokio::select! {
            biased;
            answered = self.answer_to(open, None) => answered?,
            // As if it had not been asked: it changes nothing, and was told nothing.
            _ = crowd.wait_for(|crowd| waits && crowd.let_go) => {
                asked.abort();
                return Ok(());
            }
        };
        let returned = self.arm.target.ledger().mark();
        let acted = Acted { actor, number, play: play.clone(), answered, returned };
        round.acted.lock().expect("nothing panics while it holds the acts").push(acted);
        Ok(())
    }

    async fn rest(&self) -> Result<(), RunFault> {
        let target = &*self.arm.target;
        let settled = settle(target, self.begin, Rest::Answered).await;
        settled.map_err(|fault| self.target_fault(fault))
    }

    /// What the observer sees while nobody acts: the containers that have a task.
    async fn look(&self, plot: &Plot, looks: &mut Vec<Look>) -> Result<Vec<u8>, RunFault> {
        let target = &*self.arm.target;
        let mut seen = Vec::new();
        for container in plot.containers() {
            let at = target.ledger().mark().seq().number();
            let state = target.task(&self.namespace, &container_id(container)).await;
            let state = state.map_err(|fault| self.target_fault(fault))?;
            seen.extend(state.map(|_| container));
            looks.push(Look { container, state, at });
        }
        Ok(seen)
    }

    /// Writes down what the observer hears, as it comes.
    async fn listen(&self, round: &Round) {
        loop {
            let heard = self.hear(round);
            self.arm.target.events_changed(&self.namespace, heard, LISTEN).await;
        }
    }

    fn hear(&self, round: &Round) -> usize {
        let events = self.arm.target.events(&self.namespace);
        let mark = self.arm.target.ledger().mark();
        let mut heard = round.heard.lock().expect("nothing panics while it holds what was heard");
        let from = heard.len();
        heard.extend(events.into_iter().skip(from).map(|event| (mark, event)));
        heard.len()
    }

    fn history(&self, acted: &[Acted], heard: &[(Mark, Event)], aside: Aside) -> History {
        let from = aside.armed.map_or(0, |mark| mark.seq().number());
        let excuse = self.script.excuse(0);
        let excused = |one: &Acted| {
            let after = one.returned.seq().number() >= from;
            after && excuse.as_ref().is_some_and(|it| it.takes(&one.play, &one.answered.outcome))
        };
        let injected = self.arm.target.injected(&self.namespace);
        let blows = injected.into_iter().filter(|fault| fault.reach == Reach::World);
        let blows = blows.map(|fault| Blow { what: fault.what, from });
        let acts = acted.iter().map(|one| Act {
            actor: one.actor as usize,
            play: one.play.clone(),
            outcome: one.answered.outcome.clone(),
            invoked: one.answered.mark.seq().number(),
            returned: one.returned.seq().number(),
            excused: excused(one),
        });
        let mut told = self.notices.told();
        let ends = heard.iter().filter(|(_, event)| event.topic == "/tasks/exit");
        let ends = ends.filter_map(|(mark, event)| {
            let container = (0..CONTAINERS).find(|slot| container_id(*slot) == event.container)?;
            let exec = event.exec.as_ref();
            // The first notice of a process is of its first end.
            let same = |(_, notice): &(Mark, Notice)| {
                let Notice::Exit { container, exec, .. } = notice;
                *container == event.container && *exec == event.exec
            };
            let notice = told.iter().position(same).map(|place| told.remove(place));
            Some(End {
                container,
                exec: exec.and_then(|exec| (0..u8::MAX).find(|slot| exec_id(*slot) == *exec)),
                status: event.status,
                seen: mark.seq().number(),
                heard: notice.map(|(mark, _)| mark.seq().number()),
            })
        });
        History {
            acts: acts.collect(),
            blows: blows.collect(),
            ends: ends.collect(),
            looks: aside.looks,
        }
    }

    fn judge_order(&mut self, history: &History) {
        let ordered = history.order(NODES_MAX);
        self.ordered.add(&Orders {
            cases: 1,
            operations: history.acts.len() as u64,
            nodes: ordered.nodes,
            undecided: u64::from(!ordered.undecided.is_empty()),
            adrift: u64::from(!ordered.adrift.is_empty()),
        });
        let mock = self.arm.target.describe().kind == "mock";
        if !mock && (0..CONTAINERS).any(|slot| history.tells_twice(slot)) {
            self.tells_twice = true;
            let why = "several were starting or removing a task at once: see LATITUDES";
            self.dropped.push(Verdict::skip("events-once", why));
        }
        // Whether it was carried out an error does not say that something was made to end so.
        let unsure = history.acts.iter().filter(|act| act.excused);
        let unsure = unsure.filter(|act| matches!(act.outcome, Outcome::Error(_)));
        unsure.filter_map(|act| act.play.container()).for_each(|slot| self.world.doubt(slot));
        for slot in &ordered.adrift {
            self.world.doubt(*slot);
            let id = container_id(*slot);
            let why = match self.script.faulty() {
                true => format!("{id} is where nobody can say, after {}", self.script.told()),
                false => {
                    format!("the record of {id} was deleted while a task was made: see LATITUDES")
                }
            };
            self.dropped.push(Verdict::skip("events-once", why));
        }
        let verdict = match ordered.undecided.is_empty() {
            _ if !ordered.impossible.is_empty() => {
                Verdict::fail("linearizable", ordered.impossible.join("\n      "))
            }
            true => Verdict::pass("linearizable"),
            false => {
                let nodes = ordered.nodes;
                Verdict::skip("linearizable", format!("could not decide in {nodes} places"))
            }
        };
        self.dropped.push(verdict);
    }

    /// As it goes into the record.
    async fn acted(&self, one: Acted) -> Done {
        let Acted { actor, play, answered, returned, .. } = one;
        let owed = self.owed_of(&answered.operation, &answered.outcome).await;
        let judged = self.script.counts() && !self.script.may_undo() && !self.world.doubts(&play);
        let unjudged = (self.script.faulty() && !judged).then(|| self.script.skip("budget"));
        let done = answered.done(Vec::new(), vec![owed], unjudged, returned);
        let may_ask = matches!(play, Move::Delete { .. });
        Done { leeway: Leeway { less: true, may_ask, raced: true }, actor, ..done }
    }

    async fn owed_of(&self, operation: &driver_protocol::Operation, outcome: &Outcome) -> Verdict {
        await_events(&*self.arm.target, &self.namespace, operation, outcome).await
    }
}
