//! How long operations took, as the harness saw it from request to outcome.

use std::collections::BTreeMap;

use hdrhistogram::Histogram;
use run_record::Line;
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
                histogram.saturating_record(step.elapsed_us.max(1));
            }
        }
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
