//! The client: one channel, one namespace, one subscription.

use std::sync::Arc;

use containerd_client::services::v1::container::Runtime;
use containerd_client::services::v1::{
    Container as Record, CreateContainerRequest, GetContainerRequest, GetRequest,
    ListContainersRequest, ListTasksRequest, MetricsRequest,
};
use containerd_client::types::v1::Process as Shown;
use tokio::sync::{Mutex, mpsc};
use tonic::Code;

use crate::connect::Builder;
use crate::events::Subscription;
use crate::registry::{Known, Name, Registry};
use crate::spec::Spec;
use crate::wire::{Wire, answer};
use crate::{Container, Error, Exit, Status, Task};

const RUNTIME: &str = "io.containerd.runc.v2";

#[derive(Debug)]
pub(crate) struct Shared {
    pub(crate) wire: Wire,
    pub(crate) registry: Arc<Registry>,
    news: Mutex<mpsc::UnboundedReceiver<ExitNews>>,
    _subscription: Subscription,
    hearing: tokio::task::JoinHandle<()>,
}

impl Drop for Shared {
    fn drop(&mut self) {
        self.hearing.abort();
    }
}

/// A connected client. Clones share everything.
#[derive(Clone, Debug)]
pub struct Client {
    pub(crate) shared: Arc<Shared>,
}

/// The server's version.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Version {
    /// For example `1.6.20`.
    pub version: String,
    /// The commit it was built from.
    pub revision: String,
}

/// An exit, told once.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ExitNews {
    /// Whose.
    pub container: String,
    /// Which exec; `None`: the init.
    pub exec: Option<String>,
    /// How.
    pub exit: Exit,
}

/// What a container is made of.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewContainer {
    id: String,
    args: Vec<String>,
    rootfs: String,
    terminal: bool,
}

impl NewContainer {
    /// A container with this id that runs this command.
    pub fn new(id: impl Into<String>, args: impl IntoIterator<Item = impl Into<String>>) -> Self {
        let args = args.into_iter().map(Into::into).collect();
        Self { id: id.into(), args, rootfs: "/".to_owned(), terminal: false }
    }

    /// The directory that is its root, mounted read-only; the host's own unless said otherwise.
    pub fn rootfs(mut self, path: impl Into<String>) -> Self {
        self.rootfs = path.into();
        self
    }

    /// Gives its init a terminal.
    pub fn terminal(mut self, terminal: bool) -> Self {
        self.terminal = terminal;
        self
    }

    /// The record that is created for it in a namespace.
    pub fn record(&self, namespace: &str) -> Record {
        let spec = Spec {
            args: &self.args,
            rootfs: &self.rootfs,
            terminal: self.terminal,
            cgroup: format!("/laconic/{namespace}/{}", self.id),
        };
        Record {
            id: self.id.clone(),
            runtime: Some(Runtime { name: RUNTIME.to_owned(), options: None }),
            spec: Some(spec.payload()),
            labels: [("laconic.run".to_owned(), namespace.to_owned())].into(),
            ..Record::default()
        }
    }
}

/// A container that a restart found again.
#[derive(Clone, Debug)]
pub struct Restored {
    /// Its handle.
    pub container: Container,
    /// Its task's handle, if it has one.
    pub task: Option<Task>,
}

impl Client {
    /// Options of a client for this namespace.
    pub fn builder(namespace: impl Into<String>) -> Builder {
        Builder { namespace: namespace.into() }
    }

    pub(crate) async fn open(wire: Wire) -> Result<Self, Error> {
        let (tell, news) = mpsc::unbounded_channel();
        let registry = Arc::new(Registry::new(tell));
        let (subscription, mut events) = Subscription::over(&wire).await?;
        let hearer = registry.clone();
        let hearing = tokio::spawn(async move {
            while let Some(event) = events.recv().await {
                hearer.hear(event);
            }
            hearer.lost();
        });
        let shared =
            Shared { wire, registry, news: Mutex::new(news), _subscription: subscription, hearing };
        Ok(Self { shared: Arc::new(shared) })
    }

    /// The server's version. One RPC.
    pub async fn version(&self) -> Result<Version, Error> {
        let wire = &self.shared.wire;
        let version = answer("ask", "the version", wire.version().version(wire.ask(()))).await?;
        Ok(Version { version: version.version, revision: version.revision })
    }

    /// The next exit of the namespace, each told once; `None` when there will be none.
    pub async fn next_exit(&self) -> Option<ExitNews> {
        self.shared.news.lock().await.recv().await
    }

    /// Creates a container record. One RPC, and no lease: a record that names no snapshot and no
    /// content is itself a root of garbage collection.
    pub async fn create(&self, new: NewContainer) -> Result<Container, Error> {
        let wire = &self.shared.wire;
        let message = CreateContainerRequest { container: Some(new.record(wire.namespace())) };
        answer("create container", &new.id, wire.containers().create(wire.ask(message))).await?;
        self.shared.registry.set((new.id.clone(), None), Known::Gone);
        Ok(self.container(new.id))
    }

    fn container(&self, id: String) -> Container {
        Container { shared: self.shared.clone(), id }
    }

    fn adopt(&self, id: &str, process: &Shown) -> Task {
        let name: Name = (id.to_owned(), None);
        self.shared.registry.learn(name, process.pid, shown_status(process));
        Task::new(self.shared.clone(), id.to_owned(), process.pid, None)
    }

    /// Handles for one container, and its task if it has one. Two RPCs.
    pub async fn load(&self, id: &str) -> Result<Restored, Error> {
        let wire = &self.shared.wire;
        let message = GetContainerRequest { id: id.to_owned() };
        answer("load container", id, wire.containers().get(wire.ask(message))).await?;
        let message = GetRequest { container_id: id.to_owned(), exec_id: String::new() };
        let task = match answer("load task", id, wire.tasks().get(wire.ask(message))).await {
            Ok(found) => found.process.map(|process| self.adopt(id, &process)),
            Err(error) if error.kind() == Code::NotFound => {
                self.shared.registry.set((id.to_owned(), None), Known::Gone);
                None
            }
            Err(error) => return Err(error),
        };
        Ok(Restored { container: self.container(id.to_owned()), task })
    }

    /// Handles for all containers of the namespace and their tasks. Two RPCs, however many.
    pub async fn restore(&self) -> Result<Vec<Restored>, Error> {
        let wire = &self.shared.wire;
        let namespace = wire.namespace();
        // Not List: that fails over 16 MiB.
        let message = ListContainersRequest { filters: Vec::new() };
        let mut listed = answer(
            "list containers of",
            namespace,
            wire.containers().list_stream(wire.ask(message)),
        )
        .await?;
        let mut ids = Vec::new();
        loop {
            let next = listed
                .message()
                .await
                .map_err(|status| Error::server("list containers of", namespace, &status))?;
            let Some(message) = next else { break };
            ids.extend(message.container.map(|container| container.id));
        }
        let message = ListTasksRequest { filter: String::new() };
        let tasks =
            answer("list tasks of", namespace, wire.tasks().list(wire.ask(message))).await?.tasks;
        let restored = ids.into_iter().map(|id| {
            let task = tasks.iter().find(|task| task.id == id).map(|task| self.adopt(&id, task));
            if task.is_none() {
                self.shared.registry.set((id.clone(), None), Known::Gone);
            }
            Restored { container: self.container(id), task }
        });
        Ok(restored.collect())
    }

    /// Metrics of many tasks. One RPC, however many; the ids that the server answered for.
    pub async fn stats_all(&self, ids: &[&str]) -> Result<Vec<String>, Error> {
        let wire = &self.shared.wire;
        let filters = ids.iter().map(|id| format!("id==\"{id}\"")).collect();
        let message = MetricsRequest { filters };
        let metrics =
            answer("read metrics of", "tasks", wire.tasks().metrics(wire.ask(message))).await?;
        Ok(metrics.metrics.into_iter().map(|metric| metric.id).collect())
    }
}

/// A process's state as the API shows it.
pub(crate) fn shown_status(process: &Shown) -> Status {
    use containerd_client::types::v1::Status as Wire;
    match process.status() {
        Wire::Created => Status::Created,
        Wire::Running => Status::Running,
        Wire::Paused | Wire::Pausing => Status::Paused,
        Wire::Stopped => Status::Stopped(Exit::new(process.exit_status, process.exited_at)),
        Wire::Unknown => Status::Unknown,
    }
}
