//! What processes of generated cases run, and how each of them ends.

use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// SIGTERM.
pub const TERM: u32 = 15;
/// SIGKILL.
pub const KILL: u32 = 9;
/// How runc's init ends by SIGTERM: it is the first process, so its Go runtime cannot die of the signal.
pub(super) const INIT_STRUCK: u32 = 2;

/// A program by how it ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Program {
    /// Runs until somebody ends it.
    Sleeps,
    /// Ends at once, with 0.
    ExitsWith0,
    /// Ends at once, with 7.
    ExitsWith7,
    /// Ends a little later, with 3.
    ExitsWith3Later,
    /// Runs until SIGTERM, and then ends with 5.
    Obeys,
    /// Reads until its input ends, and then ends with 0. Execs alone run it.
    Reads,
    /// There is no such program.
    IsMissing,
}

impl Program {
    /// All of them.
    pub const ALL: [Program; 7] = [
        Self::Sleeps,
        Self::ExitsWith0,
        Self::ExitsWith7,
        Self::ExitsWith3Later,
        Self::Obeys,
        Self::Reads,
        Self::IsMissing,
    ];

    /// Its command line.
    pub fn args(self) -> Vec<String> {
        let words: &[&str] = match self {
            Self::Sleeps => &["sleep", "600"],
            Self::ExitsWith0 => &["true"],
            Self::ExitsWith7 => &["sh", "-c", "exit 7"],
            Self::ExitsWith3Later => &["sh", "-c", "sleep 0.05; exit 3"],
            Self::Obeys => &["sh", "-c", "trap 'exit 5' TERM; sleep 600 & wait"],
            Self::Reads => &["cat"],
            Self::IsMissing => &["/no/such/binary"],
        };
        words.iter().map(|word| (*word).to_owned()).collect()
    }

    /// The status with which it ends by itself, if it does.
    pub(super) fn ends_with(self) -> Option<u32> {
        match self {
            Self::ExitsWith0 => Some(0),
            Self::ExitsWith7 => Some(7),
            Self::ExitsWith3Later => Some(3),
            Self::Sleeps | Self::Obeys | Self::Reads | Self::IsMissing => None,
        }
    }

    /// Whether it has an input.
    pub(super) fn reads(self) -> bool {
        self == Self::Reads
    }

    /// The statuses with which a signal may end it, `None` if it may live on: the kernel keeps from
    /// the first process of a pid namespace what it has no handler for, and a handler is there only
    /// once the shell has come to it. Until runc's init has made way for the program it is struck itself.
    pub(super) fn struck(self, signal: u32, first: bool) -> Vec<Option<u32>> {
        match (signal, self) {
            (KILL, _) => vec![Some(128 + KILL)],
            (TERM, Self::Obeys) if first => vec![Some(5), None, Some(INIT_STRUCK)],
            (TERM, Self::Obeys) => vec![Some(5), Some(128 + TERM)],
            (TERM, _) if first => vec![None, Some(INIT_STRUCK)],
            (TERM, _) => vec![Some(128 + TERM)],
            // Signal 0 asks whether it is there.
            _ => vec![None],
        }
    }
}

/// As the words of its command line.
pub(super) mod args {
    use super::{Deserialize, Deserializer, Program, Serialize, Serializer};
    use serde::de::Error;

    pub(in super::super) fn serialize<S: Serializer>(
        program: &Program,
        serializer: S,
    ) -> Result<S::Ok, S::Error> {
        program.args().serialize(serializer)
    }

    pub(in super::super) fn deserialize<'de, D: Deserializer<'de>>(
        deserializer: D,
    ) -> Result<Program, D::Error> {
        let words = Vec::<String>::deserialize(deserializer)?;
        let known = Program::ALL.into_iter().find(|program| program.args() == words);
        known.ok_or_else(|| {
            let all: Vec<String> =
                Program::ALL.iter().map(|one| format!("{:?}", one.args())).collect();
            D::Error::custom(format!("the model knows no {words:?}; it knows {}", all.join(", ")))
        })
    }
}

/// As its command line in one string.
pub(super) mod line {
    use super::{Deserialize, Deserializer, Program, Serializer};
    use serde::de::Error;

    fn line(program: Program) -> String {
        let words = program.args();
        // The last word of a shell's is a script of its own.
        match words.as_slice() {
            [shell, option, script] => format!("{shell} {option} \"{script}\""),
            words => words.join(" "),
        }
    }

    pub(in super::super) fn serialize<S: Serializer>(
        program: &Program,
        serializer: S,
    ) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&line(*program))
    }

    pub(in super::super) fn deserialize<'de, D: Deserializer<'de>>(
        deserializer: D,
    ) -> Result<Program, D::Error> {
        let text = String::deserialize(deserializer)?;
        let all = || Program::ALL.into_iter().filter(|program| !program.reads());
        let known = all().find(|program| line(*program) == text);
        known.ok_or_else(|| {
            let all: Vec<String> = all().map(line).collect();
            D::Error::custom(format!(
                "the model knows no process {text:?}; it knows {}",
                all.join(", ")
            ))
        })
    }
}
