//! What a call is made for: it names errors and spans, and its trace and limit go with it.

use std::time::Duration;

use tonic::metadata::{Ascii, MetadataValue};

use super::scope::Scope;
use super::trace::{self, Traceparent};

/// An operation on an object.
#[derive(Clone, Debug)]
pub(crate) struct Doing<'a> {
    pub(crate) operation: &'static str,
    /// A container's id, or whatever else it is done to.
    pub(crate) object: &'a str,
    pub(crate) exec: Option<&'a str>,
    pub(crate) traceparent: Traceparent,
    pub(crate) deadline: Option<Duration>,
    /// What is made is kept by this lease.
    pub(crate) lease: Option<MetadataValue<Ascii>>,
}

impl<'a> Doing<'a> {
    /// Begins an operation, in the scope that runs here. All its calls are of one trace.
    pub(crate) fn begin(operation: &'static str, object: &'a str) -> Self {
        let Scope { traceparent, deadline } = Scope::current();
        let traceparent = traceparent.unwrap_or_else(trace::fresh);
        Self { operation, object, exec: None, traceparent, deadline, lease: None }
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
        let Self { traceparent, deadline, lease, .. } = self.clone();
        Doing { operation, object, exec: None, traceparent, deadline, lease }
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

    /// The object, as errors name it.
    pub(crate) fn shown(&self) -> String {
        match self.exec {
            Some(exec) => format!("exec {exec} in {}", self.object),
            None => self.object.to_owned(),
        }
    }
}
