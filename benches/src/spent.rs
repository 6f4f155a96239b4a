//! What rounds cost a client, beside time: counted by the turn.

use std::fmt;

use crate::measured::{Interval, resampled};

/// What is counted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Cost {
    /// Not a cost: rounds in a second, all workers together.
    RoundsPerSecond,
    /// Time for which the client's threads ran.
    CpuMicros,
    /// Times at which one of them waited for something.
    VoluntarySwitches,
    /// Times at which one of them had to make room.
    InvoluntarySwitches,
    /// Pieces of memory asked for.
    Allocations,
    /// Bytes of memory asked for.
    AllocatedBytes,
}

impl Cost {
    /// Its name in figures for programs.
    pub fn name(self) -> &'static str {
        match self {
            Self::RoundsPerSecond => "rounds_per_second",
            Self::CpuMicros => "cpu_us",
            Self::VoluntarySwitches => "switches_voluntary",
            Self::InvoluntarySwitches => "switches_involuntary",
            Self::Allocations => "allocations",
            Self::AllocatedBytes => "allocated_bytes",
        }
    }
}

impl fmt::Display for Cost {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::RoundsPerSecond => "rounds/s",
            Self::CpuMicros => "CPU, µs",
            Self::VoluntarySwitches => "switches, voluntary",
            Self::InvoluntarySwitches => "switches, involuntary",
            Self::Allocations => "allocations",
            Self::AllocatedBytes => "allocated, bytes",
        })
    }
}

/// What one client spent on a round, on average of each turn.
#[derive(Clone, Debug)]
pub struct Spent {
    /// Who.
    pub client: String,
    /// What.
    pub cost: Cost,
    /// One a turn.
    pub turns: Vec<f64>,
}

impl Spent {
    /// On average of all turns.
    pub fn mean(&self) -> f64 {
        mean(self.turns.iter().copied())
    }

    /// How its mean compares with another's. Turns are resampled in pairs, as with times.
    pub fn over(&self, base: &Self) -> Option<Interval> {
        let pairs: Vec<(f64, f64)> =
            self.turns.iter().copied().zip(base.turns.iter().copied()).collect();
        let below = mean(pairs.iter().map(|pair| pair.1));
        // What the other does not spend cannot be divided by.
        (below > 0.0).then(|| {
            resampled(&pairs, |pairs| {
                let above = mean(pairs.iter().map(|pair| pair.0));
                above / mean(pairs.iter().map(|pair| pair.1)).max(f64::MIN_POSITIVE)
            })
        })?
    }
}

fn mean(values: impl ExactSizeIterator<Item = f64>) -> f64 {
    let count = values.len().max(1) as f64;
    values.sum::<f64>() / count
}

#[cfg(test)]
mod tests {
    use super::*;

    fn spent(turns: &[f64]) -> Spent {
        Spent { client: "c".to_owned(), cost: Cost::CpuMicros, turns: turns.to_vec() }
    }

    #[test]
    fn a_fifth_is_a_fifth_and_nothing_cannot_be_divided_by() {
        let (one, five) = (spent(&[1.0, 1.5, 2.0]), spent(&[5.0, 7.5, 10.0]));
        let interval = one.over(&five).unwrap();
        assert!((interval.ratio - 0.2).abs() < 1e-9, "{interval:?}");
        assert!(interval.low <= interval.ratio && interval.ratio <= interval.high);
        assert_eq!(one.over(&spent(&[0.0; 3])), None);
        assert_eq!(one.over(&spent(&[])), None);
    }
}
