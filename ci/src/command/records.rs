//! Records as commands take them.

use std::path::Path;

use anyhow::bail;
use run_record::{Line, Record, RunLine};

use crate::exit::usage;

/// Reads a record that may be judged by: whole, without a fault of the harness, and of a run in which
/// nothing was made to go wrong: what a client costs then says nothing of what it costs.
pub(crate) fn whole(path: &Path) -> anyhow::Result<Record> {
    let record = Record::open(path)?;
    let shown = path.display();
    if let Some(faults) = runs(&record).find_map(|run| run.faults.as_ref()) {
        return Err(usage(format!("{shown} is of a run with faults ({})", faults.path)));
    }
    match record.summary() {
        Some(summary) if !summary.valid => {
            bail!("{shown} is not valid: the harness found a fault in itself")
        }
        Some(summary) if summary.complete => Ok(record),
        _ => bail!("{shown} is incomplete: its run did not come to its end"),
    }
}

/// The runs of a record.
pub(crate) fn runs(record: &Record) -> impl Iterator<Item = &RunLine> {
    record.lines.iter().filter_map(|line| match line {
        Line::Run(run) => Some(run),
        _ => None,
    })
}
