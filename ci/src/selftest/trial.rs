//! One mutant, tried: a run on the mock that goes wrong, and whether what must catch it did.

use std::fmt;
use std::time::Duration;

use anyhow::Context;
use driver_protocol::{Close, Connect, DriverFactory, Hello};
use laconic_scenarios::budgets::own;
use laconic_scenarios::generate::Generation;
use laconic_scenarios::{
    Arm, KnownFailures, Modelled, RunFault, Scenario, Selection, Stop, Target, catalogue, run_arm,
};
use laconic_targets::{TargetSpec, start_with_faults};
use mock_containerd::{Faults, MockContainerd, Profile};
use run_record::{DriverRef, Line, Verdict};

use super::client::{Twist, Twisted};
use super::server::{Warp, Warped};

/// Longer than any of them takes: what waits for a late event waits five seconds.
const LIMIT: Duration = Duration::from_secs(300);

/// What a run that ends in a fault says instead of a check.
const FAULT: &str = "fault";

/// Something wrong, and who must notice.
pub(crate) struct Mutant {
    /// Kebab-case.
    pub(crate) name: &'static str,
    /// The check that must catch it; `fault`: it is no verdict, and ends the run.
    pub(crate) check: &'static str,
    /// What it is shown in.
    pub(crate) plays: Plays,
    pub(crate) twist: Twist,
    pub(crate) warp: Warp,
    /// As a file of faults.
    pub(crate) faults: &'static str,
}

/// What is played.
#[derive(Clone, Copy)]
pub(crate) enum Plays {
    /// A scenario of the catalogue.
    Named(&'static str),
    /// One of our own.
    Own(fn() -> Scenario),
    /// Generated cases, so many.
    Generated(u64),
    /// The same, held against the mock as it is.
    Beside(u64),
}

/// How a trial ended.
pub(crate) enum Caught {
    /// By the check that it names.
    By(String),
    /// By others only, or by none.
    Not(Vec<String>),
}

impl Mutant {
    /// The same run with nothing wrong in it: it must be green.
    pub(crate) fn control(&self) -> Self {
        let Self { name, check, plays, .. } = *self;
        // A shim that hangs is part of its scenario.
        let faults = if let Plays::Own(_) = plays { self.faults } else { "" };
        Self { name, check, plays, twist: Twist::Nothing, warp: Warp::Unsaid, faults }
    }
}

impl fmt::Display for Plays {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Named(name) => f.write_str(name),
            Self::Own(scenario) => f.write_str(&scenario().name),
            Self::Generated(count) => write!(f, "{count} generated cases"),
            Self::Beside(count) => write!(f, "{count} generated cases on two mocks"),
        }
    }
}

/// Tries one.
pub(crate) async fn attempt(mutant: &Mutant) -> anyhow::Result<Caught> {
    let played = tokio::time::timeout(LIMIT, play(mutant)).await;
    let failed = played.with_context(|| format!("{}: no end after {LIMIT:?}", mutant.name))??;
    // What is wrong with the harness is no verdict about the client.
    let alone = mutant.check != FAULT || failed.len() == 1;
    Ok(match failed.iter().find(|one| alone && one.check == mutant.check) {
        Some(one) => Caught::By(one.detail.clone()),
        None => {
            let told = |one: &Verdict| format!("{}: {}", one.check, one.detail);
            Caught::Not(failed.iter().map(told).collect())
        }
    })
}

/// What failed, the fault that ended the run among it.
async fn play(mutant: &Mutant) -> anyhow::Result<Vec<Verdict>> {
    let (factory, plain) = (Twisted { twist: mutant.twist }, Twisted { twist: Twist::Nothing });
    let hello = introduced(&plain).await?;
    let scenarios = match mutant.plays {
        Plays::Named(name) => {
            Selection { run: vec![name.to_owned()], skip: Vec::new() }.of(catalogue())
        }
        Plays::Own(scenario) => vec![scenario()],
        Plays::Generated(_) | Plays::Beside(_) => Vec::new(),
    };
    let mut arm = arm_of(&factory, &hello, &scenarios, mutant, mutant.faults).await?;
    let inner = arm.target;
    arm.target = Box::new(Warped { inner, warp: mutant.warp });
    if let Plays::Beside(_) = mutant.plays {
        let reference = arm_of(&plain, &hello, &scenarios, mutant, "").await?;
        arm = Arm { run: 2, reference: Some(Box::new(reference)), ..arm };
    }
    let mut failed = Vec::new();
    let ended = run_arm(arm, &Stop::default(), &mut |line| failed.extend(failures(line))).await;
    failed.extend(ended.err().map(|fault: RunFault| Verdict::fail(FAULT, fault.to_string())));
    Ok(failed)
}

async fn arm_of<'a>(
    factory: &'a dyn DriverFactory,
    hello: &Hello,
    scenarios: &'a [Scenario],
    mutant: &Mutant,
    faults: &str,
) -> anyhow::Result<Arm<'a>> {
    let cases = match mutant.plays {
        Plays::Generated(cases) | Plays::Beside(cases) => cases,
        Plays::Named(_) | Plays::Own(_) => 0,
    };
    let generation = Generation::first(cases, 0, (0, 1));
    Ok(Arm {
        run: 1,
        factory,
        driver: DriverRef::new(hello, "in-process"),
        capabilities: hello.capabilities.clone(),
        target: mock(faults).await?,
        budget: own(&hello.driver).context("our own client has a budget")?,
        faults: None,
        known: KnownFailures::default(),
        scenarios: scenarios.iter().collect(),
        // What fails here is meant to: nothing of it is kept.
        modelled: Modelled { generation, ..Modelled::default() },
        crew: None,
        reference: None,
    })
}

async fn mock(faults: &str) -> anyhow::Result<Box<dyn Target>> {
    let spec = TargetSpec::Mock(Profile::V1_6);
    let parsed = Faults::parse("selftest", faults)?;
    let faults = (!faults.is_empty()).then_some(&parsed);
    Ok(start_with_faults(&spec, faults).await?)
}

async fn introduced(factory: &dyn DriverFactory) -> anyhow::Result<Hello> {
    let mock = MockContainerd::builder().start().await?;
    let (socket, namespace) = (mock.socket().to_owned(), "laconic-introduction".to_owned());
    let driver = factory.open(Connect { socket, namespace, rootfs: None }).await?;
    driver.close(Close::Graceful).await?;
    Ok(driver.hello().clone())
}

fn failures(line: Line) -> Vec<Verdict> {
    let verdicts = match line {
        Line::Step(step) => step.verdicts,
        Line::CaseEnd(end) => end.verdicts,
        Line::RunEnd(end) => end.verdicts,
        _ => Vec::new(),
    };
    verdicts.into_iter().filter(Verdict::failed).collect()
}
