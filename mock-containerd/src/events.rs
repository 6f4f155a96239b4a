//! The event bus: every subscriber has a queue of its own and a filter; nothing is replayed.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard};

use containerd_client::types::Envelope;
use prost::{Message, Name};
use prost_types::Timestamp;
use tokio::sync::mpsc;
use tonic::Code;

use crate::event_fields::field;
use crate::faults::{Door, Engine, Passing};
use crate::state::{Failure, Filter, any_passes};

/// How many events wait for one subscriber, unless told otherwise. containerd's own queue has no
/// bound: this one is far from what a client that reads will ever meet.
pub(crate) const QUEUE_MAX: usize = 100_000;

/// The subscribers of a mock, as others see them.
///
/// ```
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let mock = mock_containerd::MockContainerd::builder().event_queue(10).start().await?;
/// assert_eq!(mock.events().subscribers(), 0);
/// assert_eq!(mock.events().overflowed(), 0);
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Debug)]
pub struct EventBus {
    bus: Bus,
}

impl EventBus {
    pub(crate) fn new(bus: Bus) -> Self {
        Self { bus }
    }

    /// How many listen now.
    pub fn subscribers(&self) -> usize {
        let subscribers = self.bus.subscribers();
        subscribers.iter().filter(|subscriber| !subscriber.queue.is_closed()).count()
    }

    /// How many subscriptions were ended with RESOURCE_EXHAUSTED, because their client read so
    /// slowly that their queue was full.
    pub fn overflowed(&self) -> u64 {
        self.bus.shared.overflowed.load(Ordering::Relaxed)
    }
}

/// The bus. Clones are one.
#[derive(Clone, Debug)]
pub(crate) struct Bus {
    shared: Arc<Shared>,
}

#[derive(Debug)]
struct Shared {
    // Never held over an await.
    subscribers: Mutex<Vec<Subscriber>>,
    engine: Engine,
    queue_max: usize,
    overflowed: AtomicU64,
}

#[derive(Debug)]
struct Subscriber {
    door: Door,
    filters: Vec<Filter>,
    // All subscribers share one copy of an event.
    queue: mpsc::Sender<Arc<Envelope>>,
    overflowed: Arc<AtomicBool>,
}

/// What one subscriber reads.
#[derive(Debug)]
pub(crate) struct Subscription {
    events: mpsc::Receiver<Arc<Envelope>>,
    overflowed: Arc<AtomicBool>,
    queue_max: usize,
}

impl Bus {
    pub(crate) fn new(engine: Engine, queue_max: usize) -> Self {
        let shared = Shared {
            subscribers: Mutex::default(),
            engine,
            queue_max: queue_max.max(1),
            overflowed: AtomicU64::new(0),
        };
        Self { shared: Arc::new(shared) }
    }

    fn subscribers(&self) -> MutexGuard<'_, Vec<Subscriber>> {
        self.shared.subscribers.lock().expect("nothing panics while it holds the subscribers")
    }

    /// Sends to everybody whose filter lets it pass; to clients, unless a fault is in the way.
    pub(crate) fn publish(&self, envelope: Envelope) {
        if self.subscribers().iter().any(|subscriber| subscriber.door == Door::Watchers) {
            self.send(envelope.clone(), Door::Watchers);
        }
        for passing in self.shared.engine.event(envelope) {
            self.pass(passing);
        }
    }

    /// Sends to clients what no fault looks at any more.
    pub(crate) fn pass(&self, passing: Passing) {
        match passing {
            Passing::Now(envelope) => self.send(envelope, Door::Front),
            Passing::Later(span, envelope) => {
                let bus = self.clone();
                tokio::spawn(async move {
                    tokio::time::sleep(span).await;
                    bus.send(envelope, Door::Front);
                });
            }
        }
    }

    fn send(&self, envelope: Envelope, door: Door) {
        let envelope = Arc::new(envelope);
        self.subscribers().retain(|subscriber| {
            let fields = |path: &[&str]| field(&envelope, path);
            if subscriber.door != door || !any_passes(&subscriber.filters, &fields) {
                return !subscriber.queue.is_closed();
            }
            match subscriber.queue.try_send(envelope.clone()) {
                Ok(()) => true,
                Err(mpsc::error::TrySendError::Closed(_)) => false,
                // It gets what is in its queue, and then learns that this was not all.
                Err(mpsc::error::TrySendError::Full(_)) => {
                    subscriber.overflowed.store(true, Ordering::Release);
                    self.shared.overflowed.fetch_add(1, Ordering::Relaxed);
                    false
                }
            }
        });
    }

    /// From now on.
    pub(crate) fn subscribe(&self, filters: Vec<Filter>, door: Door) -> Subscription {
        let queue_max = self.shared.queue_max;
        let (queue, events) = mpsc::channel(queue_max);
        let overflowed = Arc::new(AtomicBool::new(false));
        let subscriber = Subscriber { door, filters, queue, overflowed: overflowed.clone() };
        let mut subscribers = self.subscribers();
        // Where nothing happens, nothing else would notice that somebody left.
        subscribers.retain(|subscriber| !subscriber.queue.is_closed());
        subscribers.push(subscriber);
        drop(subscribers);
        Subscription { events, overflowed, queue_max }
    }
}

impl Subscription {
    /// The next event; an error once after the last that found a place; `None`: the end.
    pub(crate) async fn next(&mut self) -> Option<Result<Envelope, Failure>> {
        if let Some(event) = self.events.recv().await {
            return Some(Ok(Arc::unwrap_or_clone(event)));
        }
        self.overflowed.swap(false, Ordering::Acquire).then(|| {
            let what = format!("{} events wait for this subscriber: no more fit", self.queue_max);
            Err(Failure::plain(Code::ResourceExhausted, what))
        })
    }
}

/// An event of our own making, stamped now.
pub(crate) fn envelope<E: Message + Name>(
    now: Timestamp,
    namespace: &str,
    topic: &str,
    event: &E,
) -> Envelope {
    Envelope {
        timestamp: Some(now),
        namespace: namespace.to_owned(),
        topic: topic.to_owned(),
        event: Some(containerd_client::to_any(event)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_subscribed_and_left_is_forgotten_though_nothing_happens() {
        let bus = Bus::new(Engine::default(), QUEUE_MAX);
        for _ in 0..100 {
            drop(bus.subscribe(Vec::new(), Door::Front));
        }
        assert_eq!(bus.subscribers().len(), 1);
    }
}
