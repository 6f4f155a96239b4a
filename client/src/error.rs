//! Errors that name the operation, the object and the cause.

use tonic::{Code, Status};

use crate::state_errors;

/// What went wrong: gRPC's codes, as containerd's errdefs map them.
pub type Kind = Code;

/// An operation failed.
#[derive(Clone, Debug, thiserror::Error)]
#[error("failed to {operation} {object}: {message}")]
pub struct Error {
    operation: &'static str,
    object: String,
    kind: Kind,
    code: Option<Code>,
    message: String,
}

impl Error {
    /// The server refused.
    pub(crate) fn server(operation: &'static str, object: &str, status: &Status) -> Self {
        Self {
            operation,
            object: object.to_owned(),
            kind: state_errors::kind(status.code(), status.message()),
            code: Some(status.code()),
            message: status.message().to_owned(),
        }
    }

    /// We refuse, and send nothing.
    pub(crate) fn local(
        operation: &'static str,
        object: &str,
        kind: Kind,
        message: impl Into<String>,
    ) -> Self {
        let message = message.into();
        Self { operation, object: object.to_owned(), kind, code: None, message }
    }

    /// What it means: containerd answers `Unknown` for most errors of its state machine, and their
    /// text says what they are.
    pub fn kind(&self) -> Kind {
        self.kind
    }

    /// What the wire said; `None` when this client refused by itself.
    pub fn code(&self) -> Option<Code> {
        self.code
    }
}
