//! The layer between the ledger's and the services: does to calls what the engine decides.

use std::convert::Infallible;
use std::error::Error;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

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
use super::{Door, Engine};
use crate::interleave::{Interleave, Pace};

/// What takes a while, and is done before a client knows that its call is over.
pub(crate) type Doing = Pin<Box<dyn Future<Output = ()> + Send>>;

/// Does what was ordered for when a call has been answered.
pub(crate) trait Obey: Send + Sync + 'static {
    /// Does what changes the state alone: at once, or in what it returns.
    fn obey(&self, order: &Order) -> Option<Doing>;

    /// Does what cuts connections or streams.
    fn cut(&self, order: Order, line: &Line);
}

/// Whose hands do it.
#[derive(Debug)]
pub(crate) struct Hands<H> {
    pub(crate) engine: Engine,
    pub(crate) hand: H,
    pub(crate) interleave: Option<Interleave>,
}

/// The services of one connection, behind the faults.
#[derive(Debug)]
pub(crate) struct FaultService<S, H> {
    inner: S,
    line: Line,
    hands: Arc<Hands<H>>,
    door: Door,
}

impl<S, H> FaultService<S, H> {
    pub(crate) fn new(inner: S, line: Line, hands: Arc<Hands<H>>, door: Door) -> Self {
        Self { inner, line, hands, door }
    }
}

/// A call that was reset: the transport tells the client, without a status.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Reset {
    #[error("the call was cut by a fault")]
    Cut,
    /// As whoever stands behind reset it.
    #[error("the call was reset")]
    Behind(#[source] Box<dyn Error + Send + Sync>),
}

impl From<Infallible> for Reset {
    fn from(never: Infallible) -> Self {
        match never {}
    }
}

type Answer = Response<tonic::body::Body>;
/// What came of a call, and what is to be done once it has been told.
type Served = (Result<Answer, Reset>, Vec<Order>);

impl<S, B, H> Service<Request<LedgerBody<B>>> for FaultService<S, H>
where
    S: Service<Request<LedgerBody<B>>, Response = Answer>,
    S: Clone + Send + 'static,
    S::Future: Send,
    S::Error: Into<Reset>,
    B: Send + 'static,
    H: Obey,
{
    type Response = Response<FaultBody<H>>;
    type Error = Reset;
    type Future = FaultFuture<S::Future, H>;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), Reset>> {
        self.inner.poll_ready(context).map_err(Into::into)
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
                let (orders, interleave) = (orders.unwrap_or_default(), interleave.clone());
                let (inner, hands) = (self.inner.clone(), self.hands.clone());
                let served = async move {
                    let (answer, then) = serve(inner, request, orders, interleave).await;
                    // Of headers alone: nobody polls its body.
                    let whole = answer.as_ref().is_ok_and(|answer| answer.body().is_end_stream());
                    (answer, if whole { hands.obey(then).await } else { then })
                };
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
) -> Served
where
    S: Service<R, Response = Answer>,
    S::Error: Into<Reset>,
{
    if let Some(interleave) = &interleave {
        interleave.pause().await;
    }
    if let Some(answer) = act(orders.before).await {
        return (Ok(answer), orders.then);
    }
    let response = match inner.call(request).await {
        Ok(response) => response,
        Err(error) => return (Err(error.into()), orders.then),
    };
    (Ok(act(orders.after).await.unwrap_or(response)), orders.then)
}

impl<H: Obey> Hands<H> {
    /// Does what changes the state. Returns what is left: what cuts. That is heard of last, and then there
    /// is nothing to wait for any more: whoever gives the call up in between has set off nothing by halves.
    async fn obey(&self, orders: Vec<Order>) -> Vec<Order> {
        let (left, now): (Vec<Order>, Vec<Order>) = orders.into_iter().partition(Order::cuts);
        for order in now {
            if let Some(doing) = self.hand.obey(&order) {
                doing.await;
            }
        }
        for order in &left {
            let at_once = self.hand.obey(order);
            debug_assert!(at_once.is_none(), "what cuts is only heard of before it is done");
        }
        left
    }
}

pin_project! {
    #[project = ServingProjected]
    enum Serving<F> {
        // Nearly every call of nearly every mock: it costs nothing beside the service.
        AsItIs { #[pin] inner: F },
        Ordered { inner: Pin<Box<dyn Future<Output = Served> + Send>> },
    }
}

impl<F, E> Future for Serving<F>
where
    F: Future<Output = Result<Answer, E>>,
    E: Into<Reset>,
{
    type Output = Served;

    fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        match self.project() {
            ServingProjected::AsItIs { inner } => {
                inner.poll(context).map(|served| (served.map_err(Into::into), Vec::new()))
            }
            ServingProjected::Ordered { inner } => inner.as_mut().poll(context),
        }
    }
}

pin_project! {
    /// An answer to come, or the reset of its call.
    pub(crate) struct FaultFuture<F, H: Obey> {
        #[pin]
        serving: Serving<F>,
        // Moves on to the answer's body.
        ending: Option<Ending<H>>,
    }
}

impl<F, E, H> Future for FaultFuture<F, H>
where
    F: Future<Output = Result<Answer, E>>,
    E: Into<Reset>,
    H: Obey,
{
    type Output = Result<Response<FaultBody<H>>, Reset>;

    fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        let this = self.project();
        let reset = |ending: &Ending<H>| ending.call.is_reset();
        if this.ending.as_ref().is_some_and(reset) {
            return Poll::Ready(Err(Reset::Cut));
        }
        if this.ending.as_ref().is_some_and(|ending| ending.call.is_cut()) {
            return Poll::Pending;
        }
        let Poll::Ready((served, then)) = this.serving.poll(context) else {
            let reset = this.ending.as_ref().map(|ending| ending.call.poll_reset(context));
            return reset.unwrap_or(Poll::Pending).map(|()| Err(Reset::Cut));
        };
        let mut ending = this.ending.take().expect("a future is not polled after it is done");
        ending.then = then;
        // Of headers alone: it ends here.
        let whole = served.as_ref().is_ok_and(|answer| answer.body().is_end_stream());
        if whole && !ending.call.answer() {
            // The connection goes, and this with it.
            *this.ending = Some(ending);
            return Poll::Pending;
        }
        let pace = ending.hands.interleave.as_ref().map(Interleave::pace);
        Poll::Ready(served.map(|answer| answer.map(|body| FaultBody::new(body, ending, pace))))
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
struct Ending<H: Obey> {
    then: Vec<Order>,
    hands: Arc<Hands<H>>,
    call: OnLine,
}

impl<H: Obey> Ending<H> {
    /// What changes the state is done before the client can know that its call is over.
    fn answered(&mut self) -> Option<Doing> {
        let mut all = Vec::new();
        self.then.retain(|order| {
            all.extend(self.hands.hand.obey(order));
            order.cuts()
        });
        if all.is_empty() {
            return None;
        }
        Some(Box::pin(async move {
            for doing in all {
                doing.await;
            }
        }))
    }
}

/// Cutting waits until the reply has been handed to the connection, which then still writes it.
impl<H: Obey> Drop for Ending<H> {
    fn drop(&mut self) {
        // The client is gone before it was told: nobody waits for this.
        if let Some(doing) = self.answered() {
            tokio::spawn(doing);
        }
        for order in self.then.drain(..) {
            self.hands.hand.cut(order, self.call.line());
        }
    }
}

/// The body of an answer.
pub(crate) struct FaultBody<H: Obey> {
    inner: tonic::body::Body,
    ending: Ending<H>,
    pace: Option<Pace>,
    last: Option<Last>,
}

type Polled = Option<Result<Frame<Bytes>, Box<dyn Error + Send + Sync>>>;

/// What ends the answer, kept until something has been done.
struct Last {
    doing: Doing,
    frame: Polled,
}

impl<H: Obey> FaultBody<H> {
    fn new(inner: tonic::body::Body, ending: Ending<H>, pace: Option<Pace>) -> Self {
        Self { inner, ending, pace, last: None }
    }

    fn poll_last(&mut self, context: &mut Context<'_>) -> Poll<Polled> {
        if let Some(last) = &mut self.last {
            ready!(last.doing.as_mut().poll(context));
        }
        let frame = self.last.take().and_then(|last| last.frame);
        self.tell_last(frame)
    }

    fn tell_last(&mut self, frame: Polled) -> Poll<Polled> {
        // After a cut nobody is told any more: the connection goes, and this with it.
        if self.ending.call.answer() { Poll::Ready(frame) } else { Poll::Pending }
    }
}

impl<H: Obey> Body for FaultBody<H> {
    type Data = Bytes;
    type Error = Box<dyn Error + Send + Sync>;

    fn poll_frame(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Polled> {
        let this = &mut *self;
        if this.ending.call.is_reset() {
            return Poll::Ready(Some(Err(Reset::Cut.into())));
        }
        if this.ending.call.is_cut() {
            return Poll::Pending;
        }
        if this.last.is_some() {
            return this.poll_last(context);
        }
        let polled = match &mut this.pace {
            None => Pin::new(&mut this.inner).poll_frame(context),
            Some(pace) => pace.poll_frame(&mut this.inner, context),
        };
        let Poll::Ready(frame) = polled else {
            return this.ending.call.poll_reset(context).map(|()| Some(Err(Reset::Cut.into())));
        };
        let more = matches!(&frame, Some(Ok(frame)) if frame.is_data());
        let frame = frame.map(|frame| frame.map_err(Into::into));
        if more {
            return Poll::Ready(frame);
        }
        match this.ending.answered() {
            None => this.tell_last(frame),
            Some(doing) => {
                this.last = Some(Last { doing, frame });
                this.poll_last(context)
            }
        }
    }

    fn is_end_stream(&self) -> bool {
        let waits = self.last.is_some() || self.pace.as_ref().is_some_and(|pace| !pace.is_empty());
        !waits && self.inner.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.inner.size_hint()
    }
}
