//! The observer: what the harness asks for itself, over a connection and a tap of its own. Raw
//! stubs: no player's code looks after the players.

use std::error::Error;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;

use containerd_client::services::v1::events_client::EventsClient;
use containerd_client::services::v1::tasks_client::TasksClient;
use containerd_client::services::v1::version_client::VersionClient;
use containerd_client::services::v1::{
    DeleteTaskRequest, GetRequest, KillRequest, PublishRequest, SubscribeRequest, WaitRequest,
};
use containerd_client::types::v1::Status as Wire;
use driver_protocol::{ContainerId, Lifecycle};
use laconic_scenarios::TargetFault;
use prost_types::Any;
use tokio::sync::watch;
use tokio::task::JoinHandle;
use tonic::transport::Channel;
use tonic::{Code, Request, Status};

use crate::seen::{Seen, decode};

const PROBE_TOPIC: &str = "/laconic/observer";
/// A fresh subscription is proven live by a probe, published with growing patience.
const PROBES_MAX: u32 = 10;
const FIRST_PATIENCE_MS: u64 = 20;
/// How long one question, and the end of a task that was killed, may take.
const LIMIT_MS: u64 = 15_000;
const SIGKILL: u32 = 9;

#[derive(Debug)]
pub(crate) struct Observer {
    /// Where it dials; in memory there is nothing to dial.
    socket: Option<PathBuf>,
    prefix: String,
    seen: Arc<Seen>,
    line: Mutex<Line>,
}

/// What it asks over, and hears events by.
#[derive(Debug)]
struct Line {
    channel: Channel,
    listening: JoinHandle<()>,
}

impl Drop for Line {
    fn drop(&mut self) {
        self.listening.abort();
    }
}

impl Line {
    /// Proven live.
    async fn over(channel: Channel, prefix: &str, seen: Arc<Seen>) -> Result<Self, TargetFault> {
        let (live, mut proven) = watch::channel(false);
        let listening = tokio::spawn(listen(channel.clone(), prefix.to_owned(), seen, live));
        let line = Self { channel, listening };
        let mut patience = Duration::from_millis(FIRST_PATIENCE_MS);
        for _ in 0..PROBES_MAX {
            let event = Any { type_url: "laconic.Probe".to_owned(), value: Vec::new() };
            let message = PublishRequest { topic: PROBE_TOPIC.to_owned(), event: Some(event) };
            let mut events = EventsClient::new(line.channel.clone());
            limited("publish a probe".into(), events.publish(ask(prefix, message))).await?;
            let back = tokio::time::timeout(patience, proven.wait_for(|live| *live)).await;
            if matches!(back, Ok(Ok(_))) {
                return Ok(line);
            }
            patience *= 2;
        }
        Err(fault("subscribe to events", format!("none of {PROBES_MAX} probes came back")))
    }
}

async fn dial(socket: &Path) -> Result<Channel, TargetFault> {
    let channel = containerd_client::connect(socket).await;
    channel.map_err(|error| fault("connect", no_containerd(&error)))
}

pub(crate) fn fault(action: impl Into<String>, cause: impl ToString) -> TargetFault {
    TargetFault::Observer { action: action.into(), cause: cause.to_string() }
}

pub(crate) async fn limited<T>(
    action: String,
    call: impl Future<Output = Result<tonic::Response<T>, Status>>,
) -> Result<T, TargetFault> {
    match tokio::time::timeout(Duration::from_millis(LIMIT_MS), call).await {
        Ok(Ok(response)) => Ok(response.into_inner()),
        Ok(Err(status)) => Err(fault(action, told(&status))),
        Err(_) => Err(fault(action, format!("no answer within {LIMIT_MS} ms"))),
    }
}

/// A status that the server sent, or why none came.
fn told(status: &Status) -> String {
    match status.source() {
        None => format!("{:?}: {}", status.code(), status.message()),
        Some(cause) => no_containerd(cause),
    }
}

fn no_containerd(mut cause: &dyn Error) -> String {
    while let Some(deeper) = cause.source() {
        cause = deeper;
    }
    format!("what listens there does not answer as a containerd ({cause})")
}

pub(crate) fn ask<T>(namespace: &str, message: T) -> Request<T> {
    let mut request = Request::new(message);
    if let Ok(namespace) = namespace.parse() {
        request.metadata_mut().insert("containerd-namespace", namespace);
    }
    request
}

impl Observer {
    /// Connects, and watches every namespace that begins with `prefix`.
    pub(crate) async fn connect(socket: &Path, prefix: &str) -> Result<Self, TargetFault> {
        let observer = Self::over(dial(socket).await?, prefix).await?;
        Ok(Self { socket: Some(socket.to_owned()), ..observer })
    }

    /// Watches every namespace that begins with `prefix`.
    pub(crate) async fn over(channel: Channel, prefix: &str) -> Result<Self, TargetFault> {
        let seen = Arc::new(Seen::default());
        let line = Mutex::new(Line::over(channel, prefix, seen.clone()).await?);
        Ok(Self { socket: None, prefix: prefix.to_owned(), seen, line })
    }

    /// Dials anew, once the daemon was away. What happened meanwhile it has not heard.
    pub(crate) async fn listen_again(&self) -> Result<(), TargetFault> {
        let Some(socket) = &self.socket else { return Ok(()) };
        let line = Line::over(dial(socket).await?, &self.prefix, self.seen.clone()).await?;
        *self.line() = line;
        Ok(())
    }

    fn line(&self) -> MutexGuard<'_, Line> {
        self.line.lock().expect("nothing panics while it holds the line")
    }

    pub(crate) fn seen(&self) -> &Seen {
        &self.seen
    }

    pub(crate) fn channel(&self) -> Channel {
        self.line().channel.clone()
    }

    pub(crate) fn tasks(&self) -> TasksClient<Channel> {
        TasksClient::new(self.channel())
    }

    /// The server's version.
    pub(crate) async fn version(&self) -> Result<String, TargetFault> {
        let mut client = VersionClient::new(self.channel());
        Ok(limited("ask for the version".into(), client.version(Request::new(()))).await?.version)
    }

    pub(crate) async fn task(
        &self,
        namespace: &str,
        container: &ContainerId,
    ) -> Result<Option<Lifecycle>, TargetFault> {
        let message =
            GetRequest { container_id: container.as_str().to_owned(), exec_id: String::new() };
        let answer = tokio::time::timeout(Duration::from_millis(LIMIT_MS), async {
            self.tasks().get(ask(namespace, message)).await
        });
        let action = || format!("look at the task of {container}");
        match answer.await {
            Ok(Ok(found)) => {
                let process = found.into_inner().process.unwrap_or_default();
                Ok(Some(lifecycle(process.status())))
            }
            Ok(Err(status)) if status.code() == Code::NotFound => Ok(None),
            Ok(Err(status)) => Err(fault(action(), status.message())),
            Err(_) => Err(fault(action(), format!("no answer within {LIMIT_MS} ms"))),
        }
    }

    /// Ends a task by force and deletes it.
    pub(crate) async fn end_task(&self, namespace: &str, id: &str) -> Result<(), TargetFault> {
        let kill = KillRequest {
            container_id: id.to_owned(),
            exec_id: String::new(),
            signal: SIGKILL,
            all: true,
        };
        // Stopped already is as good; what matters is that the wait returns.
        let _ = self.tasks().kill(ask(namespace, kill)).await;
        let wait = WaitRequest { container_id: id.to_owned(), exec_id: String::new() };
        let mut client = self.tasks();
        limited(format!("wait for {id}"), client.wait(ask(namespace, wait))).await?;
        let delete = DeleteTaskRequest { container_id: id.to_owned() };
        let mut client = self.tasks();
        limited(format!("delete task {id}"), client.delete(ask(namespace, delete))).await?;
        Ok(())
    }
}

fn lifecycle(status: Wire) -> Lifecycle {
    match status {
        Wire::Unknown => Lifecycle::Unknown,
        Wire::Created => Lifecycle::Created,
        Wire::Running => Lifecycle::Running,
        Wire::Stopped => Lifecycle::Stopped,
        Wire::Paused => Lifecycle::Paused,
        Wire::Pausing => Lifecycle::Pausing,
    }
}

async fn listen(channel: Channel, prefix: String, seen: Arc<Seen>, live: watch::Sender<bool>) {
    let filters = vec![format!("namespace~=|^{prefix}|")];
    let subscribed = EventsClient::new(channel).subscribe(SubscribeRequest { filters }).await;
    let Ok(response) = subscribed else { return };
    let mut stream = response.into_inner();
    while let Ok(Some(envelope)) = stream.message().await {
        if envelope.topic == PROBE_TOPIC {
            live.send_replace(true);
        } else if let Some(event) = decode(&envelope) {
            seen.add(event);
        }
    }
}
