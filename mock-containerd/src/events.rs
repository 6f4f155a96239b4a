//! The event bus: every subscriber has a queue of its own and a filter; nothing is replayed.

use std::sync::Mutex;

use containerd_client::types::Envelope;
use prost::{Message, Name};
use prost_types::{Any, Timestamp};
use tokio::sync::mpsc;

use crate::state::{Filter, any_passes};

#[derive(Debug, Default)]
pub(crate) struct Bus {
    subscribers: Mutex<Vec<Subscriber>>,
}

#[derive(Debug)]
struct Subscriber {
    filters: Vec<Filter>,
    // Unbounded, as containerd's is: a slow reader gets everything, late.
    queue: mpsc::UnboundedSender<Envelope>,
}

impl Bus {
    /// Sends to everybody whose filter lets it pass.
    pub(crate) fn publish(&self, envelope: Envelope) {
        let mut subscribers = self.subscribers.lock().expect("nothing panics with this lock");
        subscribers.retain(|subscriber| {
            let fields = |path: &[&str]| field(&envelope, path);
            !any_passes(&subscriber.filters, &fields)
                || subscriber.queue.send(envelope.clone()).is_ok()
        });
    }

    /// From now on.
    pub(crate) fn subscribe(&self, filters: Vec<Filter>) -> mpsc::UnboundedReceiver<Envelope> {
        let (queue, events) = mpsc::unbounded_channel();
        let mut subscribers = self.subscribers.lock().expect("nothing panics with this lock");
        subscribers.push(Subscriber { filters, queue });
        events
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

/// Fields that a filter can name. Numbers and times never match, as in containerd.
fn field(envelope: &Envelope, path: &[&str]) -> Option<String> {
    match path {
        ["namespace"] => Some(envelope.namespace.clone()),
        ["topic"] => Some(envelope.topic.clone()),
        ["event", field] => event_field(envelope.event.as_ref()?, field),
        _ => None,
    }
    .filter(|value| !value.is_empty())
}

fn event_field(event: &Any, field: &str) -> Option<String> {
    use containerd_client::events::{
        ContainerCreate, ContainerDelete, ContainerUpdate, TaskCreate, TaskDelete, TaskExecAdded,
        TaskExecStarted, TaskExit, TaskOom, TaskPaused, TaskResumed, TaskStart,
    };
    macro_rules! fields {
        ($($type:ident { $($name:ident),+ })+) => {
            $(if event.type_url == $type::full_name() {
                let event = $type::decode(event.value.as_slice()).ok()?;
                return match field {
                    $(stringify!($name) => Some(event.$name),)+
                    _ => None,
                };
            })+
        };
    }
    fields! {
        ContainerCreate { id, image }
        ContainerUpdate { id, image, snapshot_key }
        ContainerDelete { id }
        TaskCreate { container_id, bundle, checkpoint }
        TaskStart { container_id }
        TaskDelete { container_id, id }
        TaskExit { container_id, id }
        TaskOom { container_id }
        TaskExecAdded { container_id, exec_id }
        TaskExecStarted { container_id, exec_id }
        TaskPaused { container_id }
        TaskResumed { container_id }
    }
    None
}
