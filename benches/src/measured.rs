//! What was measured of one client, and how two of them compare.

use hdrhistogram::Histogram;

const SIGNIFICANT_DIGITS: u8 = 3;
/// Enough for the ends of an interval to stand still.
const RESAMPLES: usize = 2_000;
/// Always the same: the interval is a function of the samples.
const SEED: u64 = 0x1ac0;

/// Times of one client, in the order of the rounds.
#[derive(Clone, Debug)]
pub struct Measured {
    /// Whose.
    pub client: String,
    /// What was timed.
    pub of: &'static str,
    /// One a round.
    pub samples_us: Vec<u64>,
}

/// A ratio, and where it lies in 95 of 100 resamples.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Interval {
    /// Of what was measured.
    pub ratio: f64,
    /// The lower end.
    pub low: f64,
    /// The upper end.
    pub high: f64,
}

impl Measured {
    /// As a histogram: merges without loss.
    pub fn histogram(&self) -> Histogram<u64> {
        let mut histogram = Histogram::new(SIGNIFICANT_DIGITS)
            .expect("three digits are within what the format takes");
        for sample in &self.samples_us {
            // Not saturating_record: that one does not grow.
            histogram.record((*sample).max(1)).expect("it grows as it needs");
        }
        histogram
    }
}

/// How the medians of two clients compare: `client` over `base`. Rounds are resampled in pairs, for
/// what disturbed one of a pair is likely to have disturbed the other.
pub fn ratio(client: &Measured, base: &Measured) -> Option<Interval> {
    ratio_by_turns(client, base, 1)
}

/// The same where a turn is of many rounds, which disturb each other: whole turns are resampled.
pub fn ratio_by_turns(client: &Measured, base: &Measured, rounds: usize) -> Option<Interval> {
    let turns = |measured: &Measured| -> Vec<Vec<u64>> {
        measured.samples_us.chunks(rounds.max(1)).map(<[u64]>::to_vec).collect()
    };
    let pairs: Vec<(Vec<u64>, Vec<u64>)> = turns(client).into_iter().zip(turns(base)).collect();
    resampled(&pairs, |pairs| {
        let above = median(pairs.iter().flat_map(|pair| pair.0.iter().copied()));
        above / median(pairs.iter().flat_map(|pair| pair.1.iter().copied())).max(1.0)
    })
}

/// What `of` makes of the pairs, and where that lies in 95 of 100 resamples of them.
pub(crate) fn resampled<P: Clone>(pairs: &[P], of: impl Fn(&[P]) -> f64) -> Option<Interval> {
    if pairs.is_empty() {
        return None;
    }
    let mut random = fastrand::Rng::with_seed(SEED);
    let mut ratios: Vec<f64> = (0..RESAMPLES)
        .map(|_| {
            let resample: Vec<P> =
                (0..pairs.len()).map(|_| pairs[random.usize(..pairs.len())].clone()).collect();
            of(&resample)
        })
        .collect();
    ratios.sort_by(f64::total_cmp);
    let at = |share: f64| ratios[((RESAMPLES - 1) as f64 * share).round() as usize];
    Some(Interval { ratio: of(pairs), low: at(0.025), high: at(0.975) })
}

fn median(values: impl Iterator<Item = u64>) -> f64 {
    let mut values: Vec<u64> = values.collect();
    values.sort_unstable();
    let middle = values.len() / 2;
    match values.len() {
        0 => 0.0,
        even if even % 2 == 0 => (values[middle - 1] + values[middle]) as f64 / 2.0,
        _ => values[middle] as f64,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn measured(samples: &[u64]) -> Measured {
        Measured { client: "c".to_owned(), of: "exec", samples_us: samples.to_vec() }
    }

    #[test]
    fn a_client_that_takes_twice_as_long_has_a_ratio_of_two() {
        let base: Vec<u64> = (100..200).collect();
        let twice: Vec<u64> = base.iter().map(|sample| sample * 2).collect();
        let interval = ratio(&measured(&twice), &measured(&base)).unwrap();
        assert!((interval.ratio - 2.0).abs() < 0.01, "{interval:?}");
        assert!(interval.low <= interval.ratio && interval.ratio <= interval.high);
        assert!(interval.low > 1.8 && interval.high < 2.2, "{interval:?}");
    }

    #[test]
    fn the_same_samples_give_the_same_interval() {
        let (one, other) = (measured(&[3, 9, 4, 8]), measured(&[5, 5, 6, 7]));
        assert_eq!(ratio(&one, &other), ratio(&one, &other));
        assert_eq!(ratio(&one, &measured(&[])), None);
    }

    #[test]
    fn a_histogram_holds_every_sample() {
        let histogram = measured(&[1, 10, 100, 7_000_000]).histogram();
        assert_eq!(histogram.len(), 4);
        assert_eq!(histogram.max() / 10_000, 700);
    }
}
