//! The file: one JSON value, one entry a line, sorted, so that a review shows what changed.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use run_record::{Line, Rpcs, RunLine};
use serde::{Deserialize, Serialize};

use super::entry::{Entry, Place, entries};

/// The version of the format.
const SCHEMA: u32 = 1;

/// Who was measured against what.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Subject {
    /// The client's name.
    pub driver: String,
    /// `mock`, `real` or `address`.
    pub target: String,
    /// Of containerd: major and minor.
    pub version: String,
}

impl Subject {
    /// Of a run.
    pub fn of(run: &RunLine) -> Self {
        let mut numbers = run.target.version.trim_start_matches('v').split('.');
        let (major, minor) = (numbers.next().unwrap_or(""), numbers.next().unwrap_or(""));
        let version = format!("{major}.{minor}");
        Self { driver: run.driver.name.clone(), target: run.target.kind.clone(), version }
    }

    /// What its file is called in a folder of baselines.
    pub fn file_name(&self) -> String {
        let plain = |text: &str| {
            text.chars().map(|c| if c.is_alphanumeric() { c } else { '-' }).collect::<String>()
        };
        format!("{}-{}-{}.json", plain(&self.driver), plain(&self.target), self.version)
    }
}

impl fmt::Display for Subject {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} on {} {}", self.driver, self.target, self.version)
    }
}

/// Why a baseline cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum BaselineError {
    /// It cannot be read as one.
    #[error("{path}:{line}: {what}")]
    Syntax {
        /// Which file.
        path: String,
        /// From 1.
        line: usize,
        /// What is wrong.
        what: String,
    },
    /// Another version of the format.
    #[error("{path} has baseline schema {found}; this laconic reads {SCHEMA}")]
    Schema {
        /// Which file.
        path: String,
        /// What it says.
        found: u32,
    },
}

/// What one client cost against one target.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Baseline {
    /// Who and what.
    pub subject: Subject,
    /// By place.
    pub entries: BTreeMap<Place, Rpcs>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Wire {
    schema: u32,
    #[serde(flatten)]
    subject: Subject,
    entries: Vec<Entry>,
}

impl Baseline {
    /// Of one run of a record.
    pub fn of(lines: &[Line], run: &RunLine) -> Self {
        Self { subject: Subject::of(run), entries: entries(lines, run.run) }
    }

    /// Reads a file's text.
    pub fn parse(path: &str, text: &str) -> Result<Self, BaselineError> {
        let value: serde_json::Value =
            serde_json::from_str(text).map_err(|error| BaselineError::Syntax {
                path: path.to_owned(),
                line: error.line(),
                what: error.to_string(),
            })?;
        if let Some(found) = value.get("schema").and_then(serde_json::Value::as_u64)
            && found != u64::from(SCHEMA)
        {
            let found = u32::try_from(found).unwrap_or(u32::MAX);
            return Err(BaselineError::Schema { path: path.to_owned(), found });
        }
        let wire: Wire = serde_json::from_value(value).map_err(|error| BaselineError::Syntax {
            path: path.to_owned(),
            line: 1,
            what: format!("not a baseline: {error}"),
        })?;
        debug_assert_eq!(wire.schema, SCHEMA);
        let entries = wire.entries.into_iter().map(|entry| (entry.place, entry.rpcs)).collect();
        Ok(Self { subject: wire.subject, entries })
    }

    /// Cases that it holds.
    pub fn cases(&self) -> BTreeSet<&str> {
        self.entries.keys().map(|place| place.case.as_str()).collect()
    }
}

/// As the file.
impl fmt::Display for Baseline {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let text = |text: &str| serde_json::Value::from(text).to_string();
        let Subject { driver, target, version } = &self.subject;
        writeln!(f, "{{")?;
        writeln!(f, " \"schema\": {SCHEMA},")?;
        writeln!(f, " \"driver\": {},", text(driver))?;
        writeln!(f, " \"target\": {},", text(target))?;
        writeln!(f, " \"version\": {},", text(version))?;
        writeln!(f, " \"entries\": [")?;
        for (index, (place, rpcs)) in self.entries.iter().enumerate() {
            let entry = Entry { place: place.clone(), rpcs: rpcs.clone() };
            let line = serde_json::to_string(&entry).map_err(|_| fmt::Error)?;
            let comma = if index + 1 == self.entries.len() { "" } else { "," };
            writeln!(f, "  {line}{comma}")?;
        }
        writeln!(f, " ]\n}}")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn subject() -> Subject {
        let (driver, target, version) = ("d\"<x>".to_owned(), "mock".to_owned(), "1.6".to_owned());
        Subject { driver, target, version }
    }

    fn place() -> impl Strategy<Value = Place> {
        ("[a-z/-]{1,12}", "[0-9+]{0,3}", "[a-z-]{1,8}", "[a-z-]{0,8}")
            .prop_map(|(case, step, operation, outcome)| Place { case, step, operation, outcome })
    }

    proptest! {
        #[test]
        fn a_baseline_is_read_back_as_it_was_written(
            entries in proptest::collection::btree_map(
                place(),
                proptest::collection::btree_map("[A-Z][a-z]{1,5}/[A-Z][a-z]{1,5}", 1u64..100, 0..4),
                0..6,
            ),
        ) {
            let baseline = Baseline { subject: subject(), entries };
            let text = baseline.to_string();
            prop_assert_eq!(text.lines().count(), 8 + baseline.entries.len());
            prop_assert_eq!(Baseline::parse("b.json", &text).unwrap(), baseline);
        }

        #[test]
        fn no_text_makes_the_reader_panic(text in ".{0,80}") {
            let _ = Baseline::parse("b.json", &text);
        }
    }

    #[test]
    fn what_is_no_baseline_is_told_with_its_line() {
        let told = |text: &str| Baseline::parse("b.json", text).unwrap_err().to_string();
        assert!(told("{\n{").starts_with("b.json:2: "), "{}", told("{\n{"));
        assert_eq!(told("{\"schema\": 2}"), "b.json has baseline schema 2; this laconic reads 1");
        assert!(told("{\"schema\": 1}").contains("not a baseline: missing field"));
    }

    #[test]
    fn a_file_is_named_by_its_subject() {
        assert_eq!(subject().file_name(), "d--x--mock-1.6.json");
    }
}
