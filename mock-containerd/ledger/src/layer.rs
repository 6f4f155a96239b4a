//! The tower layer that counts inside a server.

use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll};

use bytes::Bytes;
use http::{HeaderMap, Request, Response};
use http_body::{Body, Frame, SizeHint};
use tower::{Layer, Service};

use crate::{Call, Code, ConnectionId, Ended, Injection, Ledger, Opening, Rpc};

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
}

impl LedgerLayer {
    /// Counts into this ledger.
    pub fn new(ledger: Ledger) -> Self {
        Self { ledger }
    }
}

impl<S> Layer<S> for LedgerLayer {
    type Service = LedgerService<S>;

    fn layer(&self, inner: S) -> Self::Service {
        LedgerService { inner, ledger: self.ledger.clone() }
    }
}

/// A counted service.
#[derive(Clone, Debug)]
pub struct LedgerService<S> {
    inner: S,
    ledger: Ledger,
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
        let call = std::sync::Arc::new(self.ledger.start(opening(&request)));
        let mut request = request.map(|body| LedgerBody::request(body, call.clone()));
        request.extensions_mut().insert(Injection::of(call.clone()));
        LedgerFuture { inner: Box::pin(self.inner.call(request)), call: Some(call) }
    }
}

fn opening<B>(request: &Request<B>) -> Opening {
    let header = |name| {
        let value = request.headers().get(name)?;
        value.to_str().ok().map(str::to_owned)
    };
    Opening {
        connection: request.extensions().get::<ConnectionId>().copied().unwrap_or_default(),
        namespace: header("containerd-namespace"),
        traceparent: header("traceparent"),
        ..Opening::of(Rpc::from_path(request.uri().path()))
    }
}

type SharedCall = std::sync::Arc<Call>;

/// A counted response to come. Dropping it counts the call as cancelled.
pub struct LedgerFuture<F> {
    inner: Pin<Box<F>>,
    call: Option<SharedCall>,
}

impl<F, R, E> Future for LedgerFuture<F>
where
    F: Future<Output = Result<Response<R>, E>>,
{
    type Output = Result<Response<LedgerBody<R>>, E>;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        let polled = std::task::ready!(self.inner.as_mut().poll(context));
        let call = self.call.take().expect("a future is not polled after it is done");
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
                Ok(response.map(|body| LedgerBody::reply(body, call)))
            }
        })
    }
}

fn status(headers: &HeaderMap) -> Option<Code> {
    let value = headers.get("grpc-status")?;
    Some(Code::from_header(value.as_bytes()).unwrap_or(Code::new(2)))
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Direction {
    Request,
    Reply,
}

/// A body whose bytes and trailers are counted as they pass.
pub struct LedgerBody<B> {
    inner: Pin<Box<B>>,
    call: SharedCall,
    direction: Direction,
}

impl<B> LedgerBody<B> {
    fn request(inner: B, call: SharedCall) -> Self {
        Self { inner: Box::pin(inner), call, direction: Direction::Request }
    }

    fn reply(inner: B, call: SharedCall) -> Self {
        Self { inner: Box::pin(inner), call, direction: Direction::Reply }
    }
}

impl<B: Body<Data = Bytes>> Body for LedgerBody<B> {
    type Data = Bytes;
    type Error = B::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, B::Error>>> {
        let polled = std::task::ready!(self.inner.as_mut().poll_frame(context));
        match (&polled, self.direction) {
            (Some(Ok(frame)), direction) => match (frame.data_ref(), direction) {
                (Some(data), Direction::Request) => self.call.request_bytes(data),
                (Some(data), Direction::Reply) => self.call.reply_bytes(data),
                (None, Direction::Request) => {}
                (None, Direction::Reply) => {
                    let trailers = frame.trailers_ref();
                    if let Some(code) = trailers.and_then(status) {
                        self.call.end(Ended::Finished(code));
                    }
                }
            },
            // The reply's data ended, or broke off, and no trailers came.
            (Some(Err(_)) | None, Direction::Reply) => self.call.end(Ended::Broken),
            (Some(Err(_)) | None, Direction::Request) => {}
        }
        Poll::Ready(polled)
    }

    fn is_end_stream(&self) -> bool {
        self.inner.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.inner.size_hint()
    }
}

/// A reply that is dropped before its trailers: nobody wants the rest. The request's body may live
/// longer or shorter than that, and says nothing about the end.
impl<B> Drop for LedgerBody<B> {
    fn drop(&mut self) {
        if self.direction == Direction::Reply {
            self.call.end(Ended::Cancelled);
        }
    }
}

impl<F> Drop for LedgerFuture<F> {
    fn drop(&mut self) {
        if let Some(call) = &self.call {
            call.end(Ended::Cancelled);
        }
    }
}
