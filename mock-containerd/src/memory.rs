//! A mock without a socket: every connection is a pair of pipes in memory.

use std::future::{Ready, ready};
use std::io;
use std::ops::Deref;
use std::task::{Context, Poll};

use http::Uri;
use hyper_util::rt::TokioIo;
use tokio::io::DuplexStream;
use tower::Service;

use crate::faults::Door;
use crate::server::{Server, serve};

/// How much a connection holds before its writer waits.
const PIPE_BYTES: usize = 64 * 1024;

/// Connects to a mock in memory: give it to `Endpoint::connect_with_connector`.
///
/// ```
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// use containerd_client::services::v1::version_client::VersionClient;
/// use mock_containerd::MockContainerd;
/// use tonic::transport::Endpoint;
///
/// let mock = MockContainerd::builder().in_memory();
/// let endpoint = Endpoint::from_static("http://mock");
/// let channel = endpoint.connect_with_connector(mock.clone()).await?;
/// VersionClient::new(channel).version(()).await?;
/// assert_eq!(mock.ledger().counts().total_started(), 1);
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Debug)]
pub struct InMemory {
    server: Server,
    door: Door,
}

impl InMemory {
    pub(crate) fn new(server: Server) -> Self {
        Self { server, door: Door::Front }
    }

    /// Connects those who watch how the clients fare: faults neither touch nor count what they do.
    pub fn watchers(&self) -> Self {
        Self { door: Door::Watchers, ..self.clone() }
    }
}

impl Deref for InMemory {
    type Target = Server;

    fn deref(&self) -> &Server {
        &self.server
    }
}

impl Service<Uri> for InMemory {
    type Response = TokioIo<DuplexStream>;
    type Error = io::Error;
    type Future = Ready<io::Result<Self::Response>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, _: Uri) -> Self::Future {
        let (ours, theirs) = tokio::io::duplex(PIPE_BYTES);
        let arrival = self.server.arrive(self.door);
        tokio::spawn(serve(ours, self.server.clone(), arrival));
        ready(Ok(TokioIo::new(theirs)))
    }
}
