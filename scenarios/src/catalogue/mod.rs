//! The named scenarios: lifecycles that every client of containerd goes through.

mod bugs;
mod checkpoints;
mod execs;
mod images;
mod lifecycles;
mod refusals;
mod restarts;
mod streams;
mod varied;

pub use checkpoints::FOLDER;
pub use images::{ARCHIVE, IMAGES};
pub use varied::varied;

use crate::Scenario;

/// SIGKILL.
const KILL: u32 = 9;
/// SIGTERM.
const TERM: u32 = 15;

/// All of them, in the order in which they run.
pub fn catalogue() -> Vec<Scenario> {
    let mut all = lifecycles::scenarios();
    all.extend(execs::scenarios());
    all.extend(refusals::scenarios());
    all.extend(restarts::scenarios());
    all.extend(bugs::scenarios());
    all.extend(streams::scenarios());
    all.extend(images::scenarios());
    all.extend(checkpoints::scenarios());
    all
}

/// A container `c0` whose task runs until it is killed.
fn sleeping(name: &'static str) -> Scenario {
    use crate::scenario::words::*;
    use driver_protocol::Lifecycle::Running;
    Scenario::new(name)
        .then(create("c0", &["sleep", "600"]))
        .then(start("c0"))
        .leaves("c0", Running)
}

impl Scenario {
    /// Ends `c0` by force and deletes it.
    fn ended(self) -> Self {
        use crate::scenario::words::*;
        self.then(force_delete("c0")).exits(128 + KILL).leaves_no_task("c0").then(delete("c0"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Play;
    use driver_protocol::Operation;
    use std::collections::BTreeSet;

    #[test]
    fn there_are_at_least_25_scenarios_with_names_of_their_own() {
        let names: BTreeSet<_> = catalogue().iter().map(|scenario| scenario.case()).collect();
        assert_eq!(names.len(), catalogue().len());
        assert!(names.len() >= 25, "{}", names.len());
    }

    #[test]
    fn every_operation_succeeds_in_some_scenario_that_real_targets_play_too() {
        let mut seen = BTreeSet::new();
        for scenario in catalogue() {
            for step in scenario.steps {
                let refused = matches!(step.expect, crate::Expect::Refused(_));
                if let (Play::Perform(operation), false) = (&step.play, refused) {
                    seen.insert(operation.name());
                }
            }
        }
        let missing: Vec<_> =
            Operation::NAMES.into_iter().filter(|name| !seen.contains(name)).collect();
        assert_eq!(missing, Vec::<&str>::new());
    }

    #[test]
    fn every_begun_step_is_joined() {
        for scenario in catalogue() {
            let count = |wanted: fn(&Play) -> bool| {
                scenario.steps.iter().filter(|step| wanted(&step.play)).count()
            };
            assert_eq!(
                count(|play| matches!(play, Play::Begin(_))),
                count(|play| matches!(play, Play::Join)),
                "{}",
                scenario.name
            );
        }
    }
}
