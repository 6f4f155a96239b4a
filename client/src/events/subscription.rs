//! The event subscription: one per client, proven live before the client is used.

use std::future::Future;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use containerd_client::services::v1::{PublishRequest, SubscribeRequest};
use containerd_client::types::Envelope;
use prost_types::Any;
use tokio::sync::{mpsc, watch};
use tokio::task::JoinHandle;
use tonic::{Status, Streaming};

use super::{Told, decode};
use crate::wire::{self, Doing, Manners, Wire, carried, operation};
use crate::{Error, Kind};

const PROBE_TOPIC: &str = "/laconic/probe";
/// A real daemon says nothing when a subscription begins, and loses what is published meanwhile:
/// a probe is published until it comes back, each time with twice the patience.
const PROBES_MAX: u32 = 8;
const FIRST_PATIENCE_MS: u64 = 25;

/// A live subscription. Dropping it ends it.
#[derive(Debug)]
pub struct Subscription {
    listening: JoinHandle<()>,
}

impl Drop for Subscription {
    fn drop(&mut self) {
        self.listening.abort();
    }
}

impl Subscription {
    /// Subscribes over a channel of containerd's, and returns once it is live. The queue ends when
    /// the stream does.
    ///
    /// RPCs: 1 + p (Events/Subscribe, p × Events/Publish) for p probes, 8 at most.
    pub async fn open(
        channel: tonic::transport::Channel,
        namespace: &str,
    ) -> Result<(Self, mpsc::UnboundedReceiver<Told>), Error> {
        let wire = Wire::new(channel, namespace.to_owned(), Manners::default())?;
        operation("subscribe", namespace, None, Self::over(&wire)).await
    }

    pub(crate) async fn over(wire: &Wire) -> Result<(Self, mpsc::UnboundedReceiver<Told>), Error> {
        let doing = Doing::begin("subscribe to", "events");
        let (queue, events) = mpsc::unbounded_channel();
        let probe = new_probe();
        let (live, mut seen) = watch::channel(Live::NotYet);
        let opening = carried(stream(wire.clone()));
        let listening = tokio::spawn(listen(opening, queue, probe.clone(), live));
        let subscription = Self { listening };
        // Lets the subscription go out first; should it not, a probe more is needed, no less.
        tokio::task::yield_now().await;
        let mut patience = Duration::from_millis(FIRST_PATIENCE_MS);
        for _ in 0..PROBES_MAX {
            publish(wire, &doing, &probe).await?;
            let told = tokio::time::timeout(patience, changed(&mut seen)).await;
            match told {
                Ok(Live::Yes) => return Ok((subscription, events)),
                Ok(Live::Failed(status)) => {
                    return Err(Error::of(&doing, &status));
                }
                Ok(Live::NotYet) | Err(_) => patience *= 2,
            }
        }
        let message = format!("none of {PROBES_MAX} probes came back on the stream");
        Err(Error::refusal(&doing, Kind::Unavailable, message))
    }
}

#[derive(Clone, Debug)]
enum Live {
    NotYet,
    Yes,
    Failed(Status),
}

async fn changed(seen: &mut watch::Receiver<Live>) -> Live {
    match seen.wait_for(|live| !matches!(live, Live::NotYet)).await {
        Ok(live) => live.clone(),
        Err(_) => Live::Failed(Status::unavailable("the event stream ended")),
    }
}

fn new_probe() -> Vec<u8> {
    static NEXT: AtomicU64 = AtomicU64::new(0);
    let number = NEXT.fetch_add(1, Ordering::Relaxed);
    format!("{}-{number}", std::process::id()).into_bytes()
}

async fn publish(wire: &Wire, doing: &Doing<'_>, probe: &[u8]) -> Result<(), Error> {
    let event = Any { type_url: "laconic.Probe".to_owned(), value: probe.to_vec() };
    let message = PublishRequest { topic: PROBE_TOPIC.to_owned(), event: Some(event) };
    wire.call(doing, &wire::events::PUBLISH, message).await
}

/// The server withholds its first word until there is an event.
async fn stream(wire: Wire) -> Result<Streaming<Envelope>, Status> {
    let namespace = wire.namespace();
    let filters = vec![
        format!("namespace=={namespace},topic~=|^/tasks/|"),
        format!("namespace=={namespace},topic==\"{PROBE_TOPIC}\""),
    ];
    let doing = Doing::begin("subscribe to", "events");
    wire.stream(&doing, &wire::events::SUBSCRIBE, SubscribeRequest { filters }).await
}

async fn listen(
    opening: impl Future<Output = Result<Streaming<Envelope>, Status>>,
    queue: mpsc::UnboundedSender<Told>,
    probe: Vec<u8>,
    live: watch::Sender<Live>,
) {
    let mut stream = match opening.await {
        Ok(stream) => stream,
        Err(status) => {
            live.send_replace(Live::Failed(status));
            return;
        }
    };
    while let Ok(Some(envelope)) = stream.message().await {
        if envelope.topic == PROBE_TOPIC {
            if envelope.event.as_ref().is_some_and(|event| event.value == probe) {
                live.send_replace(Live::Yes);
            }
        } else if let Some(told) = decode(&envelope)
            && queue.send(told).is_err()
        {
            return;
        }
    }
}
