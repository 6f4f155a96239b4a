//! The client: one channel, one namespace, one subscription.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use containerd_client::services::v1::MetricsRequest;
use tokio::runtime::Handle;
use tokio::sync::watch;

use crate::finish::Undoing;
use crate::registry::Registry;
use crate::upkeep::Upkeep;
use crate::wire::{self, Doing, Wire, operation};
use crate::{Builder, Connection, Error, ExitNews, Stats};

/// Before what failed for want of a connection is tried again.
const AGAIN: Duration = Duration::from_millis(50);

#[derive(Debug)]
pub(crate) struct Shared {
    pub(crate) wire: Wire,
    pub(crate) registry: Arc<Registry>,
    /// Where what is abandoned is undone.
    pub(crate) undoing: Undoing,
    pub(crate) runtime: Handle,
    /// Where FIFOs are made.
    pub(crate) io_root: PathBuf,
    _upkeep: Upkeep,
}

impl Shared {
    /// Waits a moment, and then until the event stream is whole: that a connection broke just now
    /// may not have been noticed there yet.
    pub(crate) async fn live(&self) {
        let mut connection = self.registry.connection().subscribe();
        tokio::time::sleep(AGAIN).await;
        let whole = |connection: &Connection| matches!(connection, Connection::Live { .. });
        // The sender lives as long as the registry does.
        let _ = connection.wait_for(whole).await;
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

impl Client {
    /// Options of a client for this namespace.
    pub fn builder(namespace: impl Into<String>) -> Builder {
        Builder::new(namespace.into())
    }

    pub(crate) async fn open(
        wire: Wire,
        sweep_every: Duration,
        io_root: PathBuf,
    ) -> Result<Self, Error> {
        let beginning = Upkeep::begin(&wire, sweep_every);
        let (upkeep, registry) = operation("connect", wire.namespace(), None, beginning).await?;
        let (undoing, runtime) = (Undoing::here(), Handle::current());
        let shared = Shared { wire, registry, undoing, runtime, io_root, _upkeep: upkeep };
        Ok(Self { shared: Arc::new(shared) })
    }

    /// How it stands to its daemon, now and as it changes. No RPC. The same is said in `tracing`
    /// events.
    pub fn connection(&self) -> watch::Receiver<Connection> {
        self.shared.registry.connection().subscribe()
    }

    /// The server's version.
    ///
    /// RPCs: 1 (Version/Version).
    pub async fn version(&self) -> Result<Version, Error> {
        let wire = &self.shared.wire;
        operation("version", wire.namespace(), None, async {
            let doing = Doing::begin("ask", "the version");
            let version = wire.call(&doing, &wire::version::VERSION, ()).await?;
            Ok(Version { version: version.version, revision: version.revision })
        })
        .await
    }

    /// Waits until all that was abandoned, or failed half-way, is undone: before the same id is used
    /// again, or the program ends. At most 30 s, and the deadline of what is waited for.
    ///
    /// RPCs: 0.
    pub async fn undone(&self) {
        self.shared.undoing.done().await;
    }

    /// The next exit of the namespace, each told once, by whichever clone asks first.
    ///
    /// A process ends once: when an event tells it, when a deletion tells it, when a comparison
    /// after a lost stream finds it, or with an unknown status when it is gone and nothing tells.
    /// What was found to have exited already by [`Client::load`], [`Client::restore`] or
    /// [`crate::Task::attach_exec`] is no news. 65,536 exits wait to be asked for; then the oldest
    /// is given up.
    ///
    /// RPCs: 0.
    pub async fn next_exit(&self) -> ExitNews {
        self.shared.registry.news().next().await
    }

    /// Metrics of many tasks, by their containers' ids. Whom the server has none of is not among them.
    ///
    /// RPCs: 1 (Tasks/Metrics), however many.
    pub async fn stats_all(&self, ids: &[&str]) -> Result<BTreeMap<String, Stats>, Error> {
        let wire = &self.shared.wire;
        let filters = ids.iter().map(|id| format!("id==\"{id}\"")).collect();
        let message = MetricsRequest { filters };
        operation("stats-all", wire.namespace(), None, async {
            let doing = Doing::begin("read metrics of", "tasks");
            let metrics = wire.call(&doing, &wire::tasks::METRICS, message).await?;
            Ok(metrics.metrics.into_iter().filter_map(Stats::told).collect())
        })
        .await
    }
}
