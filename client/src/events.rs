//! The event subscription: one per client, proven live before the client is used.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use containerd_client::events as told;
use containerd_client::services::v1::{PublishRequest, SubscribeRequest};
use containerd_client::types::Envelope;
use prost::{Message, Name};
use prost_types::Any;
use tokio::sync::{mpsc, watch};
use tokio::task::JoinHandle;
use tonic::{Code, Status};

use crate::wire::{Wire, answer};
use crate::{Error, Exit};

const PROBE_TOPIC: &str = "/laconic/probe";
/// A real daemon says nothing when a subscription begins, and loses what is published meanwhile:
/// a probe is published until it comes back, each time with twice the patience.
const PROBES_MAX: u32 = 8;
const FIRST_PATIENCE_MS: u64 = 25;

/// What happened to a task or an exec.
#[derive(Clone, Debug, PartialEq)]
pub enum TaskEvent {
    /// A task was created.
    Created {
        /// Whose.
        container: String,
        /// The init's.
        pid: u32,
    },
    /// A task was started.
    Started {
        /// Whose.
        container: String,
    },
    /// A process exited.
    Exited {
        /// Whose.
        container: String,
        /// `None`: the init.
        exec: Option<String>,
        /// As the host counts it.
        pid: u32,
        /// How.
        exit: Exit,
    },
    /// A task was frozen.
    Paused {
        /// Whose.
        container: String,
    },
    /// A task was thawed.
    Resumed {
        /// Whose.
        container: String,
    },
    /// An exec was registered.
    ExecAdded {
        /// Whose.
        container: String,
        /// Its id.
        exec: String,
    },
    /// An exec was started.
    ExecStarted {
        /// Whose.
        container: String,
        /// Its id.
        exec: String,
        /// As the host counts it.
        pid: u32,
    },
    /// A task was deleted.
    Deleted {
        /// Whose.
        container: String,
        /// The init's.
        pid: u32,
    },
}

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
    pub async fn open(
        channel: tonic::transport::Channel,
        namespace: &str,
    ) -> Result<(Self, mpsc::UnboundedReceiver<TaskEvent>), Error> {
        Self::over(&Wire::new(channel, namespace.to_owned())?).await
    }

    pub(crate) async fn over(
        wire: &Wire,
    ) -> Result<(Self, mpsc::UnboundedReceiver<TaskEvent>), Error> {
        let (queue, events) = mpsc::unbounded_channel();
        let probe = new_probe();
        let (live, mut seen) = watch::channel(Live::NotYet);
        let listening = tokio::spawn(listen(wire.clone(), queue, probe.clone(), live));
        let subscription = Self { listening };
        // Lets the subscription go out first; should it not, a probe more is needed, no less.
        tokio::task::yield_now().await;
        let mut patience = Duration::from_millis(FIRST_PATIENCE_MS);
        for _ in 0..PROBES_MAX {
            publish(wire, &probe).await?;
            let told = tokio::time::timeout(patience, changed(&mut seen)).await;
            match told {
                Ok(Live::Yes) => return Ok((subscription, events)),
                Ok(Live::Failed(status)) => {
                    return Err(Error::server("subscribe to", "events", &status));
                }
                Ok(Live::NotYet) | Err(_) => patience *= 2,
            }
        }
        let message = format!("none of {PROBES_MAX} probes came back on the stream");
        Err(Error::local("subscribe to", "events", Code::Unavailable, message))
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

async fn publish(wire: &Wire, probe: &[u8]) -> Result<(), Error> {
    let event = Any { type_url: "laconic.Probe".to_owned(), value: probe.to_vec() };
    let message = PublishRequest { topic: PROBE_TOPIC.to_owned(), event: Some(event) };
    answer("publish", "a probe", wire.events().publish(wire.ask(message))).await
}

async fn listen(
    wire: Wire,
    queue: mpsc::UnboundedSender<TaskEvent>,
    probe: Vec<u8>,
    live: watch::Sender<Live>,
) {
    let namespace = wire.namespace();
    let filters = vec![
        format!("namespace=={namespace},topic~=|^/tasks/|"),
        format!("namespace=={namespace},topic==\"{PROBE_TOPIC}\""),
    ];
    let subscribed = wire.events().subscribe(wire.ask(SubscribeRequest { filters })).await;
    let mut stream = match subscribed {
        Ok(response) => response.into_inner(),
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
        } else if let Some(event) = decode(&envelope)
            && queue.send(event).is_err()
        {
            return;
        }
    }
}

fn payload<E: Message + Name + Default>(event: &Any) -> Option<E> {
    (event.type_url == E::full_name()).then(|| E::decode(event.value.as_slice()).ok()).flatten()
}

fn decode(envelope: &Envelope) -> Option<TaskEvent> {
    let event = envelope.event.as_ref()?;
    match envelope.topic.as_str() {
        "/tasks/create" => payload::<told::TaskCreate>(event)
            .map(|event| TaskEvent::Created { container: event.container_id, pid: event.pid }),
        "/tasks/start" => payload::<told::TaskStart>(event)
            .map(|event| TaskEvent::Started { container: event.container_id }),
        "/tasks/exit" => payload::<told::TaskExit>(event).map(|event| TaskEvent::Exited {
            exec: (event.id != event.container_id).then_some(event.id),
            container: event.container_id,
            pid: event.pid,
            exit: Exit::new(event.exit_status, event.exited_at),
        }),
        "/tasks/paused" => payload::<told::TaskPaused>(event)
            .map(|event| TaskEvent::Paused { container: event.container_id }),
        "/tasks/resumed" => payload::<told::TaskResumed>(event)
            .map(|event| TaskEvent::Resumed { container: event.container_id }),
        "/tasks/exec-added" => payload::<told::TaskExecAdded>(event).map(|event| {
            TaskEvent::ExecAdded { container: event.container_id, exec: event.exec_id }
        }),
        "/tasks/exec-started" => {
            payload::<told::TaskExecStarted>(event).map(|event| TaskEvent::ExecStarted {
                container: event.container_id,
                exec: event.exec_id,
                pid: event.pid,
            })
        }
        "/tasks/delete" => payload::<told::TaskDelete>(event)
            .map(|event| TaskEvent::Deleted { container: event.container_id, pid: event.pid }),
        _ => None,
    }
}
