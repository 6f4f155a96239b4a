//! Histograms in a record: hdrhistogram's own format, deflated, in base64. They merge losslessly.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use hdrhistogram::Histogram;
use hdrhistogram::serialization::{Deserializer, Serializer, V2DeflateSerializer};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::Line;

/// Times of one thing.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct HistogramLine {
    /// Which run.
    pub run: u32,
    /// Of what: an operation, or a workload.
    pub of: String,
    /// `us`.
    pub unit: String,
    /// V2 deflate, base64.
    pub hdr: String,
}

/// Why a histogram cannot be read.
#[derive(Debug, thiserror::Error)]
#[error("the histogram of {of} cannot be read: {cause}")]
pub struct HistogramError {
    of: String,
    cause: String,
}

/// A histogram of microseconds, as a line.
pub fn histogram_line(run: u32, of: &str, histogram: &Histogram<u64>) -> Line {
    let mut bytes = Vec::new();
    V2DeflateSerializer::new()
        .serialize(histogram, &mut bytes)
        .expect("memory takes every histogram");
    Line::Histogram(HistogramLine {
        run,
        of: of.to_owned(),
        unit: "us".to_owned(),
        hdr: STANDARD.encode(bytes),
    })
}

impl HistogramLine {
    /// Reads it.
    pub fn histogram(&self) -> Result<Histogram<u64>, HistogramError> {
        let failed = |cause: String| HistogramError { of: self.of.clone(), cause };
        if self.unit != "us" {
            return Err(failed(format!("its unit is {:?}, not \"us\"", self.unit)));
        }
        let bytes = STANDARD.decode(&self.hdr).map_err(|error| failed(error.to_string()))?;
        let read = Deserializer::new().deserialize(&mut bytes.as_slice());
        read.map_err(|error| failed(error.to_string()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn a_histogram_survives_its_line(samples in proptest::collection::vec(1u64..10_000_000, 0..50)) {
            let mut histogram = Histogram::new(3).unwrap();
            samples.iter().for_each(|sample| histogram.record(*sample).unwrap());
            let Line::Histogram(line) = histogram_line(1, "exec", &histogram) else { panic!() };
            prop_assert_eq!(line.histogram().unwrap(), histogram);
        }

        #[test]
        fn no_text_makes_the_reader_panic(hdr in ".{0,60}") {
            let line = HistogramLine { run: 1, of: "x".into(), unit: "us".into(), hdr };
            let _ = line.histogram();
        }
    }
}
