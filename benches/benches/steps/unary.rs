//! A unary call to a bare tonic server, over a socket, in this process.

use std::time::{Duration, Instant};

use containerd_client::services::v1::version_client::VersionClient;
use tokio::net::UnixListener;
use tokio_stream::wrappers::UnixListenerStream;
use tonic::transport::{Channel, Server};

use crate::bare;

pub(crate) struct Unary {
    channel: Channel,
    // The socket stands in it.
    _folder: tempfile::TempDir,
}

impl Unary {
    pub(crate) async fn serve() -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let socket = folder.path().join("bare.sock");
        let listener = UnixListener::bind(&socket).expect("a free path");
        let server = Server::builder().add_service(bare::version());
        tokio::spawn(server.serve_with_incoming(UnixListenerStream::new(listener)));
        let channel = containerd_client::connect(&socket).await.expect("it listens");
        Self { channel, _folder: folder }
    }

    /// What one takes, of so many, one after the other.
    pub(crate) async fn mean(&self, calls: usize) -> Duration {
        let mut client = VersionClient::new(self.channel.clone());
        let begun = Instant::now();
        for _ in 0..calls {
            client.version(()).await.expect("it answers");
        }
        begun.elapsed() / u32::try_from(calls).expect("so many are made")
    }
}
