//! Generated cases side by side. Each player has a target of its own, so that its calls, events and
//! quiet are nobody else's; and none serves more than so many cases, so that what it remembers does
//! not grow with their number.

use std::collections::VecDeque;
use std::sync::{Mutex, MutexGuard};

use driver_protocol::Pending;
use futures_util::future::join_all;
use run_record::Line;

use super::arm::Arm;
use super::part::{Sum, close, go};
use super::{RunFault, Stop};
use crate::generate::Generation;
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
    /// Where their targets come from.
    pub open: &'a OpenTarget<'a>,
}

/// What the players of a crew share.
struct Watch<'w> {
    seed: u64,
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
pub(super) async fn play(
    arm: &Arm<'_>,
    crew: Crew<'_>,
    generation: Generation,
    stop: &Stop,
    emit: &mut (dyn FnMut(Line) + Send),
) -> Result<Sum, RunFault> {
    let jobs = crew.jobs.max(1);
    let size = generation.cases.len().div_ceil(jobs).clamp(1, CASES_MAX);
    let watch = Watch {
        seed: generation.seed,
        batches: Mutex::new(generation.cases.chunks(size).map(<[u64]>::to_vec).collect()),
        emit: Mutex::new(emit),
        halt: Stop::default(),
    };
    let mut sum = Sum::default();
    let mut fault = None;
    let players = join_all((0..jobs).map(|_| player(arm, crew, &watch)));
    let heed = async {
        stop.wait().await;
        watch.halt.ask();
        std::future::pending().await
    };
    let ends = tokio::select! {
        ends = players => ends,
        () = heed => unreachable!("whoever heeds a stop waits on"),
    };
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

async fn player(arm: &Arm<'_>, crew: Crew<'_>, watch: &Watch<'_>) -> Result<Sum, RunFault> {
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
    let target = (crew.open)().await.map_err(|fault| {
        let case = cases.first().map(|case| Generation::id(*case)).unwrap_or_default();
        RunFault::Target { case, fault }
    })?;
    let arm = arm.on(target, Generation { seed: watch.seed, cases });
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
