//! One RPC in which both sides send: every message is answered before the next one is sent.

use http::uri::PathAndQuery;
use prost::Message;
use tokio::sync::mpsc;
use tokio_stream::wrappers::ReceiverStream;
use tonic::{Status, Streaming};
use tonic_prost::ProstCodec;
use tracing::Instrument;

use super::calls::{late, span};
use super::{Doing, Method, Wire};
use crate::Error;

/// An open stream both ways. Dropping it breaks it off.
#[derive(Debug)]
pub(crate) struct Conversation<'c, M, R> {
    wire: &'c Wire,
    doing: Doing<'c>,
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
        let request = wire.request(&doing, ReceiverStream::new(stream));
        let path = PathAndQuery::from_static(method.path);
        let opening = async {
            let codec = ProstCodec::<M, R>::default();
            wire.grpc().await?.streaming(request, path, codec).await
        };
        let opening = opening.instrument(span(&doing, method.path));
        let opened = tokio::time::timeout_at(wire.end(&doing), opening).await;
        let opened = opened.unwrap_or_else(|elapsed| Err(late(elapsed)));
        let answers = opened.map_err(|status| Error::of(&doing, &status))?.into_inner();
        let mut conversation = Self { wire, doing, messages, answers };
        let answer = conversation.hear().await?;
        Ok((conversation, answer))
    }

    async fn hear(&mut self) -> Result<R, Error> {
        let end = self.wire.end(&self.doing);
        let heard = tokio::time::timeout_at(end, self.answers.message()).await;
        let heard = heard.unwrap_or_else(|elapsed| Err(late(elapsed)));
        let ended = || Status::unavailable("the server ended the stream without an answer");
        heard
            .and_then(|answer| answer.ok_or_else(ended))
            .map_err(|status| Error::of(&self.doing, &status))
    }

    /// Sends a message, and awaits its answer.
    pub(crate) async fn exchange(&mut self, message: M) -> Result<R, Error> {
        // A stream that has ended says why below.
        let _ = self.messages.send(message).await;
        self.hear().await
    }
}
