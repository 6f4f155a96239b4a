//! The tower layer that counts inside a server.

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use bytes::Bytes;
use http::{HeaderMap, HeaderName, Request, Response};
use http_body::{Body, Frame, SizeHint};
use pin_project_lite::pin_project;
use tower::{Layer, Service};

use crate::call::Lent;
use crate::{Call, Code, ConnectionId, Ended, Injection, Ledger};

// Names that are parsed once, and not for each look.
static NAMESPACE: HeaderName = HeaderName::from_static("containerd-namespace");
static TRACEPARENT: HeaderName = HeaderName::from_static("traceparent");
static STATUS: HeaderName = HeaderName::from_static("grpc-status");

/// Wraps a gRPC service so that its calls are counted.
///
/// ```
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), std::convert::Infallible> {
/// use std::convert::Infallible;
/// use std::future::{Ready, ready};
/// use std::task::{Context, Poll};
///
/// use http::{Request, Response};
/// use http_body_util::Empty;
/// use rpc_ledger::{Ledger, LedgerBody, LedgerLayer, LedgerService};
/// use tower::{Layer, Service};
///
/// type Body = Empty<bytes::Bytes>;
///
/// /// Answers nothing.
/// struct Silent;
///
/// impl Service<Request<LedgerBody<Body>>> for Silent {
///     type Response = Response<Body>;
///     type Error = Infallible;
///     type Future = Ready<Result<Self::Response, Infallible>>;
///
///     fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
///         Poll::Ready(Ok(()))
///     }
///
///     fn call(&mut self, _: Request<LedgerBody<Body>>) -> Self::Future {
///         ready(Ok(Response::new(Body::new())))
///     }
/// }
///
/// let ledger = Ledger::new();
/// let mut counted: LedgerService<Silent> = LedgerLayer::new(ledger.clone()).layer(Silent);
/// let request = Request::post("/a.v1.A/One").body(Body::new()).expect("it is a path");
/// let reply: Response<LedgerBody<Body>> = counted.call(request).await?;
/// assert_eq!(ledger.counts().started_by_short_name()["A/One"], 1);
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Debug)]
pub struct LedgerLayer {
    ledger: Ledger,
    connection: Option<ConnectionId>,
}

impl LedgerLayer {
    /// Counts into this ledger. Which connection a call came on is read from its extensions.
    pub fn new(ledger: Ledger) -> Self {
        Self { ledger, connection: None }
    }

    /// Counts the calls of this connection alone: nobody need write it into every request.
    #[must_use]
    pub fn on_connection(self, connection: ConnectionId) -> Self {
        Self { connection: Some(connection), ..self }
    }
}

impl<S> Layer<S> for LedgerLayer {
    type Service = LedgerService<S>;

    fn layer(&self, inner: S) -> Self::Service {
        LedgerService { inner, ledger: self.ledger.clone(), connection: self.connection }
    }
}

/// A counted service.
#[derive(Clone, Debug)]
pub struct LedgerService<S> {
    inner: S,
    ledger: Ledger,
    connection: Option<ConnectionId>,
}

impl<S, B, R> Service<Request<B>> for LedgerService<S>
where
    S: Service<Request<LedgerBody<B>>, Response = Response<R>>,
{
    type Response = Response<LedgerBody<R>>;
    type Error = S::Error;
    type Future = LedgerFuture<S::Future>;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), S::Error>> {
        self.inner.poll_ready(context)
    }

    fn call(&mut self, request: Request<B>) -> Self::Future {
        // Counted at the call, not at the reply: a wait may never reply.
        let call = Arc::new(self.ledger.enter(opening(&request, self.connection)));
        let request = request.map(|body| LedgerBody::new(body, Half::Request(call.clone())));
        LedgerFuture { awaited: Awaited(Some(call)), inner: self.inner.call(request) }
    }
}

fn opening<B>(request: &Request<B>, connection: Option<ConnectionId>) -> Lent<'_> {
    let header = |name: &HeaderName| request.headers().get(name)?.to_str().ok();
    let named = || request.extensions().get::<ConnectionId>().copied();
    Lent {
        path: request.uri().path(),
        connection: connection.or_else(named).unwrap_or_default(),
        seq: None,
        namespace: header(&NAMESPACE),
        traceparent: header(&TRACEPARENT),
        injected: false,
    }
}

/// A call whose reply has not come. Dropped, it counts as cancelled.
struct Awaited(Option<Arc<Call>>);

impl Drop for Awaited {
    fn drop(&mut self) {
        if let Some(call) = &self.0 {
            call.end(Ended::Cancelled);
        }
    }
}

pin_project! {
    /// A counted response to come. Dropping it counts the call as cancelled.
    pub struct LedgerFuture<F> {
        // Dropped first: the call is over before what serves it goes.
        awaited: Awaited,
        #[pin]
        inner: F,
    }
}

impl<F, R, E> Future for LedgerFuture<F>
where
    F: Future<Output = Result<Response<R>, E>>,
{
    type Output = Result<Response<LedgerBody<R>>, E>;

    fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        let this = self.project();
        let polled = std::task::ready!(this.inner.poll(context));
        let call = this.awaited.0.take().expect("a future is not polled after it is done");
        Poll::Ready(match polled {
            Err(error) => {
                call.end(Ended::Broken);
                Err(error)
            }
            Ok(response) => {
                let http = response.status();
                if let Some(code) = status(response.headers()) {
                    call.end(Ended::Finished(code));
                } else if http != http::StatusCode::OK {
                    call.end(Ended::Finished(Code::from_http(http.as_u16())));
                }
                Ok(response.map(|body| LedgerBody::new(body, Half::Reply(call))))
            }
        })
    }
}

fn status(headers: &HeaderMap) -> Option<Code> {
    let value = headers.get(&STATUS)?;
    Some(Code::from_header(value.as_bytes()).unwrap_or(Code::new(2)))
}

/// One half of a call.
enum Half {
    Request(Arc<Call>),
    Reply(Arc<Call>),
}

impl Half {
    fn call(&self) -> &Arc<Call> {
        match self {
            Self::Request(call) | Self::Reply(call) => call,
        }
    }

    /// A frame came, or an error, or the end.
    fn came<E>(&self, came: &Option<Result<Frame<Bytes>, E>>) {
        let data = match came {
            Some(Ok(frame)) => frame.data_ref(),
            _ => None,
        };
        match (self, came, data) {
            (Self::Request(call), _, Some(data)) => call.request_bytes(data),
            (Self::Reply(call), _, Some(data)) => call.reply_bytes(data),
            (Self::Request(_), _, None) => {}
            (Self::Reply(call), Some(Ok(frame)), None) => {
                if let Some(code) = frame.trailers_ref().and_then(status) {
                    call.end(Ended::Finished(code));
                }
            }
            // The reply's data ended, or broke off, and no trailers came.
            (Self::Reply(call), Some(Err(_)) | None, None) => call.end(Ended::Broken),
        }
    }
}

/// A reply that is dropped before its trailers: nobody wants the rest. The request's body may live
/// longer or shorter than that, and says nothing about the end.
impl Drop for Half {
    fn drop(&mut self) {
        if let Self::Reply(call) = self {
            call.end(Ended::Cancelled);
        }
    }
}

pin_project! {
    /// A body whose bytes and trailers are counted as they pass.
    pub struct LedgerBody<B> {
        // Dropped first, as in the future.
        half: Half,
        #[pin]
        inner: B,
    }
}

impl<B> LedgerBody<B> {
    fn new(inner: B, half: Half) -> Self {
        Self { half, inner }
    }

    /// By which a layer behind this one says that it had a hand in how the call went.
    pub fn injection(&self) -> Injection {
        Injection::of(self.half.call().clone())
    }
}

impl<B: Body<Data = Bytes>> Body for LedgerBody<B> {
    type Data = Bytes;
    type Error = B::Error;

    fn poll_frame(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, B::Error>>> {
        let this = self.project();
        let came = std::task::ready!(this.inner.poll_frame(context));
        this.half.came(&came);
        Poll::Ready(came)
    }

    fn is_end_stream(&self) -> bool {
        self.inner.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.inner.size_hint()
    }
}
