//! What a call is made for: it names errors and spans, and its trace and limit go with it.

use std::time::Duration;

use tonic::metadata::{Ascii, MetadataValue};
use tracing::Span;

use super::Operation;
use super::trace::{SpanId, Traceparent};

/// A part of an operation, on an object.
#[derive(Clone, Debug)]
pub(crate) struct Doing<'a> {
    pub(crate) operation: &'static str,
    /// A container's id, or whatever else it is done to.
    pub(crate) object: &'a str,
    pub(crate) exec: Option<&'a str>,
    /// What it is a part of.
    of: Operation,
    pub(crate) deadline: Option<Duration>,
    /// What is made is kept by this lease.
    pub(crate) lease: Option<MetadataValue<Ascii>>,
}

impl<'a> Doing<'a> {
    /// Begins a part of the operation that runs here. All its calls are of one trace.
    pub(crate) fn begin(operation: &'static str, object: &'a str) -> Self {
        let of = Operation::current_or(operation, object);
        let deadline = of.deadline();
        Self { operation, object, exec: None, of, deadline, lease: None }
    }

    /// It is done to an exec of the container.
    pub(crate) fn exec(mut self, exec: Option<&'a str>) -> Self {
        self.exec = exec;
        self
    }

    /// Another part of it, by its own name.
    pub(crate) fn part(&self, operation: &'static str) -> Self {
        Self { operation, ..self.clone() }
    }

    /// A part of it that is done to something else.
    pub(crate) fn part_on<'b>(&self, operation: &'static str, object: &'b str) -> Doing<'b> {
        let Self { of, deadline, lease, .. } = self.clone();
        Doing { operation, object, exec: None, of, deadline, lease }
    }

    /// Its calls are made under a lease.
    pub(crate) fn under(mut self, lease: &MetadataValue<Ascii>) -> Self {
        self.lease = Some(lease.clone());
        self
    }

    /// It has much to do: unless the caller says otherwise, it may take so long.
    pub(crate) fn within(mut self, limit: Duration) -> Self {
        self.deadline.get_or_insert(limit);
        self
    }

    /// The span of one call, and what that carries of it.
    pub(super) fn call(&self, path: &str) -> (Span, Traceparent) {
        let id = SpanId::next();
        let span = tracing::debug_span!(
            parent: self.of.span(),
            "rpc",
            operation = self.operation,
            container = self.object,
            exec = self.exec,
            method = path,
            span = %id,
            code = tracing::field::Empty,
        );
        (span, self.of.trace().traceparent(id))
    }

    /// The object, as errors name it.
    pub(crate) fn shown(&self) -> String {
        match self.exec {
            Some(exec) => format!("exec {exec} in {}", self.object),
            None => self.object.to_owned(),
        }
    }
}
