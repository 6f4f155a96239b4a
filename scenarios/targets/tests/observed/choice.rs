//! Which cases are played: all, unless somebody chooses.

use crate::case::Case;

/// Ids of cases and names of files that `CASES` chooses; none: all are played.
pub(crate) fn names() -> Vec<String> {
    let chosen = std::env::var("CASES").unwrap_or_default();
    chosen.split([',', ' ']).filter(|name| !name.is_empty()).map(str::to_owned).collect()
}

/// Of what a real daemon plays, each so many from one on: `OBSERVED_SAMPLE=K/N` with K below N.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Sample {
    from: usize,
    each: usize,
}

impl Sample {
    pub(crate) fn chosen() -> Option<Self> {
        let chosen = std::env::var("OBSERVED_SAMPLE").ok()?;
        Some(Self::read(&chosen).unwrap_or_else(|| {
            panic!("OBSERVED_SAMPLE={chosen}: it wants two numbers K/N, K below N")
        }))
    }

    fn read(text: &str) -> Option<Self> {
        let (from, each) = text.split_once('/')?;
        let (from, each) = (from.parse().ok()?, each.parse().ok()?);
        (from < each).then_some(Self { from, each })
    }

    pub(crate) fn of(self, cases: Vec<Case>) -> Vec<Case> {
        cases.into_iter().skip(self.from).step_by(self.each).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_sample_is_two_numbers_and_nothing_else() {
        assert_eq!(Sample::read("1/3"), Some(Sample { from: 1, each: 3 }));
        for text in ["", "1", "3/3", "0/0", "-1/3", "1/3/3", "one/3", " 1/3"] {
            assert_eq!(Sample::read(text), None, "{text:?}");
        }
    }

    #[test]
    fn all_samples_together_are_all_cases_each_once() {
        let all = crate::all_cases();
        let ids = |cases: Vec<Case>| cases.into_iter().map(|case| case.id).collect::<Vec<_>>();
        let sample = |from| ids(Sample { from, each: 3 }.of(crate::all_cases()));
        let mut together: Vec<String> = (0..3).flat_map(sample).collect();
        let mut all = ids(all);
        together.sort();
        all.sort();
        assert_eq!(together, all);
        assert!(sample(0).len() <= all.len() / 3 + 1);
    }
}
