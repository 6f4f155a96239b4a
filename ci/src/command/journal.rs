//! What happens in a run, as it happens: into the record, into the report, onto the bar.

use indicatif::ProgressBar;
use laconic_reports::{Collector, Floors, Report};
use laconic_scenarios::generate::Generation;
use run_record::{CheckResult, Line, RecordWriter, Tally, WriteError};

use super::report::floors;

/// Where lines go. What it remembers grows with failures, not with what was called.
pub(super) struct Journal {
    writer: RecordWriter,
    broken: Option<WriteError>,
    pub(super) bar: ProgressBar,
    floors: Floors,
    collector: Collector,
    /// Lines of the case that has not ended.
    open: Vec<Line>,
    tally: Tally,
}

impl Journal {
    pub(super) fn new(writer: RecordWriter, bar: ProgressBar) -> Self {
        Self {
            writer,
            broken: None,
            bar,
            floors: floors(),
            collector: Collector::default(),
            open: Vec::new(),
            tally: Tally::default(),
        }
    }

    pub(super) fn add(&mut self, line: Line) {
        if self.broken.is_none() {
            self.broken = self.writer.write(&line).err();
        }
        match &line {
            Line::Case(case) => self.bar.set_message(case.case.clone()),
            Line::CaseEnd(end) => {
                self.bar.inc(1);
                self.tally.add(end.verdict);
                // Of a generated case that passed nothing is reported but that.
                if end.verdict == CheckResult::Pass && Generation::number(&end.case).is_some() {
                    self.open.retain(|line| matches!(line, Line::Case(_)));
                }
                let lines = self.open.drain(..).chain([line]);
                lines.for_each(|line| self.collector.add(line, &self.floors));
                return;
            }
            Line::Step(_) | Line::Call(_) => {}
            _ => return self.collector.add(line, &self.floors),
        }
        self.open.push(line);
    }

    /// Of the cases that ended, also in a run that did not.
    pub(super) fn tally(&self) -> Tally {
        self.tally
    }

    /// What is told, and whether the record could be written.
    pub(super) fn close(self) -> (Report, Option<WriteError>) {
        (self.collector.report(&self.floors), self.broken)
    }
}
