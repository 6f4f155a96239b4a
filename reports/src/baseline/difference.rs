//! What appeared and what vanished between two baselines of one client.

use std::collections::{BTreeMap, BTreeSet};

use super::{Baseline, Place};

/// Which way a count went.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Rise {
    /// More calls than before.
    Appeared,
    /// Fewer.
    Vanished,
}

/// One method of one operation, whose count is another in at least one step.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Difference {
    /// The operation.
    pub operation: String,
    /// `ok`, or the kind of the error; empty for `connect` and `background`.
    pub outcome: String,
    /// `Service/Method`.
    pub rpc: String,
    /// Which way.
    pub rise: Rise,
    /// Before and after, in the first place.
    pub counts: (u64, u64),
    /// Where.
    pub places: Vec<Place>,
}

/// All that differs.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Differences {
    /// By operation and method.
    pub counts: Vec<Difference>,
    /// Cases that are new.
    pub cases_new: BTreeSet<String>,
    /// Cases that the second lacks.
    pub cases_missing: BTreeSet<String>,
    /// Steps that came to another outcome: place before, outcome after (empty: no such step).
    pub outcomes: Vec<(Place, String)>,
}

impl Differences {
    /// From one to the other.
    pub fn between(before: &Baseline, after: &Baseline) -> Self {
        let (cases_before, cases_after) = (before.cases(), after.cases());
        let owned = |cases: BTreeSet<&str>| cases.into_iter().map(str::to_owned).collect();
        let mut differences = Self {
            cases_new: owned(&cases_after - &cases_before),
            cases_missing: owned(&cases_before - &cases_after),
            ..Self::default()
        };
        let mut counts: BTreeMap<_, Difference> = BTreeMap::new();
        for (place, rpcs) in &before.entries {
            if !cases_after.contains(place.case.as_str()) {
                continue;
            }
            let Some(now) = after.entries.get(place) else {
                differences.outcomes.push((place.clone(), outcome_at(after, place)));
                continue;
            };
            for rpc in rpcs.keys().chain(now.keys()).collect::<BTreeSet<_>>() {
                let count = |rpcs: &run_record::Rpcs| rpcs.get(rpc).copied().unwrap_or(0);
                let (was, is) = (count(rpcs), count(now));
                let rise = match was.cmp(&is) {
                    std::cmp::Ordering::Less => Rise::Appeared,
                    std::cmp::Ordering::Greater => Rise::Vanished,
                    std::cmp::Ordering::Equal => continue,
                };
                let key = (rise, place.operation.clone(), place.outcome.clone(), rpc.clone());
                let difference = counts.entry(key).or_insert_with(|| Difference {
                    operation: place.operation.clone(),
                    outcome: place.outcome.clone(),
                    rpc: rpc.clone(),
                    rise,
                    counts: (was, is),
                    places: Vec::new(),
                });
                difference.places.push(place.clone());
            }
        }
        differences.counts = counts.into_values().collect();
        differences
    }

    /// What must not pass unseen: more calls, other outcomes.
    pub fn regressed(&self) -> bool {
        !self.outcomes.is_empty()
            || self.counts.iter().any(|difference| difference.rise == Rise::Appeared)
    }

    /// Whether anything differs at all.
    pub fn any(&self) -> bool {
        *self != Self::default()
    }
}

/// The outcome of the same step, whatever it is now.
fn outcome_at(baseline: &Baseline, place: &Place) -> String {
    let same = |other: &&Place| {
        (&other.case, &other.step, &other.operation) == (&place.case, &place.step, &place.operation)
    };
    baseline.entries.keys().find(same).map_or_else(String::new, |place| place.outcome.clone())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::baseline::Subject;

    /// Case, operation, outcome, counts.
    type Line<'l> = (&'l str, &'l str, &'l str, &'l [(&'l str, u64)]);

    fn baseline(entries: &[Line<'_>]) -> Baseline {
        let subject = Subject {
            driver: "d".to_owned(),
            target: "mock".to_owned(),
            version: "1.6".to_owned(),
        };
        let entries = entries
            .iter()
            .map(|(case, operation, outcome, rpcs)| {
                let place = Place {
                    case: (*case).to_owned(),
                    step: "0".to_owned(),
                    operation: (*operation).to_owned(),
                    outcome: (*outcome).to_owned(),
                };
                let rpcs = rpcs.iter().map(|(rpc, count)| ((*rpc).to_owned(), *count)).collect();
                (place, rpcs)
            })
            .collect();
        Baseline { subject, entries }
    }

    const EXEC: &[(&str, u64)] = &[("Tasks/Exec", 1), ("Tasks/Start", 1)];
    const MORE: &[(&str, u64)] = &[("Containers/Get", 2), ("Tasks/Exec", 1), ("Tasks/Start", 1)];

    #[test]
    fn a_call_more_appears_under_its_operation_and_method_once() {
        let before = baseline(&[("a", "exec", "ok", EXEC), ("b", "exec", "ok", EXEC)]);
        let after = baseline(&[("a", "exec", "ok", MORE), ("b", "exec", "ok", MORE)]);
        let differences = Differences::between(&before, &after);
        assert!(differences.regressed());
        assert_eq!(differences.counts.len(), 1);
        let one = &differences.counts[0];
        assert_eq!((one.rpc.as_str(), one.counts, one.places.len()), ("Containers/Get", (0, 2), 2));
    }

    #[test]
    fn a_call_fewer_is_no_regression() {
        let before = baseline(&[("a", "exec", "ok", MORE)]);
        let after = baseline(&[("a", "exec", "ok", EXEC)]);
        let differences = Differences::between(&before, &after);
        assert!(!differences.regressed() && differences.any());
        assert_eq!(differences.counts[0].rise, Rise::Vanished);
    }

    #[test]
    fn another_outcome_is_a_regression_and_a_new_case_is_not() {
        let before = baseline(&[("a", "exec", "ok", EXEC)]);
        let after = baseline(&[("a", "exec", "unknown", EXEC), ("b", "exec", "ok", EXEC)]);
        let differences = Differences::between(&before, &after);
        assert_eq!(differences.outcomes.len(), 1);
        assert_eq!(differences.outcomes[0].1, "unknown");
        assert_eq!(differences.cases_new, ["b".to_owned()].into());
        assert!(differences.regressed());
    }
}
