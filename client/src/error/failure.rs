//! The one error of this crate.

use std::sync::Arc;

use tonic::{Code, Status};

use super::{Kind, state_errors};
use crate::wire::{Doing, Overdue};

type Cause = Arc<dyn std::error::Error + Send + Sync>;

/// An operation failed.
#[derive(Clone, Debug)]
pub struct Error {
    // Boxed: results stay small where all goes well.
    inner: Box<Inner>,
}

#[derive(Clone, Debug)]
struct Inner {
    operation: &'static str,
    object: String,
    kind: Kind,
    code: Option<Code>,
    message: String,
    attempts: u32,
    source: Option<Cause>,
}

impl Error {
    /// A call failed: the server refused, or never answered.
    pub(crate) fn of(doing: &Doing<'_>, status: &Status) -> Self {
        // What the transport saw has a source; what the server said has none.
        let Some(cause) = std::error::Error::source(status) else {
            let kind = state_errors::kind(status.code(), status.message());
            let inner = Inner { code: Some(status.code()), ..Inner::new(doing, kind) };
            return inner.saying(status.message());
        };
        let causes = chain(cause);
        let late = causes.iter().any(|error| {
            error.is::<tonic::TimeoutExpired>()
                || error.is::<tokio::time::error::Elapsed>()
                || error.is::<Overdue>()
        });
        let deepest = causes.last().map(ToString::to_string).unwrap_or_default();
        let source: Cause = Arc::new(status.clone());
        if late {
            let inner = Inner { source: Some(source), ..Inner::new(doing, Kind::DeadlineExceeded) };
            return inner.saying("no answer within its time");
        }
        let inner = Inner { source: Some(source), ..Inner::new(doing, Kind::Unreachable) };
        inner.saying(format!("no answer: {deepest}"))
    }

    /// We refuse, and send nothing.
    pub(crate) fn refusal(doing: &Doing<'_>, kind: Kind, message: impl Into<String>) -> Self {
        Inner::new(doing, kind).saying(message)
    }

    /// Something of this host's failed.
    pub(crate) fn caused(
        doing: &Doing<'_>,
        kind: Kind,
        message: impl Into<String>,
        cause: impl std::error::Error + Send + Sync + 'static,
    ) -> Self {
        Inner { source: Some(Arc::new(cause)), ..Inner::new(doing, kind) }.saying(message)
    }

    pub(crate) fn after(mut self, attempts: u32) -> Self {
        self.inner.attempts = attempts;
        self
    }

    /// Whether it may have been done all the same.
    pub(crate) fn leaves_in_doubt(&self) -> bool {
        let kinds = [Kind::Unreachable, Kind::Unavailable, Kind::DeadlineExceeded, Kind::Cancelled];
        kinds.contains(&self.kind())
    }

    /// What failed, in words: `start task`.
    pub fn operation(&self) -> &'static str {
        self.inner.operation
    }

    /// What it was done to: a container's id, or `exec e7 in c1`.
    pub fn object(&self) -> &str {
        &self.inner.object
    }

    /// What it means. containerd answers `Unknown` for most errors of its state machine;
    /// [`state_errors`] tells by their text what they are.
    pub fn kind(&self) -> Kind {
        self.inner.kind
    }

    /// What the wire said; `None` when this client refused by itself, or no answer came.
    pub fn code(&self) -> Option<Code> {
        self.inner.code
    }

    /// How often the failing call was made: more than once only where that is safe.
    pub fn attempts(&self) -> u32 {
        self.inner.attempts
    }
}

impl Inner {
    fn new(doing: &Doing<'_>, kind: Kind) -> Self {
        Self {
            operation: doing.operation,
            object: doing.shown(),
            kind,
            code: None,
            message: String::new(),
            attempts: 1,
            source: None,
        }
    }

    fn saying(mut self, message: impl Into<String>) -> Error {
        self.message = message.into();
        Error { inner: Box::new(self) }
    }
}

fn chain<'e>(
    error: &'e (dyn std::error::Error + 'static),
) -> Vec<&'e (dyn std::error::Error + 'static)> {
    std::iter::successors(Some(error), |error| error.source()).collect()
}

impl std::fmt::Display for Error {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Inner { operation, object, message, attempts, .. } = &*self.inner;
        write!(f, "failed to {operation} {object}: {message}")?;
        match attempts {
            0 | 1 => Ok(()),
            more => write!(f, " (tried {more} times)"),
        }
    }
}

impl std::error::Error for Error {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        self.inner.source.as_deref().map(|cause| cause as &(dyn std::error::Error + 'static))
    }
}
