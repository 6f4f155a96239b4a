//! Generated cases side by side. Each player has a target of its own, so that its calls, events and
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
use super::part::{Sum, close, go};
use super::{RunFault, Stop};
use crate::generate::Generation;
use crate::plot::Actors;
use crate::{Target, TargetFault};

/// Cases that one target serves at most.
const CASES_MAX: usize = 250;

/// Starts another target of the arm's kind.
pub type OpenTarget<'a> =
    dyn Fn() -> Pending<'static, Result<Box<dyn Target>, TargetFault>> + Send + Sync + 'a;

/// Who plays generated cases.
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

/// What the players of a crew share.
struct Watch<'w> {
    seed: u64,
    actors: Option<Actors>,
    batches: Mutex<VecDeque<Vec<u64>>>,
    emit: Mutex<&'w mut (dyn FnMut(Line) + Send)>,
    /// Asked when one of them meets a fault: the others end in good order.
    halt: Stop,
}

impl<'w> Watch<'w> {
    // Neither is held over an await.
    fn next(&self) -> Option<Vec<u64>> {
        let mut batches = self.batches.lock().expect("nothing panics while it holds the batches");
        batches.pop_front()
    }

    fn ink(&self) -> MutexGuard<'_, &'w mut (dyn FnMut(Line) + Send)> {
        self.emit.lock().expect("nothing panics while it writes a line")
    }
}

/// Plays what is generated.
pub(super) fn play(
    arm: &Arm<'_>,
    crew: Crew<'_>,
    generation: Generation,
    stop: &Stop,
    emit: &mut (dyn FnMut(Line) + Send),
) -> Result<Sum, RunFault> {
    let jobs = crew.jobs.max(1);
    let cases_max = if crew.apart { 1 } else { CASES_MAX };
    let size = generation.cases.len().div_ceil(jobs).clamp(1, cases_max);
    let watch = Watch {
        seed: generation.seed,
        actors: generation.actors,
        batches: Mutex::new(generation.cases.chunks(size).map(<[u64]>::to_vec).collect()),
        emit: Mutex::new(emit),
        halt: Stop::default(),
    };
    let ends: Vec<Result<Sum, RunFault>> = blocking(|| {
        thread::scope(|scope| {
            let players: Vec<_> =
                (0..jobs).map(|_| scope.spawn(|| player(arm, crew, &watch, stop))).collect();
            let ended = |player: thread::ScopedJoinHandle<'_, _>| {
                player.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic))
            };
            players.into_iter().map(ended).collect()
        })
    });
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
fn player(arm: &Arm<'_>, crew: Crew<'_>, watch: &Watch<'_>, stop: &Stop) -> Result<Sum, RunFault> {
    let mut runtime = Builder::new_current_thread();
    let runtime = runtime.enable_all().start_paused(crew.apart).build().map_err(|error| {
        let fault = TargetFault::Start(format!("cannot start a player's runtime: {error}"));
        RunFault::Target { case: "generated cases".to_owned(), fault }
    })?;
    let ended = runtime.block_on(async {
        let heed = async {
            stop.wait().await;
            watch.halt.ask();
            std::future::pending().await
        };
        tokio::select! {
            ended = batches(arm, crew, watch) => ended,
            () = heed => unreachable!("whoever heeds a stop waits on"),
        }
    });
    runtime.shutdown_background();
    ended
}

async fn batches(arm: &Arm<'_>, crew: Crew<'_>, watch: &Watch<'_>) -> Result<Sum, RunFault> {
    let mut sum = Sum::default();
    while let Some(cases) = watch.next() {
        match batch(arm, crew, watch, cases).await {
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
async fn batch(
    arm: &Arm<'_>,
    crew: Crew<'_>,
    watch: &Watch<'_>,
    cases: Vec<u64>,
) -> Result<Sum, RunFault> {
    let generation = Generation { seed: watch.seed, cases, actors: watch.actors };
    let target = (crew.open)().await.map_err(|fault| {
        let first = generation.cases.first();
        let case = first.map(|case| generation.id(*case)).unwrap_or_default();
        RunFault::Target { case, fault }
    })?;
    let arm = arm.on(target, generation);
    // The lines of a case stand together.
    let mut lines = Vec::new();
    let mut tell = |line| {
        let ends = matches!(line, Line::CaseEnd(_));
        lines.push(line);
        if ends {
            let mut emit = watch.ink();
            lines.drain(..).for_each(&mut **emit);
        }
    };
    let went = go(&arm, &watch.halt, &mut tell).await;
    lines.drain(..).for_each(&mut **watch.ink());
    close(arm.target, went).await
}
