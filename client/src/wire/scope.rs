//! What a caller says of all calls that are made within a future.

use std::future::Future;
use std::time::Duration;

use super::trace::Trace;

tokio::task_local! {
    static CURRENT: Scope;
}

/// A text that is no W3C `traceparent`.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0:?} is no traceparent")]
pub struct InvalidTraceparent(pub String);

/// The trace that calls belong to, and how long they may take: for all calls that are made while
/// a future runs within it. A scope within another replaces it.
///
/// ```
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), laconic_client::InvalidTraceparent> {
/// use std::time::Duration;
/// use laconic_client::Scope;
///
/// let traceparent = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";
/// let scope = Scope::new().traceparent(traceparent)?.deadline(Duration::from_secs(5));
/// scope.run(async { /* client.version().await */ }).await;
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Debug, Default)]
pub struct Scope {
    pub(crate) trace: Option<Trace>,
    pub(crate) deadline: Option<Duration>,
}

impl Scope {
    /// One that says nothing.
    pub fn new() -> Self {
        Self::default()
    }

    /// Operations are of this trace, and children of this span. Each call carries a `traceparent`
    /// with the same trace and flags, and with a span of its own: the field `span` of its `tracing`
    /// span, by which whoever exports those can tell it.
    pub fn traceparent(mut self, text: &str) -> Result<Self, InvalidTraceparent> {
        let parsed = Trace::parse(text).ok_or_else(|| InvalidTraceparent(text.to_owned()))?;
        self.trace = Some(parsed);
        Ok(self)
    }

    /// A call may take so long, whatever the client's own limit is.
    pub fn deadline(mut self, limit: Duration) -> Self {
        self.deadline = Some(limit);
        self
    }

    /// Runs a future within this scope. What it spawns is outside.
    ///
    /// RPCs: 0, but for those of the future.
    pub async fn run<F: Future>(self, future: F) -> F::Output {
        CURRENT.scope(self, future).await
    }

    /// The scope that runs here; an empty one where none does.
    pub(crate) fn current() -> Self {
        CURRENT.try_with(Clone::clone).unwrap_or_default()
    }
}
