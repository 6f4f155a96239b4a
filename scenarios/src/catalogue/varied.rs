//! The same operations on so many containers: what they cost must lie on the lines that budgets draw.

use std::collections::{BTreeMap, BTreeSet};

use super::KILL;
use crate::budgets::Budget;
use crate::scenario::words::*;
use crate::{Expect, Scenario};

/// A scenario for each `n` at which one of these budgets has limits proven. Every client plays all of
/// them: what one budget does not vary still holds there.
pub fn varied<'b>(budgets: impl IntoIterator<Item = &'b Budget>) -> Vec<Scenario> {
    let mut points: BTreeMap<u64, BTreeSet<&str>> = BTreeMap::new();
    for budget in budgets {
        for (operation, at) in &budget.vary {
            for n in at {
                points.entry(*n).or_default().insert(operation);
            }
        }
    }
    points.into_iter().map(|(n, operations)| on(n, &operations)).collect()
}

/// One for all operations: to make so many containers, and to end them, takes longest.
fn on(n: u64, operations: &BTreeSet<&str>) -> Scenario {
    let names: Vec<String> = (0..n).map(|number| format!("c{number}")).collect();
    let names: Vec<&str> = names.iter().map(String::as_str).collect();
    let mut scenario = Scenario::of("vary", n.to_string());
    for name in &names {
        scenario = scenario.then(create(name, &["sleep", "600"])).then(start(name));
    }
    let found = Expect::Finds(names.len());
    if operations.contains("stats-all") {
        scenario = scenario.then(stats_all(&names)).expect(found.clone());
    }
    if operations.contains("restore") {
        scenario = scenario.restart().then(restore(&names)).expect(found);
    }
    for name in &names {
        scenario = scenario.then(force_delete(name)).exits(128 + KILL).then(delete(name));
    }
    scenario
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Play;
    use crate::budgets::{VARIED, floor};

    #[test]
    fn every_operation_on_many_is_asked_of_as_many_as_the_floor_says() {
        let scenarios = varied([&floor()]);
        let ids: Vec<String> = scenarios.iter().map(Scenario::case).collect();
        assert_eq!(ids, ["vary/1", "vary/8", "vary/64"]);
        for scenario in &scenarios {
            let asked = scenario.steps.iter().filter_map(|step| match &step.play {
                Play::Perform(operation) if VARIED.contains(&operation.name()) => {
                    Some((operation.name(), operation.containers().to_string()))
                }
                _ => None,
            });
            let expected = VARIED.map(|name| (name, scenario.name.clone().into_owned()));
            assert_eq!(asked.collect::<BTreeSet<_>>(), expected.into());
        }
    }
}
