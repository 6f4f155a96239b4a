//! Cases side by side. Each player has a target of its own, so that its calls, events and
//! quiet are nobody else's; and none serves more than so many cases, so that what it remembers does
//! not grow with their number. And each has a thread of its own, on which its client, its target and the
//! tap between them take turns: threads that wake each other cost more than a step does.

use std::collections::VecDeque;
use std::sync::{Mutex, MutexGuard};
use std::thread;

use driver_protocol::Pending;
use run_record::Line;
use tokio::runtime::{Builder, Handle, RuntimeFlavor};

use super::arm::Arm;
use super::ink::Ink;
use super::part::{Sum, close, go};
use super::{RunFault, Stop};
use crate::generate::Generation;
use crate::plot::Actors;
use crate::{Scenario, Target, TargetFault};

/// Generated cases that one target serves at most.
const CASES_MAX: usize = 250;

/// Named ones for which another target is worth its start.
const NAMED_MIN: usize = 8;

/// Starts another target of the arm's kind.
pub type OpenTarget<'a> =
    dyn Fn() -> Pending<'static, Result<Box<dyn Target>, TargetFault>> + Send + Sync + 'a;

/// Who plays cases side by side.
#[derive(Clone, Copy)]
pub struct Crew<'a> {
    /// How many cases at once.
    pub jobs: usize,
    /// Whether each case has a target of its own, and each player a time of its own that passes when nobody
    /// has anything to do: then nothing of a case depends on others, nor on the machine.
    pub apart: bool,
    /// Where their targets come from.
    pub open: &'a OpenTarget<'a>,
}

/// What a crew plays.
pub(super) struct Deal<'a> {
    pub(super) scenarios: Vec<&'a Scenario>,
    pub(super) generation: Generation,
}

/// What one target serves.
enum Hand<'a> {
    /// With the place of each among all that are named.
    Named(Vec<(usize, &'a Scenario)>),
    Drawn(Vec<u64>),
}

impl<'a> Deal<'a> {
    /// What is named first; its neighbours, which often take as long, to different players.
    fn hands(&self, crew: Crew<'_>) -> VecDeque<Hand<'a>> {
        let jobs = crew.jobs.max(1);
        let players = jobs.min(self.scenarios.len().div_ceil(NAMED_MIN));
        let named = (0..players).map(|player| {
            let all = self.scenarios.iter().copied().enumerate();
            Hand::Named(all.skip(player).step_by(players).collect())
        });
        let cases = &self.generation.cases;
        let cases_max = if crew.apart { 1 } else { CASES_MAX };
        let size = cases.len().div_ceil(jobs).clamp(1, cases_max);
        named.chain(cases.chunks(size).map(|cases| Hand::Drawn(cases.to_vec()))).collect()
    }
}

/// What the players of a crew share.
struct Watch<'w, 'a> {
    seed: u64,
    actors: Option<Actors>,
    hands: Mutex<VecDeque<Hand<'a>>>,
    ink: Mutex<Ink<'w>>,
    /// Asked when one of them meets a fault: the others end in good order.
    halt: Stop,
}

impl<'w, 'a> Watch<'w, 'a> {
    // Neither is held over an await.
    fn next(&self) -> Option<Hand<'a>> {
        let mut hands = self.hands.lock().expect("nothing panics while it holds the hands");
        hands.pop_front()
    }

    fn ink(&self) -> MutexGuard<'_, Ink<'w>> {
        self.ink.lock().expect("nothing panics while it writes a line")
    }
}

/// Plays what is dealt.
pub(super) fn play<'a>(
    arm: &Arm<'a>,
    crew: Crew<'_>,
    deal: Deal<'a>,
    stop: &Stop,
    emit: &mut (dyn FnMut(Line) + Send),
) -> Result<Sum, RunFault> {
    let watch = Watch {
        seed: deal.generation.seed,
        actors: deal.generation.actors,
        hands: Mutex::new(deal.hands(crew)),
        ink: Mutex::new(Ink::new(emit)),
        halt: Stop::default(),
    };
    let ends: Vec<Result<Sum, RunFault>> = blocking(|| {
        thread::scope(|scope| {
            let players: Vec<_> = (0..crew.jobs.max(1))
                .map(|_| scope.spawn(|| player(arm, crew, &watch, stop)))
                .collect();
            let ended = |player: thread::ScopedJoinHandle<'_, _>| {
                player.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic))
            };
            players.into_iter().map(ended).collect()
        })
    });
    // After a fault some wait for what was never played.
    watch.ink().flush();
    let mut sum = Sum::default();
    let mut fault = None;
    for end in ends {
        match end {
            Ok(more) => sum.add(more),
            // That the others stopped is because of the first.
            Err(error) if fault.is_none() || matches!(fault, Some(RunFault::Stopped { .. })) => {
                fault = Some(error);
            }
            Err(_) => {}
        }
    }
    fault.map_or(Ok(sum), Err)
}

/// Waits for threads without keeping others' tasks from running.
fn blocking<T>(wait: impl FnOnce() -> T) -> T {
    match Handle::try_current().map(|handle| handle.runtime_flavor()) {
        Ok(RuntimeFlavor::MultiThread) => tokio::task::block_in_place(wait),
        _ => wait(),
    }
}

/// Everything that a player starts lives on its thread, and ends with it.
fn player<'a>(
    arm: &Arm<'a>,
    crew: Crew<'_>,
    watch: &Watch<'_, 'a>,
    stop: &Stop,
) -> Result<Sum, RunFault> {
    let mut runtime = Builder::new_current_thread();
    let runtime = runtime.enable_all().start_paused(crew.apart).build().map_err(|error| {
        let fault = TargetFault::Start(format!("cannot start a player's runtime: {error}"));
        RunFault::Target { case: "cases side by side".to_owned(), fault }
    })?;
    let ended = runtime.block_on(async {
        let heed = async {
            stop.wait().await;
            watch.halt.ask();
            std::future::pending().await
        };
        tokio::select! {
            ended = hands(arm, crew, watch) => ended,
            () = heed => unreachable!("whoever heeds a stop waits on"),
        }
    });
    runtime.shutdown_background();
    ended
}

async fn hands<'a>(arm: &Arm<'a>, crew: Crew<'_>, watch: &Watch<'_, 'a>) -> Result<Sum, RunFault> {
    let mut sum = Sum::default();
    while let Some(hand) = watch.next() {
        match played(arm, crew, watch, hand).await {
            Ok(more) => sum.add(more),
            Err(fault) => {
                watch.halt.ask();
                return Err(fault);
            }
        }
    }
    Ok(sum)
}

/// Some cases, on a target of their own.
async fn played<'a>(
    arm: &Arm<'a>,
    crew: Crew<'_>,
    watch: &Watch<'_, 'a>,
    hand: Hand<'a>,
) -> Result<Sum, RunFault> {
    let mut generation = Generation { seed: watch.seed, cases: Vec::new(), actors: watch.actors };
    let (mut places, mut scenarios) = (VecDeque::new(), Vec::new());
    let first = match hand {
        Hand::Named(named) => {
            (places, scenarios) = named.into_iter().unzip();
            scenarios.first().map(|scenario| scenario.case())
        }
        Hand::Drawn(cases) => {
            generation.cases = cases;
            generation.cases.first().map(|case| generation.id(*case))
        }
    };
    let target = (crew.open)()
        .await
        .map_err(|fault| RunFault::Target { case: first.unwrap_or_default(), fault })?;
    let arm = arm.on(target, scenarios, generation);
    // The lines of a case stand together.
    let mut lines = Vec::new();
    let mut tell = |line| {
        let ends = matches!(line, Line::CaseEnd(_));
        lines.push(line);
        if ends {
            watch.ink().write(places.pop_front(), lines.drain(..));
        }
    };
    let went = go(&arm, &watch.halt, &mut tell).await;
    watch.ink().write(places.pop_front(), lines);
    close(arm.target, went).await
}
