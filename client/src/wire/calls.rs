//! The channel, and how calls are made on it.

use std::time::Duration;

use http::uri::PathAndQuery;
use prost::Message;
use tokio::time::Instant;
use tonic::client::Grpc;
use tonic::metadata::{Ascii, MetadataValue};
use tonic::transport::Channel;
use tonic::{Request, Status, Streaming};
use tonic_prost::ProstCodec;
use tracing::Instrument;

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
        let end = self.end(doing);
        let mut attempts = 1;
        loop {
            let span = span(doing, method.path);
            let once = self.once(doing, method, message.clone(), end);
            let told = once.instrument(span.clone()).await;
            let status = match told {
                Ok(reply) => {
                    span.record("code", "Ok");
                    return Ok(reply);
                }
                Err(status) => status,
            };
            span.record("code", tracing::field::debug(status.code()));
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

    async fn once<M, R>(
        &self,
        doing: &Doing<'_>,
        method: &Method<M, R>,
        message: M,
        end: Instant,
    ) -> Result<R, Status>
    where
        M: Message + 'static,
        R: Message + Default + 'static,
    {
        let left = end.saturating_duration_since(Instant::now());
        let mut request = self.request(doing, message);
        request.set_timeout(left);
        let path = PathAndQuery::from_static(method.path);
        let call = async {
            let mut grpc = self.grpc().await?;
            grpc.unary(request, path, ProstCodec::<M, R>::default()).await
        };
        match tokio::time::timeout(left, call).await {
            Ok(answer) => answer.map(tonic::Response::into_inner),
            Err(elapsed) => Err(late(elapsed)),
        }
    }

    /// One RPC that is answered by a stream, which has no limit of its own.
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
        let request = self.request(doing, message);
        let path = PathAndQuery::from_static(method.path);
        let mut grpc = self.grpc().await?;
        let answer = grpc.server_streaming(request, path, ProstCodec::<M, R>::default()).await?;
        Ok(answer.into_inner())
    }

    /// One RPC that is answered by a stream, read to its end within the limit of a call.
    pub(crate) async fn collect<M, R>(
        &self,
        doing: &Doing<'_>,
        method: &Method<M, R>,
        message: M,
    ) -> Result<Vec<R>, Error>
    where
        M: Message + 'static,
        R: Message + Default + 'static,
    {
        let span = span(doing, method.path);
        let reading = async {
            let mut stream = self.stream(doing, method, message).await?;
            let mut all = Vec::new();
            while let Some(one) = stream.message().await? {
                all.push(one);
            }
            Ok(all)
        };
        let read = tokio::time::timeout_at(self.end(doing), reading.instrument(span));
        let read = read.await.unwrap_or_else(|elapsed| Err(late(elapsed)));
        read.map_err(|status| Error::of(doing, &status))
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
    pub(super) fn request<M>(&self, doing: &Doing<'_>, message: M) -> Request<M> {
        let mut request = Request::new(message);
        let metadata = request.metadata_mut();
        metadata.insert("containerd-namespace", self.header.clone());
        metadata.insert("traceparent", doing.traceparent.clone());
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

pub(super) fn span(doing: &Doing<'_>, path: &str) -> tracing::Span {
    tracing::debug_span!(
        "rpc",
        operation = doing.operation,
        container = doing.object,
        exec = doing.exec,
        method = path,
        code = tracing::field::Empty,
    )
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
