//! Replay files: a case that failed once, small, readable, and played before all others.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use crate::model::{Move, Trouble};
use crate::plot::{ACTORS_MAX, ACTS_MAX, FAULTS_MAX, Plot};

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
    /// What is played.
    pub play: Replayed,
}

/// What a case does.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Replayed {
    /// One move after the other.
    Moves(Vec<Move>),
    /// What several actors do at once.
    Plot(Plot),
}

impl Replayed {
    /// How many operations it has.
    pub fn steps(&self) -> usize {
        match self {
            Self::Moves(moves) => moves.len(),
            Self::Plot(plot) => plot.acts(),
        }
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    schema: u32,
    found: String,
    fails: String,
    profiles: Vec<String>,
    /// What one does, before the others where there are any.
    steps: Vec<Move>,
    /// What each of several does at once.
    #[serde(default)]
    actors: Vec<Vec<Move>>,
    /// What goes wrong meanwhile.
    #[serde(default)]
    faults: Vec<Trouble>,
    /// Of which it is drawn how long messages take.
    #[serde(default)]
    interleave: Option<Drawn>,
}

/// A number as it is written in a file of numbers with signs.
#[derive(Deserialize)]
#[serde(try_from = "String")]
struct Drawn(u64);

impl TryFrom<String> for Drawn {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        let number = text.strip_prefix("0x").map(|digits| u64::from_str_radix(digits, 16));
        match number {
            Some(Ok(number)) => Ok(Self(number)),
            _ => Err(format!("{text:?} is no number like \"0x2a\"")),
        }
    }
}

impl File {
    /// Whether its moves can be played.
    fn check(&self) -> Result<(), String> {
        for (number, step) in self.steps.iter().chain(self.actors.iter().flatten()).enumerate() {
            if !step.has_its_slots() {
                return Err(format!("step {number}, {}: c is 0 to 2, e is 0 or 1", step.name()));
            }
            if !self.actors.is_empty() && !Plot::takes(step) {
                let name = step.name();
                return Err(format!("step {number}: {name} has no place beside actors"));
            }
        }
        if self.actors.is_empty() && !self.faults.is_empty() {
            return Err("without actors a fault is a step: { fault = … }".to_owned());
        }
        if self.faults.len() > FAULTS_MAX {
            return Err(format!("there are at most {FAULTS_MAX} faults beside actors"));
        }
        if !self.faults.iter().all(|fault| Move::Fault(fault.clone()).has_its_slots()) {
            return Err("a fault names a container that there is not: c is 0 to 2".to_owned());
        }
        match self.actors.len() > usize::from(ACTORS_MAX)
            || self.actors.iter().any(|moves| moves.len() > ACTS_MAX)
        {
            true => Err(format!("there are at most {ACTORS_MAX} actors, of {ACTS_MAX} steps each")),
            false => Ok(()),
        }
    }
}

/// Why replay files could not be read. The text names file and line.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct ReplayError(String);

/// One a line.
fn listed<T: Serialize>(text: &mut String, all: &[T], indent: &str) {
    for one in all {
        let one = toml::Value::try_from(one).expect("it is a table of plain values");
        let _ = writeln!(text, "{indent}{one},");
    }
}

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
        if (file.steps.is_empty() && file.actors.is_empty()) || file.profiles.is_empty() {
            return Err(at(0, "a case has at least one step and one profile"));
        }
        let steps = text.find("steps").unwrap_or(0);
        file.check().map_err(|what| at(steps, &what))?;
        let name = path.file_stem().unwrap_or_default().to_string_lossy().into_owned();
        let File { found, fails, profiles, steps, actors, faults, interleave, .. } = file;
        let play = match actors.is_empty() {
            true => Replayed::Moves(steps),
            false => {
                let interleave = interleave.map_or(0, |drawn| drawn.0);
                Replayed::Plot(Plot { opening: steps, actors, faults, interleave })
            }
        };
        Ok(Self { name, found, fails, profiles, play })
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
        match &self.play {
            Replayed::Moves(moves) => listed(&mut text, moves, "  "),
            Replayed::Plot(Plot { opening, actors, faults, interleave }) => {
                listed(&mut text, opening, "  ");
                text.push_str("]\nactors = [\n");
                for moves in actors {
                    text.push_str("  [\n");
                    listed(&mut text, moves, "    ");
                    text.push_str("  ],\n");
                }
                if !faults.is_empty() {
                    text.push_str("]\nfaults = [\n");
                    listed(&mut text, faults, "  ");
                }
                // As a string it keeps all its bits.
                let _ = write!(text, "]\ninterleave = \"{interleave:#018x}\"\n");
                return text;
            }
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
    use crate::plot::Actors;
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
            refused(&format!("{HEAD}steps = []\nactors = [[ {{ start = {{ c = 9 }} }} ]]\n")),
            refused(&format!("{HEAD}steps = []\nactors = [[ {{ restart = {{}} }} ]]\n")),
            refused(&format!("{HEAD}steps = []\nactors = [[], [], [], [], []]\n")),
            refused(&format!("{HEAD}steps = []\nactors = [[]]\ninterleave = \"7\"\n")),
            refused(&format!("{HEAD}steps = []\nactors = [[]]\nfaults = [ {{ cut = 3 }} ]\n")),
            refused(&format!(
                "{HEAD}steps = [ {{ start = {{ c = 0 }} }} ]\nfaults = [ {{ cut = \"connection\", after = \"Tasks/Kill\" }} ]\n"
            )),
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
                play: Replayed::Moves(Generation { seed: 7, ..Generation::default() }.moves(number)),
            };
            prop_assert_eq!(Replay::parse(Path::new("r.toml"), &replay.text()).unwrap(), replay);
        }

        #[test]
        fn every_plot_survives_its_file(number in any::<u64>(), actors in 1..=ACTORS_MAX) {
            let actors = Actors::new(actors).unwrap();
            let replay = Replay {
                name: "r".into(),
                found: "generator 1".into(),
                fails: "linearizable".into(),
                profiles: vec!["1.6".into()],
                play: Replayed::Plot(Generation::default().plot(actors, number)),
            };
            prop_assert_eq!(Replay::parse(Path::new("r.toml"), &replay.text()).unwrap(), replay);
        }

        #[test]
        fn no_text_makes_the_reader_panic(text in ".{0,200}") {
            let _ = Replay::parse(Path::new("r.toml"), &text);
        }
    }
}
