//! Errors as a driver reports them: its own word for what went wrong, and the wire's.

use std::fmt;

use serde::{Deserialize, Serialize};

/// What went wrong, in the client's words. The kinds are the gRPC codes but `ok`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum ErrorKind {
    /// The caller gave up.
    Cancelled,
    /// Nobody knows; containerd says so of most errors of its state machine.
    Unknown,
    /// A malformed id, name, filter or field.
    InvalidArgument,
    /// The time was up.
    DeadlineExceeded,
    /// No such container, task, exec, lease.
    NotFound,
    /// The id is taken.
    AlreadyExists,
    /// Not allowed.
    PermissionDenied,
    /// A limit was reached.
    ResourceExhausted,
    /// Not in this state.
    FailedPrecondition,
    /// Lost a race, try the whole again.
    Aborted,
    /// Beyond the end.
    OutOfRange,
    /// The server does not do this.
    Unimplemented,
    /// Broken inside.
    Internal,
    /// Not reachable, perhaps later.
    Unavailable,
    /// Data is gone or corrupt.
    DataLoss,
    /// Who are you?
    Unauthenticated,
}

/// The status code on the wire; the same words as [`ErrorKind`].
pub type Code = ErrorKind;

impl ErrorKind {
    /// All kinds, ordered by their gRPC number, which is the index + 1.
    pub const ALL: [ErrorKind; 16] = [
        Self::Cancelled,
        Self::Unknown,
        Self::InvalidArgument,
        Self::DeadlineExceeded,
        Self::NotFound,
        Self::AlreadyExists,
        Self::PermissionDenied,
        Self::ResourceExhausted,
        Self::FailedPrecondition,
        Self::Aborted,
        Self::OutOfRange,
        Self::Unimplemented,
        Self::Internal,
        Self::Unavailable,
        Self::DataLoss,
        Self::Unauthenticated,
    ];

    /// The kind of a gRPC status number; `None` for 0 (ok). Numbers beyond 16 are unknown.
    pub fn from_grpc(number: u32) -> Option<Self> {
        match number {
            0 => None,
            n => Some(Self::ALL.get(n as usize - 1).copied().unwrap_or(Self::Unknown)),
        }
    }

    /// The word that stands in messages and budgets, for example `not-found`.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Cancelled => "cancelled",
            Self::Unknown => "unknown",
            Self::InvalidArgument => "invalid-argument",
            Self::DeadlineExceeded => "deadline-exceeded",
            Self::NotFound => "not-found",
            Self::AlreadyExists => "already-exists",
            Self::PermissionDenied => "permission-denied",
            Self::ResourceExhausted => "resource-exhausted",
            Self::FailedPrecondition => "failed-precondition",
            Self::Aborted => "aborted",
            Self::OutOfRange => "out-of-range",
            Self::Unimplemented => "unimplemented",
            Self::Internal => "internal",
            Self::Unavailable => "unavailable",
            Self::DataLoss => "data-loss",
            Self::Unauthenticated => "unauthenticated",
        }
    }

    /// The kind with this word.
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.as_str() == name)
    }
}

impl fmt::Display for ErrorKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// An operation that did not succeed. A verdict about it is not made here: many scenarios want it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Refusal {
    /// The client's word.
    pub kind: ErrorKind,
    /// The status code that came over the wire; absent when the client refused by itself.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub code: Option<Code>,
    /// For people.
    pub message: String,
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.kind, self.message)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_kind_is_written_as_its_word_and_read_back() {
        for kind in ErrorKind::ALL {
            let text = serde_json::to_string(&kind).unwrap();
            assert_eq!(text, format!("\"{kind}\""));
            assert_eq!(ErrorKind::from_name(kind.as_str()), Some(kind));
        }
    }

    #[test]
    fn grpc_numbers_map_as_the_grpc_specification_numbers_them() {
        assert_eq!(ErrorKind::from_grpc(0), None);
        assert_eq!(ErrorKind::from_grpc(2), Some(ErrorKind::Unknown));
        assert_eq!(ErrorKind::from_grpc(5), Some(ErrorKind::NotFound));
        assert_eq!(ErrorKind::from_grpc(9), Some(ErrorKind::FailedPrecondition));
        assert_eq!(ErrorKind::from_grpc(16), Some(ErrorKind::Unauthenticated));
        assert_eq!(ErrorKind::from_grpc(99), Some(ErrorKind::Unknown));
    }
}
