//! The channel, and how calls are made on it.

use std::future::Future;
use std::time::Duration;

use http::uri::PathAndQuery;
use prost::Message;
use tokio::time::Instant;
use tonic::client::Grpc;
use tonic::metadata::{Ascii, MetadataValue};
use tonic::transport::Channel;
use tonic::{Code, Request, Status, Streaming};
use tracing::Instrument;

use super::codec::Fitting;
use super::trace::Traceparent;
use super::{Doing, Method};
use crate::{Error, Kind};

/// As containerd's.
const MESSAGE_BYTES_MAX: usize = 16 << 20;
/// Before a call is made again the first time; each further time waits twice as long.
const FIRST_PATIENCE_MS: u64 = 50;

/// How calls are made, unless a scope says otherwise.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Manners {
    /// A call that takes longer is given up, here and at the server.
    pub(crate) deadline: Duration,
    /// How often a call that failed is made again at most, where that is safe.
    pub(crate) retries: u32,
}

impl Default for Manners {
    fn default() -> Self {
        Self { deadline: Duration::from_secs(30), retries: 1 }
    }
}

#[derive(Clone, Debug)]
pub(crate) struct Wire {
    channel: Channel,
    namespace: String,
    header: MetadataValue<Ascii>,
    manners: Manners,
}

impl Wire {
    pub(crate) fn new(
        channel: Channel,
        namespace: String,
        manners: Manners,
    ) -> Result<Self, Error> {
        let header = namespace.parse().map_err(|_| {
            let what = "a namespace is made of ASCII";
            Error::refusal(&Doing::begin("use namespace", &namespace), Kind::InvalidArgument, what)
        })?;
        Ok(Self { channel, namespace, header, manners })
    }

    pub(crate) fn namespace(&self) -> &str {
        &self.namespace
    }

    /// One RPC; where it fails in a way that makes it safe, it is made again.
    pub(crate) async fn call<M, R>(
        &self,
        doing: &Doing<'_>,
        method: &Method<M, R>,
        message: M,
    ) -> Result<R, Error>
    where
        M: Message + Clone + 'static,
        R: Message + Default + 'static,
    {
        let once = |request| async move {
            let (path, codec) = (PathAndQuery::from_static(method.path), Fitting::default());
            let answer = self.grpc().await?.unary::<M, R, _>(request, path, codec).await?;
            Ok(answer.into_inner())
        };
        self.attempts(doing, method, message, once).await
    }

    /// One RPC that is answered by a stream, read to its end within the limit of a call, and made
    /// again as one.
    pub(crate) async fn collect<M, R>(
        &self,
        doing: &Doing<'_>,
        method: &Method<M, R>,
        message: M,
    ) -> Result<Vec<R>, Error>
    where
        M: Message + Clone + 'static,
        R: Message + Default + 'static,
    {
        let once = |request| async move {
            let mut stream = self.open(method, request).await?;
            let mut all = Vec::new();
            while let Some(one) = stream.message().await? {
                all.push(one);
            }
            Ok(all)
        };
        self.attempts(doing, method, message, once).await
    }

    /// Makes a call, and again where that is safe, until its limit or so often as it may be.
    async fn attempts<M, R, T, F>(
        &self,
        doing: &Doing<'_>,
        method: &Method<M, R>,
        message: M,
        once: impl Fn(Request<M>) -> F,
    ) -> Result<T, Error>
    where
        M: Clone,
        F: Future<Output = Result<T, Status>>,
    {
        let end = self.end(doing);
        let mut attempts = 1;
        loop {
            let (span, traceparent) = doing.call(method.path);
            let left = end.saturating_duration_since(Instant::now());
            let mut request = self.request(doing, traceparent, message.clone());
            // The server gives up as well.
            request.set_timeout(left);
            let made = tokio::time::timeout(left, once(request));
            let made = made.instrument(span.clone()).await;
            let status = match made.unwrap_or_else(|elapsed| Err(late(elapsed))) {
                Ok(told) => {
                    record(&span, None);
                    return Ok(told);
                }
                Err(status) => overdue(status, Instant::now() >= end),
            };
            record(&span, Some(&status));
            let error = Error::of(doing, &status).after(attempts);
            let spent = attempts > self.manners.retries;
            if spent || !may_be_repeated(method.reads, &error, &status) {
                return Err(error);
            }
            let patience = patience(attempts);
            tracing::warn!(parent: &span, %error, ?patience, "made again");
            tokio::time::sleep(patience).await;
            attempts += 1;
        }
    }

    /// One RPC that is answered by a stream, which has no limit: the server is told none, either.
    pub(crate) async fn stream<M, R>(
        &self,
        doing: &Doing<'_>,
        method: &Method<M, R>,
        message: M,
    ) -> Result<Streaming<R>, Status>
    where
        M: Message + 'static,
        R: Message + Default + 'static,
    {
        let (span, traceparent) = doing.call(method.path);
        let request = self.request(doing, traceparent, message);
        let opened = self.open(method, request).instrument(span.clone()).await;
        record(&span, opened.as_ref().err());
        opened
    }

    async fn open<M, R>(
        &self,
        method: &Method<M, R>,
        request: Request<M>,
    ) -> Result<Streaming<R>, Status>
    where
        M: Message + 'static,
        R: Message + Default + 'static,
    {
        let path = PathAndQuery::from_static(method.path);
        let codec = Fitting::<M, R>::default();
        let answer = self.grpc().await?.server_streaming(request, path, codec).await?;
        Ok(answer.into_inner())
    }

    pub(super) fn end(&self, doing: &Doing<'_>) -> Instant {
        Instant::now() + doing.deadline.unwrap_or(self.manners.deadline)
    }

    pub(super) async fn grpc(&self) -> Result<Grpc<Channel>, Status> {
        let mut grpc = Grpc::new(self.channel.clone()).max_decoding_message_size(MESSAGE_BYTES_MAX);
        grpc.ready().await.map_err(|error| Status::from_error(error.into()))?;
        Ok(grpc)
    }

    /// A message with what every call carries.
    pub(super) fn request<M>(
        &self,
        doing: &Doing<'_>,
        traceparent: Traceparent,
        message: M,
    ) -> Request<M> {
        let mut request = Request::new(message);
        let metadata = request.metadata_mut();
        metadata.insert("containerd-namespace", self.header.clone());
        metadata.insert("traceparent", traceparent);
        if let Some(lease) = &doing.lease {
            metadata.insert("containerd-lease", lease.clone());
        }
        request
    }
}

/// Our own clock ran out. Worded as tonic words its own, which may run out first.
pub(super) fn late(elapsed: tokio::time::error::Elapsed) -> Status {
    Status::from_error(Box::new(elapsed))
}

/// The server's clock ran out before ours did, and all that it did was to reset the stream: grpc-go
/// does so from 1.71 on, and its client reads it as this one does.
fn overdue(status: Status, over: bool) -> Status {
    let reset = status.code() == Code::Cancelled && std::error::Error::source(&status).is_some();
    if over && reset { Status::from_error(Box::new(Overdue(status))) } else { status }
}

/// A stream was reset when its time was over.
#[derive(Debug, thiserror::Error)]
#[error("reset when its time was over")]
pub(crate) struct Overdue(#[source] Status);

/// How a call ended.
pub(super) fn record(span: &tracing::Span, failed: Option<&Status>) {
    let code = failed.map_or(Code::Ok, Status::code);
    span.record("code", tracing::field::debug(code));
}

/// A call that never left may be made again, and one that only asks and had no answer.
fn may_be_repeated(reads: bool, error: &Error, status: &Status) -> bool {
    error.kind() == Kind::Unreachable && (reads || never_sent(status))
}

fn never_sent(status: &Status) -> bool {
    let mut cause = std::error::Error::source(status);
    while let Some(error) = cause {
        if error.is::<tonic::ConnectError>() {
            return true;
        }
        cause = error.source();
    }
    false
}

fn patience(attempts: u32) -> Duration {
    Duration::from_millis(FIRST_PATIENCE_MS << (attempts - 1).min(6))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn reset(reason: h2::Reason) -> Status {
        Status::from_error(Box::new(h2::Error::from(reason)))
    }

    fn kind(status: Status, over: bool) -> Kind {
        Error::of(&Doing::begin("ask", "c1"), &overdue(status, over)).kind()
    }

    #[test]
    fn a_stream_that_is_reset_when_its_time_is_over_was_too_late() {
        assert_eq!(kind(reset(h2::Reason::CANCEL), true), Kind::DeadlineExceeded);
    }

    #[test]
    fn a_stream_that_is_reset_earlier_or_otherwise_or_that_was_answered_stays_what_it_was() {
        assert_eq!(kind(reset(h2::Reason::CANCEL), false), Kind::Unreachable);
        assert_eq!(kind(reset(h2::Reason::INTERNAL_ERROR), true), Kind::Unreachable);
        assert_eq!(kind(Status::cancelled("no more"), true), Kind::Cancelled);
    }
}
