//! A proxy that lets things go wrong between a client and any containerd.
//!
//! `serve.rs` takes a connection and dials one of its own for it; `forward.rs` passes calls on as they
//! come; `events.rs` looks into the stream of events; `hand.rs` does what is to be done once a call has
//! been answered, with the help of whoever has the daemon in his hands (`daemon.rs`).

mod daemon;
mod events;
mod forward;
mod hand;
mod serve;

use std::path::{Path, PathBuf};
use std::sync::Arc;

use rpc_ledger::{ConnectionId, Ledger};
use tokio::sync::watch;
use tokio::task::JoinHandle;

use super::{Arrivals, Door, Engine, Faults, Fired, Hands, Lines};
use crate::StartError;
use crate::mock::{accept, listen};

use events::Judge;
use hand::{Hand, HandParts};
use serve::{Parts, serve};

pub use daemon::{Daemon, Taking};

/// What a proxy is to be.
///
/// ```
/// use mock_containerd::faults::{Faults, Proxy, When};
///
/// let faults = Faults::default().rpc("Tasks/Kill", When::After, "1*error(unavailable)")?;
/// let builder = Proxy::to("/run/containerd/containerd.sock").faults(faults);
/// # Ok::<(), String>(())
/// ```
#[must_use]
pub struct ProxyBuilder {
    upstream: PathBuf,
    faults: Faults,
    daemon: Option<Arc<dyn Daemon>>,
}

impl ProxyBuilder {
    /// Lets things go wrong from the first call on.
    pub fn faults(mut self, faults: Faults) -> Self {
        self.faults = faults;
        self
    }

    /// Has `[[daemon]]` done by these hands.
    pub fn daemon(mut self, daemon: Arc<dyn Daemon>) -> Self {
        self.daemon = Some(daemon);
        self
    }

    /// Listens on a socket. Whoever is behind need not be there yet: it is dialled for each connection.
    pub async fn listen(self, socket: &Path) -> Result<Proxy, StartError> {
        let Self { upstream, faults, daemon } = self;
        let (engine, lines, forwarded) = (Engine::default(), Lines::default(), Ledger::new());
        engine.add(faults);
        let (away, _) = watch::channel(false);
        let hand = Hand::new(HandParts {
            engine: engine.clone(),
            lines: lines.clone(),
            forwarded: forwarded.clone(),
            daemon,
            away: away.clone(),
        });
        let judge = Judge::new(engine.clone());
        let parts = Arc::new(Parts {
            upstream,
            front: Ledger::new(),
            forwarded,
            hands: Arc::new(Hands { engine, hand, interleave: None }),
            lines,
            judge,
            away,
        });
        let listener = listen(socket).await?;
        let (arrivals, serving) = (Arrivals::default(), parts.clone());
        let arriving = arrivals.clone();
        let accepting = tokio::spawn(accept(listener, move |io| {
            serve(io, serving.clone(), arriving.arrive(&serving.front, Door::Front))
        }));
        Ok(Proxy { socket: socket.to_owned(), parts, arrivals, accepting })
    }
}

/// A proxy that runs. Dropping it ends its connections and removes its socket.
///
/// It passes on every call, whatever its method, as it comes: metadata, messages both ways, trailers, and
/// that somebody gave up. Faults are those of the mock, in the same files. Calls are counted by rule and
/// namespace, events once, however many streams tell them, as the first of these streams tells them.
///
/// ```
/// use containerd_client::services::v1::version_client::VersionClient;
/// use mock_containerd::MockContainerd;
/// use mock_containerd::faults::{Faults, Proxy, When};
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// // Any containerd: here it is a mock.
/// let behind = MockContainerd::builder().start().await?;
/// let folder = tempfile::tempdir()?;
/// let faults = Faults::default().rpc("Version/Version", When::Before, "1*error(unavailable)")?;
/// let socket = folder.path().join("proxy.sock");
/// let proxy = Proxy::to(behind.socket()).faults(faults).listen(&socket).await?;
///
/// let mut client = VersionClient::new(containerd_client::connect(proxy.socket()).await?);
/// assert_eq!(client.version(()).await.unwrap_err().code(), tonic::Code::Unavailable);
/// assert_eq!(client.version(()).await?.into_inner().version, "1.6.20");
/// assert_eq!(proxy.fired().len(), 1);
/// assert_eq!(proxy.ledger().counts().total_started(), 2);
/// assert_eq!(proxy.forwarded().counts().total_started(), 1);
/// # Ok(())
/// # }
/// ```
pub struct Proxy {
    socket: PathBuf,
    parts: Arc<Parts>,
    arrivals: Arrivals,
    accepting: JoinHandle<()>,
}

impl std::fmt::Debug for Proxy {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let mut told = f.debug_struct("Proxy");
        told.field("socket", &self.socket).field("upstream", &self.parts.upstream).finish()
    }
}

impl Proxy {
    /// Begins one, to a socket that a containerd serves.
    pub fn to(upstream: impl Into<PathBuf>) -> ProxyBuilder {
        ProxyBuilder { upstream: upstream.into(), faults: Faults::default(), daemon: None }
    }

    /// Where it listens.
    pub fn socket(&self) -> &Path {
        &self.socket
    }

    /// What clients called.
    pub fn ledger(&self) -> &Ledger {
        &self.parts.front
    }

    /// What was passed on. What else was called, the proxy answered itself, or it was cut before.
    pub fn forwarded(&self) -> &Ledger {
        &self.parts.forwarded
    }

    /// The connections that were made, by their numbers in [`Self::ledger`], in order.
    pub fn connections(&self) -> Vec<ConnectionId> {
        self.arrivals.in_order()
    }

    /// Adds faults. What they count begins now.
    pub fn add(&self, faults: Faults) {
        self.engine().add(faults);
    }

    /// Takes all faults back. Events that were held are told; shims that hang go on hanging.
    pub fn clear(&self) {
        self.engine().clear();
        self.parts.judge.release();
    }

    /// What fired, in order; the first 65,536.
    pub fn fired(&self) -> Vec<Fired> {
        self.engine().fired()
    }

    /// What fired in one namespace, in order.
    pub fn fired_in(&self, namespace: &str) -> Vec<Fired> {
        self.engine().fired_in(namespace)
    }

    /// The faults that nothing has set off, as they are written.
    pub fn unfired(&self) -> Vec<String> {
        self.engine().unfired()
    }

    /// A test begins in a namespace: what is drawn there is drawn for its name.
    pub fn enter(&self, namespace: &str, name: &str) {
        self.engine().enter(namespace, name);
    }

    /// The test is over: what hangs in its namespace goes on, and what was counted and fired there is
    /// forgotten.
    pub fn leave(&self, namespace: &str) {
        self.engine().leave(namespace);
        self.parts.hands.hand.wake_all(namespace);
    }

    fn engine(&self) -> &Engine {
        &self.parts.hands.engine
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        self.accepting.abort();
        let _ = std::fs::remove_file(&self.socket);
    }
}
