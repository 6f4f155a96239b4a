//! How long operations took, as the harness saw it from request to outcome.

use std::collections::BTreeMap;

use driver_protocol::Operation;
use hdrhistogram::Histogram;
use run_record::{HistogramLine, Line};
use serde::Serialize;

/// Three figures are more than the noise leaves.
const SIGNIFICANT_DIGITS: u8 = 3;

/// Of one operation in one run, in microseconds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct Latency {
    /// How many steps.
    pub steps: u64,
    /// Half took no longer.
    pub us_p50: u64,
    /// Nine in ten took no longer.
    pub us_p90: u64,
    /// 99 in 100 took no longer.
    pub us_p99: u64,
    /// The slowest.
    pub us_max: u64,
}

/// By run and operation.
#[derive(Clone, Debug, Default)]
pub struct Latencies {
    histograms: BTreeMap<(u32, String), Histogram<u64>>,
}

impl Latencies {
    /// Adds the steps that succeeded. What waits for a process to end says nothing of a client.
    pub(crate) fn add(&mut self, lines: &[Line]) {
        for line in lines {
            let Line::Step(step) = line else { continue };
            if step.succeeded() && !matches!(step.operation.as_str(), "wait" | "exec-wait") {
                let key = (step.run, step.operation.clone());
                let histogram = self.histograms.entry(key).or_insert_with(empty);
                // Not saturating_record: that one does not grow.
                histogram.record(step.elapsed_us.max(1)).expect("it grows as it needs");
            }
        }
    }

    /// Adds a histogram of the record. One that cannot be read says nothing.
    pub(crate) fn merge(&mut self, line: &HistogramLine) {
        if let Ok(more) = line.histogram() {
            let key = (line.run, line.of.clone());
            // Both count microseconds with the same digits, and ours grows as it needs.
            let _ = self.histograms.entry(key).or_insert_with(empty).add(more);
        }
    }

    /// What was timed: operations in the order of the protocol, then workloads.
    pub fn timed(&self) -> Vec<&str> {
        let place = |of: &str| Operation::NAMES.iter().position(|name| *name == of);
        let mut timed: Vec<&str> = self.histograms.keys().map(|(_, of)| of.as_str()).collect();
        timed.sort_by_key(|of| (place(of).unwrap_or(usize::MAX), *of));
        timed.dedup();
        timed
    }

    /// Of one operation in one run.
    pub fn of(&self, run: u32, operation: &str) -> Option<Latency> {
        let histogram = self.histograms.get(&(run, operation.to_owned()))?;
        Some(Latency {
            steps: histogram.len(),
            us_p50: histogram.value_at_quantile(0.5),
            us_p90: histogram.value_at_quantile(0.9),
            us_p99: histogram.value_at_quantile(0.99),
            us_max: histogram.max(),
        })
    }
}

fn empty() -> Histogram<u64> {
    Histogram::new(SIGNIFICANT_DIGITS).expect("three digits are within what the format takes")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_histogram_of_a_record_is_merged_whatever_its_size() {
        let mut histogram = empty();
        for sample in [5, 50_000, 5_000_000] {
            histogram.record(sample).unwrap();
        }
        let Line::Histogram(line) = run_record::histogram_line(2, "lifecycle", &histogram) else {
            panic!("a histogram's line")
        };
        let mut latencies = Latencies::default();
        latencies.merge(&line);
        latencies.merge(&line);
        assert_eq!(latencies.timed(), ["lifecycle"]);
        let latency = latencies.of(2, "lifecycle").unwrap();
        assert_eq!((latency.steps, latency.us_max / 10_000), (6, 500));
    }
}
