//! The layer between the ledger's and the services: does to calls what the engine decides.

use std::convert::Infallible;
use std::future::{Future, poll_fn};
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use bytes::Bytes;
use http::{Request, Response};
use http_body::{Body, Frame, SizeHint};
use rpc_ledger::Injection;
use tonic::Status;
use tower::{Service, ServiceExt};

use super::engine::{Coming, Order, Orders};
use super::lines::{Line, OnLine};
use super::plan::Act;
use super::{Door, Engine, FaultControl};
use crate::interleave::{Interleave, Pace};

/// Whose hands do it.
#[derive(Clone, Debug)]
pub(crate) struct Hands {
    pub(crate) engine: Engine,
    pub(crate) control: FaultControl,
    pub(crate) interleave: Option<Interleave>,
}

/// The services of one connection, behind the faults.
#[derive(Clone, Debug)]
pub(crate) struct FaultService<S> {
    inner: S,
    line: Line,
    hands: Hands,
    door: Door,
}

impl<S> FaultService<S> {
    pub(crate) fn new(inner: S, line: Line, hands: Hands, door: Door) -> Self {
        Self { inner, line, hands, door }
    }
}

/// A call that was reset: the transport tells the client, without a status.
#[derive(Debug, thiserror::Error)]
#[error("the call was cut by a fault")]
pub(crate) struct Reset;

impl<S, B> Service<Request<B>> for FaultService<S>
where
    S: Service<Request<B>, Response = Response<tonic::body::Body>, Error = Infallible>,
    S: Clone + Send + 'static,
    S::Future: Send,
    B: Send + 'static,
{
    type Response = Response<FaultBody>;
    type Error = Reset;
    type Future = Pin<Box<dyn Future<Output = Result<Self::Response, Reset>> + Send>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Reset>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: Request<B>) -> Self::Future {
        let path = request.uri().path();
        let injection = request.extensions().get::<Injection>().cloned();
        let call = self.line.begin(path, injection);
        let namespace = request.headers().get("containerd-namespace");
        let namespace = namespace.and_then(|value| value.to_str().ok()).unwrap_or_default();
        let connection = self.line.connection();
        let orders = match self.door {
            Door::Front => self.hands.engine.call(Coming { path, namespace, connection }),
            Door::Watchers => Orders::default(),
        };
        if !orders.none() {
            call.mark();
        }
        let (inner, hands) = (self.inner.clone(), self.hands.clone());
        Box::pin(async move {
            let mut serving = std::pin::pin!(serve(inner, request, orders, &hands));
            let served = poll_fn(|context| {
                if call.poll_reset(context).is_ready() {
                    return Poll::Ready(None);
                }
                serving.as_mut().poll(context).map(Some)
            });
            let (response, then) = served.await.ok_or(Reset)?;
            let ending = Ending { then, control: hands.control.clone(), call };
            let pace = hands.interleave.as_ref().map(Interleave::pace);
            Ok(response.map(|body| FaultBody::new(body, ending, pace)))
        })
    }
}

async fn serve<S, B>(
    inner: S,
    request: Request<B>,
    orders: Orders,
    hands: &Hands,
) -> (Response<tonic::body::Body>, Vec<Order>)
where
    S: Service<Request<B>, Response = Response<tonic::body::Body>, Error = Infallible>,
{
    if let Some(interleave) = &hands.interleave {
        interleave.pause().await;
    }
    if let Some(answer) = act(orders.before).await {
        return (answer, orders.then);
    }
    let Ok(response) = inner.oneshot(request).await;
    (act(orders.after).await.unwrap_or(response), orders.then)
}

/// Does them all; the first error is the answer.
async fn act(acts: Vec<Act>) -> Option<Response<tonic::body::Body>> {
    let mut answer = None;
    for act in acts {
        match act {
            Act::Off => {}
            Act::Delay(span) => tokio::time::sleep(span).await,
            Act::Error { code, message } => {
                let code = i32::try_from(code.number()).unwrap_or_default();
                let status = Status::new(tonic::Code::from_i32(code), message);
                answer.get_or_insert_with(|| status.into_http());
            }
        }
    }
    answer
}

/// What is done when a call has been answered.
struct Ending {
    then: Vec<Order>,
    control: FaultControl,
    call: OnLine,
}

impl Ending {
    /// What changes the state is done before the client can know that its call is over.
    fn answered(&mut self) {
        self.then.retain(|order| {
            self.control.obey(order);
            order.cuts()
        });
    }
}

/// Cutting waits until the reply has been handed to the connection, which then still writes it.
impl Drop for Ending {
    fn drop(&mut self) {
        self.answered();
        for order in self.then.drain(..) {
            self.control.cut(order, self.call.line());
        }
    }
}

/// The body of an answer.
pub(crate) struct FaultBody {
    inner: tonic::body::Body,
    ending: Ending,
    pace: Option<Pace>,
}

impl FaultBody {
    fn new(inner: tonic::body::Body, mut ending: Ending, pace: Option<Pace>) -> Self {
        // An answer of headers alone: nobody polls its body.
        if inner.is_end_stream() {
            ending.answered();
        }
        Self { inner, ending, pace }
    }
}

impl Body for FaultBody {
    type Data = Bytes;
    type Error = Box<dyn std::error::Error + Send + Sync>;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Self::Error>>> {
        let this = &mut *self;
        if this.ending.call.poll_reset(context).is_ready() {
            return Poll::Ready(Some(Err(Reset.into())));
        }
        let frame = match &mut this.pace {
            None => ready!(Pin::new(&mut this.inner).poll_frame(context)),
            Some(pace) => ready!(pace.poll_frame(&mut this.inner, context)),
        };
        let more = matches!(&frame, Some(Ok(frame)) if frame.is_data());
        if !more {
            this.ending.answered();
        }
        Poll::Ready(frame.map(|frame| frame.map_err(Into::into)))
    }

    fn is_end_stream(&self) -> bool {
        self.pace.as_ref().is_none_or(Pace::is_empty) && self.inner.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.inner.size_hint()
    }
}
