//! `laconic gate`.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use anyhow::{Context, bail};
use laconic_reports::baseline::{Baseline, Subject};
use laconic_reports::{Gated, Report, gate as judge};
use run_record::{Record, RunLine};

use super::output::print;
use super::records::{runs, whole};
use super::report::{Reports, floors};
use crate::arguments::GateOptions;
use crate::exit::{Exit, usage};

pub(crate) fn gate(options: GateOptions) -> anyhow::Result<Exit> {
    let reports = Reports::prepare(&options.reports)?;
    let record = whole(&options.record)?;
    let arms: BTreeMap<Subject, &RunLine> =
        runs(&record).map(|run| (Subject::of(run), run)).collect();
    let exit = if options.accept {
        accept(&options.baseline, &record, &arms)?
    } else {
        hold(&options, &record, &arms)?
    };
    reports.write(&Report::of(&record.lines, &floors()))?;
    Ok(exit)
}

/// Baselines by the file that holds them.
fn baselines(path: &Path) -> anyhow::Result<Vec<(PathBuf, Baseline)>> {
    let mut files = Vec::new();
    if path.is_dir() {
        for entry in std::fs::read_dir(path).with_context(|| path.display().to_string())? {
            let file = entry?.path();
            if file.extension().is_some_and(|extension| extension == "json") {
                files.push(file);
            }
        }
        files.sort();
    } else {
        files.push(path.to_owned());
    }
    let read = |file: PathBuf| {
        let shown = file.display().to_string();
        let text = std::fs::read_to_string(&file)
            .map_err(|error| usage(format!("cannot read the baseline {shown}: {error}")))?;
        Ok((file, Baseline::parse(&shown, &text).map_err(usage)?))
    };
    files.into_iter().map(read).collect()
}

fn accept(
    path: &Path,
    record: &Record,
    arms: &BTreeMap<Subject, &RunLine>,
) -> anyhow::Result<Exit> {
    let write = |file: &Path, run: &RunLine| {
        let baseline = Baseline::of(&record.lines, run);
        std::fs::write(file, baseline.to_string())
            .with_context(|| format!("cannot write the baseline {}", file.display()))?;
        print(&format!("accepted {} into {}\n", baseline.subject, file.display()));
        anyhow::Ok(())
    };
    if path.is_dir() {
        for (subject, run) in arms {
            write(&path.join(subject.file_name()), run)?;
        }
        return Ok(Exit::Good);
    }
    let known = path.exists().then(|| baselines(path)).transpose()?;
    let wanted = known.as_ref().and_then(|known| known.first()).map(|(_, one)| &one.subject);
    let mut fitting = arms.iter().filter(|(subject, _)| wanted.is_none_or(|one| one == *subject));
    match (fitting.next(), fitting.next()) {
        (Some((_, run)), None) => write(path, run).map(|()| Exit::Good),
        (Some(_), Some(_)) => Err(usage(format!(
            "the record holds several runs; give a folder of baselines instead of {}",
            path.display()
        ))),
        (None, _) => Err(other_subject(path, wanted, arms)),
    }
}

fn other_subject(
    path: &Path,
    wanted: Option<&Subject>,
    arms: &BTreeMap<Subject, &RunLine>,
) -> anyhow::Error {
    let has: Vec<String> = arms.keys().map(ToString::to_string).collect();
    let wanted = wanted.map(ToString::to_string).unwrap_or_default();
    let (path, has) = (path.display(), has.join(", "));
    usage(format!("{path} is the baseline of {wanted}; the record holds {has}"))
}

fn hold(
    options: &GateOptions,
    record: &Record,
    arms: &BTreeMap<Subject, &RunLine>,
) -> anyhow::Result<Exit> {
    let baselines = baselines(&options.baseline)?;
    let of_a_folder = options.baseline.is_dir();
    if baselines.is_empty() {
        return Err(anyhow::Error::new(Exit::Nothing)
            .context(format!("there is no baseline in {}", options.baseline.display())));
    }
    let mut exit = Exit::Good;
    let mut lacking = Vec::new();
    for (file, baseline) in &baselines {
        let Some(run) = arms.get(&baseline.subject) else {
            if !of_a_folder {
                return Err(other_subject(file, Some(&baseline.subject), arms));
            }
            lacking.push(baseline.subject.to_string());
            continue;
        };
        let gated = judge(&record.lines, run, baseline);
        print(&told(&gated, file));
        super::github::tell(&gated.subject.to_string(), &gated.findings, &gated.offers)?;
        if !gated.missing.is_empty() {
            lacking.extend(gated.missing.iter().map(|case| format!("{case} of {}", gated.subject)));
        } else if !gated.green() {
            exit = Exit::Broke;
        }
    }
    if !lacking.is_empty() {
        bail!("the record cannot be judged by these baselines: it lacks {}", lacking.join(", "));
    }
    Ok(exit)
}

fn told(gated: &Gated, file: &Path) -> String {
    let word = if gated.green() { "green" } else { "RED" };
    let mut text = format!("{word}  {} against {}\n", gated.subject, file.display());
    for finding in &gated.findings {
        text.push_str(&finding.text);
    }
    for offer in &gated.offers {
        text.push_str(&format!("      better or new: {offer}\n"));
    }
    if !gated.offers.is_empty() || !gated.findings.is_empty() {
        text.push_str("      to take it for the new baseline: laconic gate … --accept\n");
    }
    text
}
