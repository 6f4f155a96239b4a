//! Generated cases, judged by the model: how many steps a second, and what the process holds meanwhile.

use std::time::{Duration, Instant};

use driver_protocol::{Hello, Pending};
use laconic_drivers::RetainedFactory;
use laconic_scenarios::generate::Generation;
use laconic_scenarios::{Crew, Modelled, Stop, Target, TargetFault, run_arm};
use laconic_targets::{TargetSpec, start};
use mock_containerd::Profile;
use run_record::Line;
use tokio::runtime::Runtime;

use crate::lives::arm;

/// Cases of a batch; between batches it is looked how much the process holds.
const CASES: u64 = 250;
const BATCHES: u64 = 4;
/// Cases at once, over the socket: they wait more than they work.
const JOBS: usize = 8;

/// What a batch came to.
struct Batch {
    taken: Duration,
    cases: u64,
    steps: u64,
    resident_kib: u64,
}

pub(crate) fn rates(hello: &Hello, threads: &Runtime) {
    println!("{CASES} generated cases a batch, faults and all; {JOBS} at once over the socket");
    for batch in 0..BATCHES {
        shown(&threads.block_on(over_the_socket(hello, batch)));
    }
}

fn shown(batch: &Batch) {
    let seconds = batch.taken.as_secs_f64();
    println!(
        "{:>7.0} steps/s  {:>6.1} s for 10,000 cases  {:>7} KiB resident",
        batch.steps as f64 / seconds,
        seconds * 10_000.0 / batch.cases as f64,
        batch.resident_kib
    );
}

fn generation(batch: u64) -> Generation {
    Generation { cases: (batch * CASES..(batch + 1) * CASES).collect(), ..Generation::default() }
}

async fn over_the_socket(hello: &Hello, batch: u64) -> Batch {
    let spec = TargetSpec::Mock(Profile::V1_6);
    let open = || -> Pending<'static, Result<Box<dyn Target>, TargetFault>> {
        Box::pin(async {
            let target = start(&TargetSpec::Mock(Profile::V1_6)).await;
            target.map_err(|error| TargetFault::Start(error.to_string()))
        })
    };
    let target = start(&spec).await.expect("a socket");
    let modelled = Modelled { generation: generation(batch), ..Modelled::default() };
    let mut arm = arm(&RetainedFactory, hello, target, &[], modelled);
    arm.crew = Some(Crew { jobs: JOBS, apart: false, open: &open });
    timed(arm).await
}

async fn timed(arm: laconic_scenarios::Arm<'_>) -> Batch {
    let begun = Instant::now();
    let mut steps = 0;
    let mut tell = |line| steps += u64::from(matches!(line, Line::Step(_)));
    let end = run_arm(arm, &Stop::default(), &mut tell).await.expect("nothing goes wrong");
    assert_eq!((end.tally.fail, end.valid), (0, true), "what is timed is right");
    let cases = end.tally.pass + end.tally.skip;
    Batch { taken: begun.elapsed(), cases, steps, resident_kib: resident_kib() }
}

fn resident_kib() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
    line.and_then(|rest| rest.split_whitespace().next()?.parse().ok()).unwrap_or_default()
}
