//! Exit codes, and errors that know theirs.

use std::fmt;
use std::process::ExitCode;

/// How the process ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Exit {
    Good = 0,
    /// The harness, a driver's protocol or a target failed.
    Harness = 1,
    /// Wrong usage, or a file that people write is wrong.
    Usage = 2,
    /// A client broke conformance or its budget.
    Broke = 3,
    /// Nothing was selected or ran.
    Nothing = 4,
}

/// What the process ends with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Ended {
    /// One of ours.
    Ours(Exit),
    /// That of a command that we ran.
    Command(u8),
}

impl From<Exit> for Ended {
    fn from(exit: Exit) -> Self {
        Self::Ours(exit)
    }
}

impl From<Ended> for ExitCode {
    fn from(ended: Ended) -> Self {
        match ended {
            Ended::Ours(exit) => ExitCode::from(exit as u8),
            Ended::Command(code) => ExitCode::from(code),
        }
    }
}

impl fmt::Display for Exit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Good => "all is well",
            Self::Harness => "the run failed",
            Self::Usage => "wrong usage",
            Self::Broke => "a client broke its promises",
            Self::Nothing => "nothing ran",
        })
    }
}

impl std::error::Error for Exit {}

/// An error of usage.
pub(crate) fn usage(message: impl fmt::Display) -> anyhow::Error {
    anyhow::Error::new(Exit::Usage).context(message.to_string())
}
