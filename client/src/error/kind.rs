//! What went wrong.

use std::fmt;

use tonic::Code;

/// What an error means: gRPC's codes, as containerd's errdefs map them, and `Unreachable`.
///
/// ```
/// use laconic_client::Kind;
///
/// assert_eq!(Kind::FailedPrecondition.to_string(), "failed-precondition");
/// assert_eq!(Kind::Unreachable.code(), None, "nobody said so");
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum Kind {
    /// It was given up, by the caller or by the server.
    Cancelled,
    /// The server failed, and nothing tells how.
    Unknown,
    /// The request makes no sense, in whatever state.
    InvalidArgument,
    /// It took too long. Whether it was done is not known.
    DeadlineExceeded,
    /// There is no such thing.
    NotFound,
    /// There is such a thing already.
    AlreadyExists,
    /// It is not allowed.
    PermissionDenied,
    /// Something is used up, or too large.
    ResourceExhausted,
    /// It cannot be done in this state.
    FailedPrecondition,
    /// Something else got in its way.
    Aborted,
    /// It goes past an end.
    OutOfRange,
    /// The server cannot do this.
    Unimplemented,
    /// An invariant is broken.
    Internal,
    /// The server says that it cannot do this now.
    Unavailable,
    /// Data is lost.
    DataLoss,
    /// It is not known who asks.
    Unauthenticated,
    /// No answer came: there was no connection, or it broke. Whether it was done is not known.
    Unreachable,
}

const NAMES: [(Kind, &str, Option<Code>); 17] = [
    (Kind::Cancelled, "cancelled", Some(Code::Cancelled)),
    (Kind::Unknown, "unknown", Some(Code::Unknown)),
    (Kind::InvalidArgument, "invalid-argument", Some(Code::InvalidArgument)),
    (Kind::DeadlineExceeded, "deadline-exceeded", Some(Code::DeadlineExceeded)),
    (Kind::NotFound, "not-found", Some(Code::NotFound)),
    (Kind::AlreadyExists, "already-exists", Some(Code::AlreadyExists)),
    (Kind::PermissionDenied, "permission-denied", Some(Code::PermissionDenied)),
    (Kind::ResourceExhausted, "resource-exhausted", Some(Code::ResourceExhausted)),
    (Kind::FailedPrecondition, "failed-precondition", Some(Code::FailedPrecondition)),
    (Kind::Aborted, "aborted", Some(Code::Aborted)),
    (Kind::OutOfRange, "out-of-range", Some(Code::OutOfRange)),
    (Kind::Unimplemented, "unimplemented", Some(Code::Unimplemented)),
    (Kind::Internal, "internal", Some(Code::Internal)),
    (Kind::Unavailable, "unavailable", Some(Code::Unavailable)),
    (Kind::DataLoss, "data-loss", Some(Code::DataLoss)),
    (Kind::Unauthenticated, "unauthenticated", Some(Code::Unauthenticated)),
    (Kind::Unreachable, "unreachable", None),
];

impl Kind {
    fn row(self) -> &'static (Kind, &'static str, Option<Code>) {
        NAMES.iter().find(|(kind, ..)| *kind == self).expect("every kind has its row")
    }

    /// Its name, in kebab-case.
    pub fn as_str(self) -> &'static str {
        self.row().1
    }

    /// gRPC's code for it; `None` for what only a client can see.
    pub fn code(self) -> Option<Code> {
        self.row().2
    }
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// `Ok` is no error: where it comes as one, `Unknown`.
impl From<Code> for Kind {
    fn from(code: Code) -> Self {
        let row = NAMES.iter().find(|(_, _, of)| *of == Some(code));
        row.map_or(Kind::Unknown, |(kind, ..)| *kind)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_code_but_ok_has_its_kind_and_the_way_back() {
        for number in 1..=16 {
            let code = Code::from_i32(number);
            assert_eq!(Kind::from(code).code(), Some(code));
        }
        assert_eq!(Kind::from(Code::Ok), Kind::Unknown);
    }
}
