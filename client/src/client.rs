//! The client: one channel, one namespace, one subscription.

use std::sync::Arc;

use containerd_client::services::v1::{CreateContainerRequest, MetricsRequest};
use tokio::sync::{Mutex, mpsc};

use crate::events::Subscription;
use crate::registry::{Known, Registry};
use crate::wire::{self, Doing, Wire};
use crate::{Builder, Container, Error, Exit, NewContainer};

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

impl Client {
    /// Options of a client for this namespace.
    pub fn builder(namespace: impl Into<String>) -> Builder {
        Builder::new(namespace.into())
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
        let doing = Doing::begin("ask", "the version");
        let version = wire.call(&doing, &wire::version::VERSION, ()).await?;
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
        let doing = Doing::begin("create container", &new.id);
        wire.call(&doing, &wire::containers::CREATE, message).await?;
        self.shared.registry.set((new.id.clone(), None), Known::Gone);
        Ok(self.container(new.id))
    }

    pub(crate) fn container(&self, id: String) -> Container {
        Container { shared: self.shared.clone(), id }
    }

    /// Metrics of many tasks. One RPC, however many; the ids that the server answered for.
    pub async fn stats_all(&self, ids: &[&str]) -> Result<Vec<String>, Error> {
        let wire = &self.shared.wire;
        let filters = ids.iter().map(|id| format!("id==\"{id}\"")).collect();
        let message = MetricsRequest { filters };
        let doing = Doing::begin("read metrics of", "tasks");
        let metrics = wire.call(&doing, &wire::tasks::METRICS, message).await?;
        Ok(metrics.metrics.into_iter().map(|metric| metric.id).collect())
    }
}
