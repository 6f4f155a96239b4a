//! Sums records up, line by line: what is kept grows with operations and failures, not with cases'
//! calls.

use run_record::{CheckResult, Header, Line, RunLine, Summary};

use crate::failures::{self, Failure};
use crate::faults::{self, Faults};
use crate::matrix::MatrixSums;
use crate::{Floors, Latencies, Matrix, Sample, sample};

/// More failures than anybody reads; the rest is a number.
const FAILURES_MAX: usize = 500;

/// A run, with the number that it has in this report.
#[derive(Clone, Debug)]
pub struct Run {
    /// What the record says of it; its number is that of the report.
    pub line: RunLine,
    /// Of the record that it is from.
    pub header: Option<Header>,
}

/// A case of a run.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Case {
    /// Which run.
    pub run: u32,
    /// Its id.
    pub case: String,
    /// What it came to.
    pub verdict: CheckResult,
    /// Why it was skipped.
    pub skipped: Option<String>,
    /// From its first step to the end of its last.
    pub elapsed_us: u64,
}

/// What records come to.
#[derive(Clone, Debug)]
pub struct Report {
    /// Who ran against what.
    pub runs: Vec<Run>,
    /// Operations by runs.
    pub matrix: Matrix,
    /// What failed, case by case.
    pub failures: Vec<Failure>,
    /// Failures beyond what is kept.
    pub failures_more: usize,
    /// What was made to go wrong, by run.
    pub faults: Vec<Faults>,
    /// All cases.
    pub cases: Vec<Case>,
    /// How long operations took.
    pub latencies: Latencies,
    /// The calls of one step of each operation.
    pub samples: Vec<Sample>,
    /// What runs that came to their end say of themselves.
    pub summary: Option<Summary>,
}

/// Takes lines, of one record after the other.
#[derive(Debug, Default)]
pub struct Collector {
    runs: Vec<Run>,
    /// The number of the first run of this record, less its own.
    shift: u32,
    header: Option<Header>,
    /// Lines of the case that is open.
    open: Vec<Line>,
    sums: MatrixSums,
    failures: Vec<Failure>,
    failures_more: usize,
    faults: Vec<Faults>,
    cases: Vec<Case>,
    latencies: Latencies,
    samples: Vec<Sample>,
    records: usize,
    summaries: Vec<Summary>,
}

impl Collector {
    /// Takes the next line.
    pub fn add(&mut self, line: Line, floors: &Floors) {
        match line {
            Line::Record(header) => {
                self.records += 1;
                self.shift = u32::try_from(self.runs.len()).unwrap_or(u32::MAX);
                self.header = Some(header);
            }
            Line::Run(mut run) => {
                run.run += self.shift;
                faults::begin(&mut self.faults, &run);
                self.runs.push(Run { line: run, header: self.header.clone() });
            }
            Line::Case(_) => self.open.clear(),
            Line::Step(mut step) => {
                step.run += self.shift;
                self.open.push(Line::Step(step));
            }
            Line::Call(mut call) => {
                call.run += self.shift;
                self.open.push(Line::Call(call));
            }
            Line::CaseEnd(mut end) => {
                end.run += self.shift;
                self.open.push(Line::CaseEnd(end));
                let lines = std::mem::take(&mut self.open);
                self.close_case(&lines, floors);
            }
            Line::RunEnd(mut end) => {
                end.run += self.shift;
                let lines = [Line::RunEnd(end)];
                faults::add(&mut self.faults, &lines);
                self.fail(&lines);
            }
            Line::Histogram(mut histogram) => {
                histogram.run += self.shift;
                self.latencies.merge(&histogram);
            }
            Line::Summary(summary) => self.summaries.push(summary),
        }
    }

    fn close_case(&mut self, lines: &[Line], floors: &Floors) {
        self.sums.add(lines);
        self.latencies.add(lines);
        sample::add(&mut self.samples, lines, floors);
        faults::add(&mut self.faults, lines);
        self.fail(lines);
        let Some(Line::CaseEnd(end)) = lines.last() else { return };
        let spans = lines.iter().filter_map(|line| match line {
            Line::Step(step) => Some((step.started_us, step.started_us + step.elapsed_us)),
            _ => None,
        });
        let (first, last) =
            spans.fold((u64::MAX, 0), |(first, last), (from, to)| (first.min(from), last.max(to)));
        self.cases.push(Case {
            run: end.run,
            case: end.case.clone(),
            verdict: end.verdict,
            skipped: end.skipped.clone(),
            elapsed_us: last.saturating_sub(first),
        });
    }

    fn fail(&mut self, lines: &[Line]) {
        let runs = self.runs.iter().map(|run| &run.line);
        for failure in failures::collect(runs, lines) {
            if self.failures.len() < FAILURES_MAX {
                self.failures.push(failure);
            } else {
                self.failures_more += 1;
            }
        }
    }

    /// What it came to.
    pub fn report(self, floors: &Floors) -> Report {
        Report {
            matrix: self.sums.matrix(self.runs.iter().map(|run| &run.line), floors),
            summary: summed(self.summaries, self.records),
            runs: self.runs,
            failures: self.failures,
            failures_more: self.failures_more,
            faults: self.faults,
            cases: self.cases,
            latencies: self.latencies,
            samples: self.samples,
        }
    }
}

/// Several records are as good as the worst of them.
fn summed(summaries: Vec<Summary>, records: usize) -> Option<Summary> {
    let whole = summaries.len() == records;
    let sum = summaries.into_iter().reduce(|mut sum, one| {
        sum.verdicts.pass += one.verdicts.pass;
        sum.verdicts.fail += one.verdicts.fail;
        sum.verdicts.skip += one.verdicts.skip;
        sum.complete &= one.complete;
        sum.valid &= one.valid;
        sum.not_run.extend(one.not_run);
        sum
    });
    sum.map(|sum| Summary { complete: sum.complete && whole, ..sum })
}

impl Report {
    /// Sums a record up that is in memory.
    pub fn of(lines: &[Line], floors: &Floors) -> Self {
        let mut collector = Collector::default();
        for line in lines {
            collector.add(line.clone(), floors);
        }
        collector.report(floors)
    }

    /// For people.
    pub fn text(&self) -> String {
        crate::text::render(self)
    }

    /// For programs.
    pub fn json(&self) -> serde_json::Value {
        crate::json::render(self)
    }
}
