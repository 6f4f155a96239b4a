//! Replay files: a case that failed once, small, readable, and played before all others.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};

use serde::Deserialize;

use crate::model::Move;

const SCHEMA: u32 = 1;

/// A case from a file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Replay {
    /// The file's name without its ending.
    pub name: String,
    /// Where it was found, in words.
    pub found: String,
    /// The check that is expected to catch it.
    pub fails: String,
    /// The versions that it is played on.
    pub profiles: Vec<String>,
    /// What it does.
    pub moves: Vec<Move>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    schema: u32,
    found: String,
    fails: String,
    profiles: Vec<String>,
    steps: Vec<Move>,
}

/// Why replay files could not be read. The text names file and line.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct ReplayError(String);

impl Replay {
    /// The case id in records.
    pub fn case(&self) -> String {
        format!("regression/{}", self.name)
    }

    /// Reads a file's text.
    pub fn parse(path: &Path, text: &str) -> Result<Self, ReplayError> {
        let at = |offset: usize, what: &str| {
            let line = 1 + text[..offset].matches('\n').count();
            ReplayError(format!("{}:{line}: {what}", path.display()))
        };
        let file: File = toml::from_str(text)
            .map_err(|error| at(error.span().map_or(0, |span| span.start), error.message()))?;
        if file.schema != SCHEMA {
            return Err(at(0, &format!("schema {} is not known; there is {SCHEMA}", file.schema)));
        }
        if let Some(profile) =
            file.profiles.iter().find(|profile| !["1.6", "1.7", "2.1"].contains(&profile.as_str()))
        {
            return Err(at(
                0,
                &format!("there is no profile {profile:?}; there are 1.6, 1.7, 2.1"),
            ));
        }
        if file.steps.is_empty() || file.profiles.is_empty() {
            return Err(at(0, "a case has at least one step and one profile"));
        }
        if let Some((number, step)) =
            file.steps.iter().enumerate().find(|(_, step)| !step.has_its_slots())
        {
            let what = format!("step {number}, {}: c is 0 to 2, e is 0 or 1", step.name());
            return Err(at(text.find("steps").unwrap_or(0), &what));
        }
        let name = path.file_stem().unwrap_or_default().to_string_lossy().into_owned();
        let File { found, fails, profiles, steps, .. } = file;
        Ok(Self { name, found, fails, profiles, moves: steps })
    }

    /// The text of its file.
    pub fn text(&self) -> String {
        let quoted = |text: &str| toml::Value::from(text).to_string();
        let profiles: Vec<String> = self.profiles.iter().map(|profile| quoted(profile)).collect();
        let mut text = format!(
            "schema = {SCHEMA}\nfound = {}\nfails = {}\nprofiles = [{}]\nsteps = [\n",
            quoted(&self.found),
            quoted(&self.fails),
            profiles.join(", "),
        );
        for play in &self.moves {
            let step = toml::Value::try_from(play).expect("a move is a table of plain values");
            let _ = writeln!(text, "  {step},");
        }
        text.push_str("]\n");
        text
    }

    /// All files of a folder, by name; none where there is no such folder.
    pub fn read_all(folder: &Path) -> Result<Vec<Self>, ReplayError> {
        let Ok(entries) = std::fs::read_dir(folder) else { return Ok(Vec::new()) };
        let mut paths: Vec<PathBuf> = entries
            .filter_map(|entry| Some(entry.ok()?.path()))
            .filter(|path| path.extension().is_some_and(|ending| ending == "toml"))
            .collect();
        paths.sort();
        paths.iter().map(|path| Self::read(path)).collect()
    }

    /// One file.
    pub fn read(path: &Path) -> Result<Self, ReplayError> {
        let text = std::fs::read_to_string(path)
            .map_err(|error| ReplayError(format!("cannot read {}: {error}", path.display())))?;
        Self::parse(path, &text)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::generate::Generation;
    use proptest::prelude::*;

    fn refused(text: &str) -> String {
        Replay::parse(Path::new("r.toml"), text).unwrap_err().to_string()
    }

    const HEAD: &str = "schema = 1\nfound = \"\"\nfails = \"state\"\nprofiles = [\"1.6\"]\n";

    #[test]
    fn what_is_wrong_is_told_with_file_and_line() {
        let told = [
            refused(&format!("{HEAD}steps = [\n  {{ start = {{ c = 0, d = 1 }} }},\n]\n")),
            refused(&format!("{HEAD}steps = [\n  {{ begin = {{ c = 0 }} }},\n]\n")),
            refused(&format!("{HEAD}steps = [ {{ start = {{ c = 7 }} }} ]\n")),
            refused(&format!("{HEAD}steps = [ {{ kill = {{ c = 0, signal = \"x\" }} }} ]\n")),
            refused(&format!("{HEAD}steps = [ {{ create = {{ c = 0, process = \"ls\" }} }} ]\n")),
            refused(&format!("{HEAD}steps = []\n")),
            refused(
                &HEAD
                    .replace("schema = 1", "schema = 2")
                    .replace("profiles", "steps = []\nprofiles"),
            ),
            refused(&format!("{}steps = []\n", HEAD.replace("1.6", "3.0"))),
            refused("until = 3\n"),
        ];
        insta::assert_snapshot!(told.join("\n"));
    }

    proptest! {
        #[test]
        fn every_case_survives_its_file(number in any::<u64>()) {
            let replay = Replay {
                name: "r".into(),
                found: "generator 1, \"seed\" 7".into(),
                fails: "exit-once".into(),
                profiles: vec!["1.6".into(), "2.1".into()],
                moves: Generation { seed: 7, cases: vec![] }.moves(number),
            };
            prop_assert_eq!(Replay::parse(Path::new("r.toml"), &replay.text()).unwrap(), replay);
        }

        #[test]
        fn no_text_makes_the_reader_panic(text in ".{0,200}") {
            let _ = Replay::parse(Path::new("r.toml"), &text);
        }
    }
}
