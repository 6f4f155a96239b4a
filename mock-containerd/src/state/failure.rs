//! Errors as containerd words them. Where the shim raises a plain error the code is UNKNOWN, on
//! every version: what it means stands in the message alone.

use tonic::{Code, Status};

use crate::Profile;

/// An error that a service answers with.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Failure {
    pub(crate) code: Code,
    pub(crate) message: String,
}

impl Failure {
    fn classed(code: Code, message: impl Into<String>, class: &str) -> Self {
        Self { code, message: format!("{}: {class}", message.into()) }
    }

    pub(crate) fn not_found(message: impl Into<String>) -> Self {
        Self::classed(Code::NotFound, message, "not found")
    }

    pub(crate) fn already_exists(message: impl Into<String>) -> Self {
        Self::classed(Code::AlreadyExists, message, "already exists")
    }

    pub(crate) fn invalid(message: impl Into<String>) -> Self {
        Self::classed(Code::InvalidArgument, message, "invalid argument")
    }

    pub(crate) fn precondition(message: impl Into<String>) -> Self {
        Self::classed(Code::FailedPrecondition, message, "failed precondition")
    }

    /// An error whose text has no class at its end.
    pub(crate) fn plain(code: Code, message: impl Into<String>) -> Self {
        Self { code, message: message.into() }
    }

    /// An error of the shim.
    pub(crate) fn shim(profile: Profile, message: impl Into<String>) -> Self {
        let suffix = if profile == Profile::V2_1 { "" } else { ": unknown" };
        Self { code: Code::Unknown, message: format!("{}{suffix}", message.into()) }
    }

    /// The same error, with what was being done before it.
    pub(crate) fn within(self, doing: &str) -> Self {
        Self { message: format!("{doing}: {}", self.message), ..self }
    }

    pub(crate) fn no_namespace() -> Self {
        Self::precondition("namespace is required")
    }

    pub(crate) fn no_task(id: &str) -> Self {
        Self::plain(Code::NotFound, format!("task {id} not found"))
    }

    pub(crate) fn no_process(exec: &str) -> Self {
        Self::not_found(format!("process does not exist {exec}"))
    }
}

impl From<Failure> for Status {
    fn from(failure: Failure) -> Self {
        Status::new(failure.code, failure.message)
    }
}
