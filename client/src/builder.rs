//! Opening a client.

use std::path::{Path, PathBuf};
use std::time::Duration;

use http::Uri;
use hyper_util::rt::TokioIo;
use tokio::net::UnixStream;
use tonic::transport::{Channel, Endpoint};
use tower::Service;

use crate::wire::{Doing, Manners, Wire};
use crate::{Client, Error, Kind};

/// Options of a client.
#[derive(Clone, Debug)]
pub struct Builder {
    namespace: String,
    manners: Manners,
    sweep_every: Duration,
    io_root: PathBuf,
}

/// Unless said otherwise.
const SWEEP_EVERY: Duration = Duration::from_secs(10);

impl Builder {
    pub(crate) fn new(namespace: String) -> Self {
        let manners = Manners::default();
        Self { namespace, manners, sweep_every: SWEEP_EVERY, io_root: std::env::temp_dir() }
    }

    /// A call may take so long; 30 s unless said otherwise, here or by a [`crate::Scope`]. The
    /// server is told, and gives up as well. Waits are no calls, and have no limit.
    pub fn deadline(mut self, limit: Duration) -> Self {
        self.manners.deadline = limit;
        self
    }

    /// A call that fails is made again at most so often: once unless said otherwise. Only what
    /// asks and had no answer is made again, and what was never sent, for want of a connection;
    /// after 50 ms, then 100 ms, and so on. See [`Error::attempts`].
    pub fn retries(mut self, most: u32) -> Self {
        self.manners.retries = most;
        self
    }

    /// While somebody waits for an exit, tasks that vanished without a word are looked for this
    /// often, by one Tasks/List for all who wait; every 10 s unless said otherwise.
    pub fn sweep_every(mut self, interval: Duration) -> Self {
        self.sweep_every = interval;
        self
    }

    /// Where the FIFOs of processes are made, each set in a private folder (0700) of its own,
    /// `laconic-fifo-<pid of the client>-…`; the temporary directory unless said otherwise. The shim
    /// must find them there by the same path.
    ///
    /// A folder is removed with its process: when that is deleted, by whoever, while a client of
    /// this crate knows of it. One that a dead client left goes when the process is loaded and
    /// deleted by another, or by `laconic clean` where it is in the temporary directory.
    pub fn io_root(mut self, folder: impl Into<PathBuf>) -> Self {
        self.io_root = folder.into();
        self
    }

    /// Dials a containerd's socket. The client is returned once its event subscription is proven
    /// live: a real daemon loses what is published while it begins, so a probe is published until
    /// it comes back, 8 times at most.
    ///
    /// RPCs: 1 + p (Events/Subscribe, p × Events/Publish) for p probes.
    pub async fn connect(self, socket: impl AsRef<Path>) -> Result<Client, Error> {
        let path: PathBuf = socket.as_ref().to_owned();
        let shown = path.display().to_string();
        let dial = tower::service_fn(move |_: Uri| {
            let path = path.clone();
            async move { UnixStream::connect(path).await.map(TokioIo::new) }
        });
        self.dialled(&shown, endpoint().connect_with_connector(dial).await).await
    }

    /// Connects through a connector, for example to a mock in memory. As [`Builder::connect`].
    ///
    /// RPCs: 1 + p (Events/Subscribe, p × Events/Publish) for p probes.
    pub async fn with_connector<C>(self, connector: C) -> Result<Client, Error>
    where
        C: Service<Uri> + Send + 'static,
        C::Response: hyper::rt::Read + hyper::rt::Write + Send + Unpin,
        C::Future: Send,
        C::Error: std::error::Error + Send + Sync + 'static,
    {
        self.dialled("the connector", endpoint().connect_with_connector(connector).await).await
    }

    async fn dialled(
        self,
        shown: &str,
        dialled: Result<Channel, tonic::transport::Error>,
    ) -> Result<Client, Error> {
        let channel = dialled.map_err(|error| {
            let cause = std::error::Error::source(&error)
                .map_or_else(|| error.to_string(), ToString::to_string);
            Error::caused(&Doing::begin("connect to", shown), Kind::Unreachable, cause, error)
        })?;
        let wire = Wire::new(channel, self.namespace, self.manners)?;
        Client::open(wire, self.sweep_every, self.io_root).await
    }
}

fn endpoint() -> Endpoint {
    // containerd takes no notice of the authority; localhost is what its own tools send.
    Endpoint::from_static("http://localhost")
}
