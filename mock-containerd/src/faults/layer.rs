//! The layer between the ledger's and the services: does to calls what the engine decides.

use std::convert::Infallible;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use bytes::Bytes;
use http::{Request, Response};
use http_body::{Body, Frame, SizeHint};
use pin_project_lite::pin_project;
use rpc_ledger::LedgerBody;
use tonic::Status;
use tower::Service;

use super::engine::{Order, Orders};
use super::lines::{Line, OnLine};
use super::plan::Act;
use super::{Door, Engine, FaultControl};
use crate::interleave::{Interleave, Pace};

/// Whose hands do it.
#[derive(Debug)]
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
    hands: Arc<Hands>,
    door: Door,
}

impl<S> FaultService<S> {
    pub(crate) fn new(inner: S, line: Line, hands: Arc<Hands>, door: Door) -> Self {
        Self { inner, line, hands, door }
    }
}

/// A call that was reset: the transport tells the client, without a status.
#[derive(Debug, thiserror::Error)]
#[error("the call was cut by a fault")]
pub(crate) struct Reset;

type Answer = Response<tonic::body::Body>;

impl<S, B> Service<Request<LedgerBody<B>>> for FaultService<S>
where
    S: Service<Request<LedgerBody<B>>, Response = Answer, Error = Infallible>,
    S: Clone + Send + 'static,
    S::Future: Send,
    B: Send + 'static,
{
    type Response = Response<FaultBody>;
    type Error = Reset;
    type Future = FaultFuture<S::Future>;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), Reset>> {
        self.inner.poll_ready(context).map_err(|never| match never {})
    }

    fn call(&mut self, request: Request<LedgerBody<B>>) -> Self::Future {
        let call = self.line.begin(request.body().injection());
        let orders = match self.door {
            Door::Front => self.hands.engine.call(&request, self.line.connection()),
            Door::Watchers => None,
        };
        if orders.is_some() {
            call.mark();
        }
        let serving = match (orders, &self.hands.interleave) {
            (None, None) => Serving::AsItIs { inner: self.inner.call(request) },
            (orders, interleave) => {
                let orders = orders.unwrap_or_default();
                let served = serve(self.inner.clone(), request, orders, interleave.clone());
                Serving::Ordered { inner: Box::pin(served) }
            }
        };
        let ending = Ending { then: Vec::new(), hands: self.hands.clone(), call };
        FaultFuture { serving, ending: Some(ending) }
    }
}

/// Does what was ordered, around the service.
async fn serve<S, R>(
    mut inner: S,
    request: R,
    orders: Orders,
    interleave: Option<Interleave>,
) -> (Answer, Vec<Order>)
where
    S: Service<R, Response = Answer, Error = Infallible>,
{
    if let Some(interleave) = &interleave {
        interleave.pause().await;
    }
    if let Some(answer) = act(orders.before).await {
        return (answer, orders.then);
    }
    let Ok(response) = inner.call(request).await;
    (act(orders.after).await.unwrap_or(response), orders.then)
}

pin_project! {
    #[project = ServingProjected]
    enum Serving<F> {
        // Nearly every call of nearly every mock: it costs nothing beside the service.
        AsItIs { #[pin] inner: F },
        Ordered { inner: Pin<Box<dyn Future<Output = (Answer, Vec<Order>)> + Send>> },
    }
}

impl<F: Future<Output = Result<Answer, Infallible>>> Future for Serving<F> {
    type Output = (Answer, Vec<Order>);

    fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        match self.project() {
            ServingProjected::AsItIs { inner } => inner.poll(context).map(|served| {
                let Ok(answer) = served;
                (answer, Vec::new())
            }),
            ServingProjected::Ordered { inner } => inner.as_mut().poll(context),
        }
    }
}

pin_project! {
    /// An answer to come, or the reset of its call.
    pub(crate) struct FaultFuture<F> {
        #[pin]
        serving: Serving<F>,
        // Moves on to the answer's body.
        ending: Option<Ending>,
    }
}

impl<F: Future<Output = Result<Answer, Infallible>>> Future for FaultFuture<F> {
    type Output = Result<Response<FaultBody>, Reset>;

    fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        let this = self.project();
        let reset = |ending: &Ending| ending.call.is_reset();
        if this.ending.as_ref().is_some_and(reset) {
            return Poll::Ready(Err(Reset));
        }
        let Poll::Ready((response, then)) = this.serving.poll(context) else {
            let reset = this.ending.as_ref().map(|ending| ending.call.poll_reset(context));
            return reset.unwrap_or(Poll::Pending).map(|()| Err(Reset));
        };
        let mut ending = this.ending.take().expect("a future is not polled after it is done");
        ending.then = then;
        let pace = ending.hands.interleave.as_ref().map(Interleave::pace);
        Poll::Ready(Ok(response.map(|body| FaultBody::new(body, ending, pace))))
    }
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
    hands: Arc<Hands>,
    call: OnLine,
}

impl Ending {
    /// What changes the state is done before the client can know that its call is over.
    fn answered(&mut self) {
        self.then.retain(|order| {
            self.hands.control.obey(order);
            order.cuts()
        });
    }
}

/// Cutting waits until the reply has been handed to the connection, which then still writes it.
impl Drop for Ending {
    fn drop(&mut self) {
        self.answered();
        for order in self.then.drain(..) {
            self.hands.control.cut(order, self.call.line());
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
        if this.ending.call.is_reset() {
            return Poll::Ready(Some(Err(Reset.into())));
        }
        let polled = match &mut this.pace {
            None => Pin::new(&mut this.inner).poll_frame(context),
            Some(pace) => pace.poll_frame(&mut this.inner, context),
        };
        let Poll::Ready(frame) = polled else {
            return this.ending.call.poll_reset(context).map(|()| Some(Err(Reset.into())));
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
