//! Events on their way to a client: messages of a stream, found by the length before each and passed on
//! as they came, but for those that a fault loses, doubles, delays or swaps.

use std::collections::hash_map::DefaultHasher;
use std::collections::{BTreeMap, HashMap, VecDeque};
use std::hash::{Hash, Hasher};
use std::pin::Pin;
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll};

use bytes::{Bytes, BytesMut};
use containerd_client::types::Envelope;
use futures_util::stream::{FuturesUnordered, StreamExt};
use http_body::{Body, Frame};
use prost::Message;
use tokio::sync::watch;
use tokio_stream::wrappers::WatchStream;

use super::forward::{BoxError, Reply};
use crate::faults::{Engine, EventFault};

/// Before each message: whether it is compressed, and its length.
const PREFIX: usize = 5;
/// Of so many events it is known what was decided about them: far more than two streams are apart.
const DECIDED_MAX: usize = 1 << 12;

/// Decides about events: once about each, whichever streams tell it. Clones are one.
#[derive(Clone)]
pub(super) struct Judge {
    engine: Engine,
    decided: Arc<Mutex<Decided>>,
    released: watch::Sender<()>,
}

#[derive(Default)]
struct Decided {
    faults: HashMap<u64, Option<EventFault>>,
    order: VecDeque<u64>,
}

impl Judge {
    pub(super) fn new(engine: Engine) -> Self {
        Self { engine, decided: Arc::default(), released: watch::Sender::new(()) }
    }

    /// What is held is told now.
    pub(super) fn release(&self) {
        self.released.send_replace(());
    }

    /// What is done to an event, and whose it is.
    fn fault(&self, message: &[u8]) -> (Option<EventFault>, String) {
        // What we cannot read is passed on.
        let Some(envelope) = read(message) else { return (None, String::new()) };
        let mut hasher = DefaultHasher::new();
        message.hash(&mut hasher);
        let mut decided = self.decided.lock().expect("nothing panics while it holds the list");
        let Decided { faults, order } = &mut *decided;
        let fault = *faults.entry(hasher.finish()).or_insert_with(|| {
            order.push_back(hasher.finish());
            self.engine.event_fault(&envelope)
        });
        if order.len() > DECIDED_MAX
            && let Some(oldest) = order.pop_front()
        {
            faults.remove(&oldest);
        }
        (fault, envelope.namespace)
    }
}

fn read(message: &[u8]) -> Option<Envelope> {
    let (prefix, body) = message.split_at_checked(PREFIX)?;
    (prefix[0] == 0).then(|| Envelope::decode(body).ok()).flatten()
}

/// Takes the first message off, with what stands before it.
fn message(buffer: &mut BytesMut) -> Option<Bytes> {
    let length = buffer.get(1..PREFIX)?.try_into().ok().map(u32::from_be_bytes)?;
    let whole = PREFIX + usize::try_from(length).ok()?;
    (buffer.len() >= whole).then(|| buffer.split_to(whole).freeze())
}

type Late = Pin<Box<dyn Future<Output = Bytes> + Send>>;

/// A stream of events.
pub(super) struct EventBody {
    reply: Reply,
    judge: Judge,
    buffer: BytesMut,
    ready: VecDeque<Frame<Bytes>>,
    /// Those that wait for the next of their namespace.
    held: BTreeMap<String, Vec<Bytes>>,
    late: FuturesUnordered<Late>,
    released: WatchStream<()>,
    ended: bool,
}

impl EventBody {
    pub(super) fn new(reply: Reply, judge: Judge) -> Self {
        let released = WatchStream::from_changes(judge.released.subscribe());
        Self {
            reply,
            judge,
            buffer: BytesMut::new(),
            ready: VecDeque::new(),
            held: BTreeMap::new(),
            late: FuturesUnordered::new(),
            released,
            ended: false,
        }
    }

    fn tell(&mut self, messages: impl IntoIterator<Item = Bytes>) {
        self.ready.extend(messages.into_iter().map(Frame::data));
    }

    fn came(&mut self, message: Bytes) {
        let (fault, namespace) = self.judge.fault(&message);
        let before = self.held.remove(&namespace).unwrap_or_default();
        match fault {
            None => self.tell([message]),
            Some(EventFault::Lose) => {}
            Some(EventFault::Duplicate) => self.tell([message.clone(), message]),
            Some(EventFault::Delay(span)) => self.late.push(Box::pin(async move {
                tokio::time::sleep(span).await;
                message
            })),
            Some(EventFault::SwapNext) => self.held.entry(namespace).or_default().push(message),
        }
        self.tell(before);
    }

    /// What came, taken apart.
    fn take(&mut self, frame: Frame<Bytes>) {
        match frame.into_data() {
            Ok(data) => {
                self.buffer.extend_from_slice(&data);
                while let Some(message) = message(&mut self.buffer) {
                    self.came(message);
                }
            }
            // Trailers: the last frame there is.
            Err(trailers) => {
                let rest = std::mem::take(&mut self.buffer).freeze();
                self.tell((!rest.is_empty()).then_some(rest));
                self.ready.push_back(trailers);
                self.ended = true;
            }
        }
    }

    pub(super) fn poll_frame(
        &mut self,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, BoxError>>> {
        loop {
            while let Poll::Ready(Some(late)) = self.late.poll_next_unpin(context) {
                self.tell([late]);
            }
            while let Poll::Ready(Some(())) = self.released.poll_next_unpin(context) {
                let held = std::mem::take(&mut self.held);
                self.tell(held.into_values().flatten());
            }
            if let Some(frame) = self.ready.pop_front() {
                return Poll::Ready(Some(Ok(frame)));
            }
            if self.ended {
                return Poll::Ready(None);
            }
            match std::task::ready!(Pin::new(&mut self.reply).poll_frame(context)) {
                Some(Ok(frame)) => self.take(frame),
                Some(Err(error)) => return Poll::Ready(Some(Err(error))),
                None => self.ended = true,
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn framed(topic: &str) -> Vec<u8> {
        let body = Envelope { topic: topic.to_owned(), ..Envelope::default() }.encode_to_vec();
        let length = u32::try_from(body.len()).unwrap().to_be_bytes();
        [&[0], length.as_slice(), &body].concat()
    }

    #[test]
    fn messages_are_found_wherever_the_stream_is_cut() {
        let whole = [framed("/a"), framed("/a/longer/one")].concat();
        for cut in 0..=whole.len() {
            let mut buffer = BytesMut::new();
            let mut found = Vec::new();
            for part in [&whole[..cut], &whole[cut..]] {
                buffer.extend_from_slice(part);
                found.extend(std::iter::from_fn(|| message(&mut buffer)));
            }
            let topics: Vec<String> = found.iter().map(|one| read(one).unwrap().topic).collect();
            assert_eq!(topics, ["/a", "/a/longer/one"]);
            assert!(buffer.is_empty());
        }
    }

    #[test]
    fn an_event_that_two_streams_tell_is_decided_once() {
        let engine = Engine::default();
        engine.add(crate::Faults::default().event("/a", 1, EventFault::Lose));
        let judge = Judge::new(engine.clone());
        let told: Vec<_> = (0..2).map(|_| judge.fault(&framed("/a")).0).collect();
        assert_eq!(told, [Some(EventFault::Lose); 2]);
        assert_eq!(engine.fired().len(), 1);
    }

    #[test]
    fn what_is_compressed_is_passed_on() {
        let mut message = framed("/a");
        message[0] = 1;
        assert!(read(&message).is_none());
    }
}
