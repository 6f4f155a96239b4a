//! `laconic run`.

use std::path::Path;
use std::time::Duration;

use driver_protocol::Pending;
use indicatif::{ProgressBar, ProgressStyle};
use laconic_reports::{Finding, Report};
use laconic_scenarios::generate::GENERATOR;
use laconic_scenarios::{
    Arm, ArmEnd, Crew, Modelled, RunFault, Stop, Target, TargetFault, run_arm,
};
use laconic_targets::daemon::Machine;
use laconic_targets::{Exchange, StandError, start, start_with_faults};
use mock_containerd::Profile;
use run_record::{
    Compared, Header, Host, Line, Orders, RecordWriter, SCHEMA_VERSION, Shard, Summary, Tally,
};

use super::interrupt::heed;
use super::journal::Journal;
use super::output::print;
use super::plan::{Place, Plan, Wanted};
use super::report::Reports;
use crate::arguments::RunOptions;
use crate::exit::{Exit, usage};
use crate::registry::driver_in_memory;
use crate::testee::Testee;

pub(crate) async fn run(options: RunOptions) -> anyhow::Result<Exit> {
    let reports = Reports::prepare(&options.reports)?;
    let plan = Plan::check(&options).await?;
    let writer = match &options.record {
        Some(path) => RecordWriter::create(path)?,
        None => RecordWriter::nowhere(),
    };
    let stop = Stop::default();
    heed(&stop);
    let mut journal = Journal::new(writer, bar(&plan));
    journal.add(Line::Record(Header {
        seed: plan.cases.generation.seed,
        generator: GENERATOR,
        shard: plan.cases.shard,
        ..header_of(plan.hash(&options))
    }));
    let end = run_all(&plan, &stop, &mut journal).await;
    journal.bar.finish_and_clear();

    let (mut summary, fault) = match end {
        Ok(summary) => (summary, None),
        Err((summary, fault)) => (summary, Some(fault)),
    };
    summary.verdicts = journal.tally();
    journal.add(Line::Summary(summary.clone()));
    let (report, broken) = journal.close();
    print(&report.text());
    reports.write(&report)?;
    tell_github(&report)?;
    for testee in plan.testees.iter().filter(|testee| !plan.promised(testee.name())) {
        offer_budget(testee.name(), options.record.as_deref());
    }
    if let Some(fault) = fault {
        return Err(fault);
    }
    if let Some(error) = broken {
        return Err(error.into());
    }
    Ok(match summary {
        Summary { valid: false, .. } | Summary { complete: false, .. } => Exit::Harness,
        Summary { verdicts: Tally { fail: 1.., .. }, .. } => Exit::Broke,
        Summary { verdicts: Tally { pass: 0, .. }, .. } => Exit::Nothing,
        _ => Exit::Good,
    })
}

type Ended = Result<Summary, (Summary, anyhow::Error)>;

async fn run_all(plan: &Plan, stop: &Stop, journal: &mut Journal) -> Ended {
    let mut summary =
        Summary { verdicts: Tally::default(), complete: true, valid: true, not_run: Vec::new() };
    let mut number = 0;
    for targets in plan.turns() {
        for testee in &plan.testees {
            if let [Wanted { place: Place::Memory(profile), name, required }] = targets {
                if !testee.plays_in_memory() {
                    let lack = format!("{} dials a socket", testee.name());
                    if *required {
                        return Err((summary, anyhow::anyhow!("target {name}: {lack}")));
                    }
                    summary.not_run.push(format!("{name} ({lack})"));
                    continue;
                }
                number += 1;
                match in_memory(plan, number, testee, *profile, stop, journal) {
                    Ok(valid) => summary.valid &= valid,
                    Err(fault) => {
                        summary.complete = false;
                        return Err((summary, fault));
                    }
                }
                continue;
            }
            let ended = match begin(plan, targets).await {
                Ok(Begun::Targets(begun)) => {
                    let first = number + 1;
                    number += u32::try_from(begun.len()).expect("targets are few");
                    arm(plan, first, testee, (targets, begun), stop, journal).await
                }
                Ok(Begun::NotHere(reason)) => {
                    summary.not_run.push(reason);
                    let cases: usize =
                        targets.iter().map(|wanted| plan.cases.len_on(wanted.kind())).sum();
                    journal.bar.inc((cases * plan.testees.len()) as u64);
                    break;
                }
                Err(error) => Err(error),
            };
            match ended {
                Ok(valid) => summary.valid &= valid,
                Err(fault) => {
                    summary.complete = false;
                    return Err((summary, fault));
                }
            }
        }
    }
    Ok(summary)
}

enum Begun {
    Targets(Vec<Box<dyn Target>>),
    NotHere(String),
}

async fn begin(plan: &Plan, wanted: &[Wanted]) -> anyhow::Result<Begun> {
    let faults = plan.faults.as_ref().map(|wrong| &wrong.faults);
    let mut targets = Vec::new();
    for one in wanted {
        let started = match &one.place {
            Place::Stand(spec) => start_with_faults(spec, faults).await,
            Place::Memory(_) => {
                let what = "--differential holds targets behind sockets against each other";
                return Err(usage(what));
            }
        };
        match started {
            Ok(target) => targets.push(target),
            Err(StandError::Unavailable(lack)) if !one.required => {
                return Ok(Begun::NotHere(format!("{} ({lack})", one.name)));
            }
            Err(error) => return Err(anyhow::anyhow!("target {}: {error}", one.name)),
        }
    }
    if let [one, other] = &targets[..] {
        let (one, other) = (one.describe().profile, other.describe().profile);
        if one != other {
            return Err(usage(format!(
                "--differential compares a version with itself, not {one} with {other}: name them, \
                 as in mock:2.1"
            )));
        }
    }
    Ok(Begun::Targets(targets))
}

async fn arm(
    plan: &Plan,
    first: u32,
    testee: &Testee,
    (wanted, targets): (&[Wanted], Vec<Box<dyn Target>>),
    stop: &Stop,
    journal: &mut Journal,
) -> anyhow::Result<bool> {
    let driver = testee.name();
    // The last one is played first: the others are held against it.
    let mut arm = None;
    for (run, target) in (first..).zip(targets.into_iter().rev()) {
        let reference = arm.map(Box::new);
        arm = Some(Arm { reference, ..arm_of(plan, run, testee, target, journal)? });
    }
    let mut arm = arm.expect("a turn has a target");
    let open = || -> Pending<'static, Result<Box<dyn Target>, TargetFault>> {
        let place = wanted[0].place.clone();
        Box::pin(async move {
            let Place::Stand(spec) = &place else {
                unreachable!("who plays in memory has a crew there");
            };
            start(spec).await.map_err(|error| TargetFault::Start(error.to_string()))
        })
    };
    // Somebody's daemon is looked at by one at a time, unless somebody says otherwise.
    let jobs = plan.cases.jobs_on(&arm.target.describe().kind);
    if arm.reference.is_none() && (jobs > 1 || wanted[0].kind() != "address") {
        arm.crew = Some(Crew { jobs, apart: false, open: &open });
    }
    let ended = run_arm(arm, stop, &mut |line| journal.add(line)).await;
    let end = ended.map_err(|fault: RunFault| anyhow::anyhow!("{driver}: {fault}"))?;
    tell(&end);
    Ok(end.valid)
}

/// Runs an arm in a time of its own, in which nobody waits.
fn in_memory(
    plan: &Plan,
    run: u32,
    testee: &Testee,
    profile: Profile,
    stop: &Stop,
    journal: &mut Journal,
) -> anyhow::Result<bool> {
    let driver = testee.name();
    let mut runtime = tokio::runtime::Builder::new_current_thread();
    let runtime = runtime.enable_all().start_paused(true).build()?;
    let playing = async {
        let exchange = Exchange::default();
        let factory = driver_in_memory(driver, exchange.clone())?;
        let open = || -> Pending<'static, Result<Box<dyn Target>, TargetFault>> {
            let exchange = exchange.clone();
            Box::pin(async move { exchange.open(profile).await })
        };
        let target = open().await?;
        let arm = arm_of(plan, run, testee, target, journal)?;
        let jobs = plan.cases.jobs_on("mock");
        let crew = Some(Crew { jobs, apart: true, open: &open });
        let arm = Arm { factory: &*factory, crew, ..arm };
        let ended = run_arm(arm, stop, &mut |line| journal.add(line)).await;
        ended.map_err(|fault: RunFault| anyhow::anyhow!("{driver}: {fault}"))
    };
    let end = tokio::task::block_in_place(|| {
        let end = runtime.block_on(playing);
        // Where blocking is allowed: it may wait for a thread of its own.
        drop(runtime);
        end
    })?;
    tell(&end);
    Ok(end.valid)
}

/// What there is to say of an arm beside its verdicts.
fn tell(end: &ArmEnd) {
    if let Some(Compared { steps, certain, events, free }) = end.compared {
        print(&format!(
            "differential: {steps} steps compared, {certain} of which had one right answer, and \
             {events} events; {free} differences that the model leaves free\n"
        ));
    }
    let Orders { cases, operations, nodes, undecided, adrift } = end.ordered;
    if cases > 0 {
        print(&format!(
            "concurrent: {cases} cases, {operations} operations; {nodes} places searched, {undecided} cases \
             undecided, {adrift} in which nobody can say what is left of a container\n"
        ));
    }
}

fn arm_of<'p>(
    plan: &'p Plan,
    run: u32,
    testee: &'p Testee,
    target: Box<dyn Target>,
    journal: &Journal,
) -> anyhow::Result<Arm<'p>> {
    let driver = testee.name();
    let described = target.describe();
    if !journal.bar.is_hidden() {
        journal.bar.set_prefix(format!("{driver} on {}", described.kind));
    } else {
        eprintln!("laconic: {driver} on {} {}", described.kind, described.version);
    }
    Ok(Arm {
        run,
        factory: &*testee.factory,
        driver: testee.described(),
        capabilities: testee.hello.capabilities.clone(),
        target,
        budget: plan.budget(driver)?,
        faults: plan.faults.as_ref().map(|wrong| wrong.named.clone()),
        known: plan.known(driver),
        scenarios: plan.cases.scenarios.iter().collect(),
        modelled: Modelled {
            regressions: &plan.cases.regressions,
            generation: plan.cases.generation_on(&described.kind),
            keep: Some(&plan.cases.keep),
            calls: plan.cases.calls,
        },
        crew: None,
        reference: None,
    })
}

fn bar(plan: &Plan) -> ProgressBar {
    let cases: usize = plan.targets.iter().map(|wanted| plan.cases.len_on(wanted.kind())).sum();
    let bar = ProgressBar::new((cases * plan.testees.len()) as u64);
    let style = ProgressStyle::with_template("{prefix} {wide_bar} {pos}/{len} {msg}");
    // The template is ours; the default style would do as well.
    let bar = bar.with_style(style.unwrap_or_else(|_| ProgressStyle::default_bar()));
    bar.enable_steady_tick(Duration::from_millis(200));
    bar
}

/// The header of a record that is made here and now.
pub(crate) fn header_of(plan: String) -> Header {
    let machine = Machine::look();
    let found = |name: &str| machine.found(name).map(str::to_owned);
    Header {
        schema_version: SCHEMA_VERSION,
        laconic: env!("CARGO_PKG_VERSION").to_owned(),
        plan,
        generator: 0,
        seed: 0,
        shard: Shard { index: 0, count: 1 },
        host: Host {
            cpus: std::thread::available_parallelism().map_or(1, usize::from),
            kernel: rustix::system::uname().release().to_string_lossy().into_owned(),
            cgroup: found("cgroup").unwrap_or_else(|| "none".to_owned()),
            runc: found("runc"),
            containerd: found("containerd"),
        },
    }
}

fn tell_github(report: &Report) -> anyhow::Result<()> {
    let findings: Vec<Finding> = report.failures.iter().map(Finding::of).collect();
    if findings.is_empty() {
        return Ok(());
    }
    super::github::tell("laconic run", &findings, &[])
}

fn offer_budget(client: &str, record: Option<&Path>) {
    let record = record.map_or_else(|| "RECORD".to_owned(), |path| path.display().to_string());
    eprintln!(
        "laconic: {client} has no budget: it was measured. To promise what was measured:\n  \
         laconic budgets accept {record} --budgets {client}.toml"
    );
}
