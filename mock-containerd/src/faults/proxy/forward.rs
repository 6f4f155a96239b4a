//! Passes a call on to whoever stands behind, and its answer back.

use std::error::Error;
use std::future::{Future, pending};
use std::pin::Pin;
use std::task::{Context, Poll};

use bytes::Bytes;
use http::uri::{Authority, Scheme};
use http::{Request, Response, Uri};
use http_body::{Body, Frame, SizeHint};
use hyper::body::Incoming;
use hyper::client::conn::http2::SendRequest;
use rpc_ledger::LedgerBody;
use tower::Service;

use super::events::{EventBody, Judge};
use crate::faults::layer::Reset;

/// Of the stream of events.
const SUBSCRIBE: &str = "/containerd.services.events.v1.Events/Subscribe";

pub(super) type BoxError = Box<dyn Error + Send + Sync>;
type Sent = LedgerBody<LedgerBody<Incoming>>;

/// The connection behind. Clones are one.
#[derive(Clone)]
pub(super) struct Forward {
    sender: SendRequest<Sent>,
    judge: Judge,
}

impl Forward {
    pub(super) fn new(sender: SendRequest<Sent>, judge: Judge) -> Self {
        Self { sender, judge }
    }
}

impl Service<Request<Sent>> for Forward {
    type Response = Response<ForwardBody>;
    type Error = Reset;
    type Future = Pin<Box<dyn Future<Output = Result<Self::Response, Reset>> + Send>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Reset>> {
        // HTTP/2 takes any number; what cannot be sent any more is told of the call.
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, mut request: Request<Sent>) -> Self::Future {
        let events = (request.uri().path() == SUBSCRIBE).then(|| self.judge.clone());
        *request.uri_mut() = whole(std::mem::take(request.uri_mut()));
        // Sent here, and not when it is first polled: in the order of their headers.
        let answer = self.sender.send_request(request);
        Box::pin(async move {
            match answer.await {
                Ok(answer) => Ok(answer.map(|body| ForwardBody::new(Reply(body), events))),
                Err(error) if lost(&error) => pending().await,
                Err(error) => Err(Reset::Behind(error.into())),
            }
        })
    }
}

/// HTTP/2's client wants a scheme and an authority, which some clients do not send.
fn whole(uri: Uri) -> Uri {
    let mut parts = uri.into_parts();
    parts.scheme.get_or_insert(Scheme::HTTP);
    parts.authority.get_or_insert(Authority::from_static("localhost"));
    Uri::from_parts(parts).expect("a path came, and nothing else is missing")
}

/// Whether the connection behind is gone, and not this call alone. Then the client's goes as well, and
/// that is all that it is told: who dials a daemon directly sees no more.
fn lost(error: &hyper::Error) -> bool {
    let mut cause: Option<&(dyn Error + 'static)> = Some(error);
    while let Some(error) = cause {
        if let Some(error) = error.downcast_ref::<h2::Error>() {
            return error.is_io() || error.is_go_away();
        }
        cause = error.source();
    }
    error.is_closed() || error.is_canceled()
}

/// An answer's body as it comes.
pub(super) struct Reply(Incoming);

impl Body for Reply {
    type Data = Bytes;
    type Error = BoxError;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, BoxError>>> {
        match Pin::new(&mut self.0).poll_frame(context) {
            // The connection goes with it.
            Poll::Ready(Some(Err(error))) if lost(&error) => Poll::Pending,
            polled => polled.map(|frame| frame.map(|frame| frame.map_err(Into::into))),
        }
    }

    fn is_end_stream(&self) -> bool {
        self.0.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.0.size_hint()
    }
}

/// What is passed back.
pub(super) enum ForwardBody {
    AsItIs(Reply),
    Events(EventBody),
}

impl ForwardBody {
    fn new(reply: Reply, events: Option<Judge>) -> Self {
        match events {
            Some(judge) if !reply.is_end_stream() => Self::Events(EventBody::new(reply, judge)),
            _ => Self::AsItIs(reply),
        }
    }
}

impl Body for ForwardBody {
    type Data = Bytes;
    type Error = BoxError;

    fn poll_frame(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, BoxError>>> {
        match self.get_mut() {
            Self::AsItIs(body) => Pin::new(body).poll_frame(context),
            Self::Events(body) => body.poll_frame(context),
        }
    }

    fn is_end_stream(&self) -> bool {
        match self {
            Self::AsItIs(body) => body.is_end_stream(),
            Self::Events(_) => false,
        }
    }

    fn size_hint(&self) -> SizeHint {
        match self {
            Self::AsItIs(body) => body.size_hint(),
            Self::Events(_) => SizeHint::default(),
        }
    }
}
