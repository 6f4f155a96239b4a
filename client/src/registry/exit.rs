//! How processes stand and end.

use std::fmt;

use prost_types::Timestamp;

/// With what a process ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum ExitStatus {
    /// 0 to 255; 128 + signal for a process that was killed.
    Code(u32),
    /// It ended, and nobody can say how: the daemon has forgotten it. Never to be taken for 0.
    Unknown,
}

impl ExitStatus {
    /// Whether it is known that all went well.
    pub fn success(self) -> bool {
        self == Self::Code(0)
    }
}

impl fmt::Display for ExitStatus {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Code(code) => code.fmt(f),
            Self::Unknown => f.write_str("unknown"),
        }
    }
}

/// How a process ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Exit {
    /// With what.
    pub status: ExitStatus,
    /// Nanoseconds since 1970; `None` when that is not known, or it never ran.
    pub at_ns: Option<i64>,
}

impl Exit {
    /// Nobody can say how it ended, or when.
    pub(crate) const UNKNOWN: Self = Self { status: ExitStatus::Unknown, at_ns: None };

    pub(crate) fn new(status: u32, at: Option<Timestamp>) -> Self {
        let at_ns = at.as_ref().and_then(since_1970_ns);
        Self { status: ExitStatus::Code(status), at_ns }
    }
}

/// Go's zero time lies before 1970: it means that there is none.
pub(crate) fn since_1970_ns(at: &Timestamp) -> Option<i64> {
    let seconds = Some(at.seconds).filter(|seconds| *seconds > 0)?;
    seconds.checked_mul(1_000_000_000)?.checked_add(i64::from(at.nanos))
}

/// A task's or process's state.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Status {
    /// The server could not tell; never to be taken for an exit.
    Unknown,
    /// Made, not started.
    Created,
    /// Running.
    Running,
    /// Frozen.
    Paused,
    /// Exited.
    Stopped(Exit),
}
