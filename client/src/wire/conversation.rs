//! One RPC in which both sides send: every message is answered before the next one is sent.
//!
//! Each has a limit. The whole has none, and the server is told none: how long it takes is for
//! whoever brings what is sent, message by message.

use http::uri::PathAndQuery;
use prost::Message;
use tokio::sync::mpsc;
use tokio_stream::wrappers::ReceiverStream;
use tonic::{Status, Streaming};
use tracing::{Instrument, Span};

use super::calls::{late, record};
use super::codec::Fitting;
use super::{Doing, Method, Wire};
use crate::Error;

/// An open stream both ways. Dropping it breaks it off.
#[derive(Debug)]
pub(crate) struct Conversation<'c, M, R> {
    wire: &'c Wire,
    doing: Doing<'c>,
    span: Span,
    messages: mpsc::Sender<M>,
    answers: Streaming<R>,
}

impl<'c, M, R> Conversation<'c, M, R>
where
    M: Message + 'static,
    R: Message + Default + 'static,
{
    /// Sends the first message; with its answer.
    pub(crate) async fn begin(
        wire: &'c Wire,
        doing: Doing<'c>,
        method: &Method<M, R>,
        first: M,
    ) -> Result<(Self, R), Error> {
        let (messages, stream) = mpsc::channel(1);
        // The server says nothing, not even a header, before it has a message.
        let _ = messages.send(first).await;
        let (span, traceparent) = doing.call(method.path);
        let request = wire.request(&doing, traceparent, ReceiverStream::new(stream));
        let path = PathAndQuery::from_static(method.path);
        let opening = async {
            let codec = Fitting::<M, R>::default();
            wire.grpc().await?.streaming(request, path, codec).await
        };
        let opening = opening.instrument(span.clone());
        let opened = tokio::time::timeout_at(wire.end(&doing), opening).await;
        let opened = opened.unwrap_or_else(|elapsed| Err(late(elapsed)));
        let failed = |status: Status| {
            record(&span, Some(&status));
            Error::of(&doing, &status)
        };
        let answers = opened.map_err(failed)?.into_inner();
        let mut conversation = Self { wire, doing, span, messages, answers };
        let answer = conversation.hear().await?;
        Ok((conversation, answer))
    }

    async fn hear(&mut self) -> Result<R, Error> {
        let end = self.wire.end(&self.doing);
        let heard = tokio::time::timeout_at(end, self.answers.message()).await;
        let heard = heard.unwrap_or_else(|elapsed| Err(late(elapsed)));
        let ended = || Status::unavailable("the server ended the stream without an answer");
        heard.and_then(|answer| answer.ok_or_else(ended)).map_err(|status| {
            record(&self.span, Some(&status));
            Error::of(&self.doing, &status)
        })
    }

    /// Sends a message, and awaits its answer.
    pub(crate) async fn exchange(&mut self, message: M) -> Result<R, Error> {
        // A stream that has ended says why below.
        let _ = self.messages.send(message).await;
        self.hear().await
    }

    /// Sends what there was to say at last.
    pub(crate) async fn conclude(mut self, message: M) -> Result<R, Error> {
        let answer = self.exchange(message).await?;
        record(&self.span, None);
        Ok(answer)
    }
}
