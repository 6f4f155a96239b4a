//! What real daemons leave to chance: answers that come now and then to calls in a right order, because
//! the daemon races with itself. A case that drew one is told, and not judged; a mock draws none.

use serde::Deserialize;

/// A line of `cases/chances.jsonl`.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Chance {
    /// Part of the difference that it makes.
    told: String,
    versions: Vec<String>,
    pub(crate) why: String,
}

impl Chance {
    pub(crate) fn is_of(&self, version: &str) -> bool {
        self.versions.iter().any(|one| one == version)
    }

    /// Whether it made a case differ so.
    pub(crate) fn made(&self, told: &str) -> bool {
        told.contains(&self.told)
    }
}

pub(crate) fn chances() -> Vec<Chance> {
    let lines = include_str!("cases/chances.jsonl").lines();
    lines
        .map(|line| serde_json::from_str(line).unwrap_or_else(|error| panic!("{line}: {error}")))
        .collect()
}
