//! `laconic report`, and the `--report` of other commands.

use std::path::PathBuf;

use laconic_reports::{Collector, Floor, Floors, Format, Report};
use laconic_scenarios::budgets::{Table, floor};
use run_record::RecordLines;

use super::output::print;
use crate::arguments::ReportOptions;
use crate::exit::{Exit, usage};

/// Reports that are wanted, with files that can be written.
pub(crate) struct Reports {
    wanted: Vec<(Format, PathBuf)>,
}

impl Reports {
    /// Before anything runs: a report that cannot be written must not cost a run.
    pub(crate) fn prepare(wanted: &[String]) -> anyhow::Result<Self> {
        let prepare = |text: &String| {
            let Some((format, path)) = text.split_once('=') else {
                return Err(usage(format!("--report {text}: write FORMAT=FILE")));
            };
            let format: Format = format.parse().map_err(usage)?;
            let path = PathBuf::from(path);
            std::fs::File::create(&path)
                .map_err(|error| anyhow::anyhow!("cannot write {}: {error}", path.display()))?;
            Ok((format, path))
        };
        Ok(Self { wanted: wanted.iter().map(prepare).collect::<Result<_, _>>()? })
    }

    /// Renders in every format that is wanted.
    pub(crate) fn write(&self, report: &Report) -> anyhow::Result<()> {
        for (format, path) in &self.wanted {
            std::fs::write(path, report.render(*format))
                .map_err(|error| anyhow::anyhow!("cannot write {}: {error}", path.display()))?;
        }
        Ok(())
    }
}

pub(crate) fn report(options: ReportOptions) -> anyhow::Result<Exit> {
    let reports = Reports::prepare(&options.reports)?;
    let floors = floors();
    let mut collector = Collector::default();
    for path in &options.records {
        for line in RecordLines::open(path)? {
            collector.add(line?, &floors);
        }
    }
    let report = collector.report(&floors);
    if options.reports.is_empty() {
        print(&report.text());
    }
    reports.write(&report)?;
    Ok(Exit::Good)
}

/// What each operation costs at least, for the column beside the counts.
pub(crate) fn floors() -> Floors {
    let of = |table: &Table| {
        let (fewest, most) = table.total(1, true);
        Floor { fewest, most, rpcs: table.rows.keys().cloned().collect() }
    };
    let budget = floor();
    let mut floors: Floors = budget
        .operations
        .iter()
        .map(|(name, operation)| (name.clone(), of(&operation.ok)))
        .collect();
    floors.insert("connect".to_owned(), of(&budget.connect));
    floors
}
