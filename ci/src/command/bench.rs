//! `laconic bench`.

use std::path::{Path, PathBuf};

use anyhow::{Context, bail};
use laconic_benches::{Contender, Load, Measurements, Workload, interleave};
use laconic_scenarios::Stop;
use run_record::{Line, RecordWriter, RunLine, Summary, Tally, TargetRef, histogram_line};
use tempfile::TempDir;

use super::bench_figures::Figures;
use super::interrupt::heed;
use super::output::{print, print_json};
use super::plan::one_target;
use super::run::header_of;
use crate::arguments::{BenchOptions, BenchWorkload};
use crate::exit::{Exit, usage};
use crate::registry;
use crate::testee::Testee;

/// Names the file into which a client tells what it has allocated.
const ALLOCATIONS: &str = "LACONIC_ALLOCATIONS";

pub(crate) async fn bench(options: BenchOptions) -> anyhow::Result<Exit> {
    let spec = one_target(&options.target)?;
    let writer = options.record.as_deref().map(RecordWriter::create).transpose()?;
    let told = options.allocations.then(tempfile::tempdir).transpose()?;
    let testees = testees(&options, told.as_ref()).await?;
    let base = base(&options, &testees)?;
    let load = load(&options);
    let stop = Stop::default();
    heed(&stop);
    let target = laconic_targets::start(&spec).await?;
    let described = target.describe();
    eprintln!(
        "laconic: {} turns of {} x {} {} on {} {}, {} in turn",
        load.turns,
        load.workers,
        load.rounds,
        load.workload.name(),
        described.kind,
        described.version,
        testees.iter().map(|(testee, _)| testee.name()).collect::<Vec<_>>().join(", ")
    );
    let contenders: Vec<Contender<'_>> = testees
        .iter()
        .map(|(testee, allocations)| Contender {
            name: testee.name().to_owned(),
            factory: &*testee.factory,
            allocations: allocations.clone(),
        })
        .collect();
    let measured = interleave(&*target, &contenders, load, &stop).await;
    let closing = target.close().await?;
    let measured = measured?;
    if let Some(wrong) = closing.verdicts.iter().find(|verdict| verdict.failed()) {
        bail!("the harness found a fault in itself: {}", wrong.detail);
    }
    let figures = Figures { measured: &measured, load, base: &base, times: !options.allocations };
    if options.json {
        print_json(&figures.as_json());
    } else {
        print(&figures.as_table());
    }
    if let Some(writer) = writer {
        let testees = testees.iter().map(|(testee, _)| testee);
        record(writer, testees, &described, &measured)?;
    }
    Ok(Exit::Good)
}

fn load(options: &BenchOptions) -> Load {
    let workload = match options.workload {
        BenchWorkload::Exec => Workload::Exec,
        BenchWorkload::Lifecycle => Workload::Lifecycle,
        BenchWorkload::Door => Workload::Door,
    };
    let (workers, rounds) = (options.concurrency.max(1), options.rounds.max(1));
    Load { workload, workers, turns: options.count, rounds }
}

/// The clients, each with the file into which it tells what it allocates.
async fn testees(
    options: &BenchOptions,
    told: Option<&TempDir>,
) -> anyhow::Result<Vec<(Testee, Option<PathBuf>)>> {
    let names = match options.drivers.is_empty() {
        true => registry::DEFAULTS.map(str::to_owned).to_vec(),
        false => options.drivers.clone(),
    };
    let mut commands: Vec<Vec<String>> = Vec::new();
    let mut testees = Vec::new();
    for name in names {
        registry::driver(&name)?;
        match &options.apart {
            Some(program) => commands.push(own(program, name)?),
            None if told.is_some() => {
                return Err(usage(
                    "--allocations are told by clients in processes of their own: --apart",
                ));
            }
            None => testees.push((Testee::named(&name).await?, None)),
        }
    }
    commands.extend((!options.command.is_empty()).then(|| options.command.clone()));
    for (number, command) in commands.iter().enumerate() {
        let file = told.map(|folder| folder.path().join(number.to_string()));
        let variable = file.as_deref().map(|file| (ALLOCATIONS, file));
        testees.push((Testee::started_with(command, variable).await?, file));
    }
    Ok(testees)
}

/// One of ours, in a process of its own.
fn own(program: &Path, name: String) -> anyhow::Result<Vec<String>> {
    let program = match program == Path::new("-") {
        true => std::env::current_exe().context("cannot find this program")?,
        false => program.to_owned(),
    };
    Ok(vec![program.display().to_string(), "driver".to_owned(), name])
}

/// By whose figures others' are divided.
fn base(options: &BenchOptions, testees: &[(Testee, Option<PathBuf>)]) -> anyhow::Result<String> {
    let mut names = testees.iter().map(|(testee, _)| testee.name().to_owned());
    match &options.over {
        None => names.next().ok_or_else(|| usage("there is nobody to be timed")),
        Some(over) => names
            .find(|name| name == over)
            .ok_or_else(|| usage(format!("--over {over}: no client of that name is timed"))),
    }
}

fn record<'t>(
    mut writer: RecordWriter,
    testees: impl Iterator<Item = &'t Testee>,
    described: &TargetRef,
    measured: &Measurements,
) -> anyhow::Result<()> {
    writer.write(&Line::Record(header_of("bench".to_owned())))?;
    for (number, testee) in (1..).zip(testees) {
        writer.write(&Line::Run(RunLine {
            run: number,
            driver: testee.described(),
            target: described.clone(),
            budgets: None,
            faults: None,
            generated: None,
            reference: None,
        }))?;
        for one in measured.times.iter().filter(|one| one.client == testee.name()) {
            writer.write(&histogram_line(number, one.of, &one.histogram()))?;
        }
    }
    let verdicts = Tally::default();
    let summary = Summary { verdicts, complete: true, valid: true, not_run: Vec::new() };
    writer.write(&Line::Summary(summary))?;
    Ok(())
}
