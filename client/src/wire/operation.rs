//! What somebody asked for: one span, the parent of its calls', and one trace.

use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use tracing::{Instrument, Span};

use super::scope::Scope;
use super::trace::Trace;
use crate::Error;

tokio::task_local! {
    static CURRENT: Operation;
}

/// One operation. Whatever is begun while it runs is a part of it.
#[derive(Clone, Debug)]
pub(crate) struct Operation {
    of: Arc<Inner>,
}

#[derive(Debug)]
struct Inner {
    span: Span,
    trace: Trace,
    deadline: Option<Duration>,
}

impl Operation {
    /// Begins one in the scope that runs here.
    fn begin(name: &'static str, object: &str, exec: Option<&str>) -> Self {
        let Scope { trace, deadline } = Scope::current();
        let trace = trace.unwrap_or_else(Trace::fresh);
        let span = tracing::debug_span!(
            "operation",
            operation = name,
            container = object,
            exec,
            trace = %trace,
            parent_span = trace.parent().map(tracing::field::display),
            outcome = tracing::field::Empty,
        );
        Self { of: Arc::new(Inner { span, trace, deadline }) }
    }

    /// The one that runs here, or one of its own for what nobody asked for.
    pub(super) fn current_or(name: &'static str, object: &str) -> Self {
        Self::current().unwrap_or_else(|| Self::begin(name, object, None))
    }

    fn current() -> Option<Self> {
        CURRENT.try_with(Clone::clone).ok()
    }

    pub(super) fn span(&self) -> &Span {
        &self.of.span
    }

    pub(super) fn trace(&self) -> Trace {
        self.of.trace
    }

    pub(super) fn deadline(&self) -> Option<Duration> {
        self.of.deadline
    }
}

/// Says what came of it, also when nobody waited for that.
struct Outcome {
    span: Span,
    told: bool,
}

impl Outcome {
    fn tell<T>(mut self, result: &Result<T, Error>) {
        match result {
            Ok(_) => self.span.record("outcome", "ok"),
            Err(error) => self.span.record("outcome", error.kind().as_str()),
        };
        self.told = true;
    }
}

impl Drop for Outcome {
    fn drop(&mut self) {
        if !self.told {
            self.span.record("outcome", "given-up");
        }
    }
}

/// Does what somebody asked for, as one operation: unless it runs within another, which it is a
/// part of.
pub(crate) fn operation<T>(
    name: &'static str,
    object: &str,
    exec: Option<&str>,
    work: impl Future<Output = Result<T, Error>>,
) -> impl Future<Output = Result<T, Error>> {
    // Futures that are moved into one another would be as large as all of them together.
    let work = Box::pin(work);
    async move {
        if Operation::current().is_some() {
            return work.await;
        }
        let begun = Operation::begin(name, object, exec);
        let span = begun.of.span.clone();
        let outcome = Outcome { span: span.clone(), told: false };
        let result = CURRENT.scope(begun, work).instrument(span).await;
        outcome.tell(&result);
        result
    }
}

/// What goes on elsewhere for the operation that runs here stays a part of it.
pub(crate) fn carried<F>(work: F) -> impl Future<Output = F::Output> + Send
where
    F: Future + Send,
{
    let (current, scope) = (Operation::current(), Scope::current());
    async move {
        match current {
            Some(operation) => {
                let span = operation.of.span.clone();
                CURRENT.scope(operation, work).instrument(span).await
            }
            None => scope.run(work).await,
        }
    }
}
