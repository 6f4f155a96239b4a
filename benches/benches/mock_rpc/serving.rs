//! The servers of our own, as processes serve them.

use std::path::Path;

use containerd_client::services::v1 as api;
use containerd_client::types::v1::{Process, Status as Shown};
use mock_containerd::MockContainerd;
use prost_types::Timestamp;
use tokio::net::UnixListener;
use tokio_stream::wrappers::UnixListenerStream;
use tonic::transport::Server;

use crate::bare::{self, Bare};
use crate::calls::container;

service!(Containers: "containerd.services.containers.v1.Containers" / "Get",
    api::GetContainerRequest => api::GetContainerResponse);
service!(Tasks: "containerd.services.tasks.v1.Tasks" / "Get",
    api::GetRequest => api::GetResponse);

/// A bare tonic server: the replies are those of the mock.
pub(crate) async fn bare(socket: &str) {
    let now = Some(Timestamp { seconds: 1_652_140_800, nanos: 1 });
    let mut container = container(Path::new("/"));
    (container.created_at, container.updated_at) = (now, now);
    let process = Process {
        id: container.id.clone(),
        pid: (1 << 22) + 1,
        status: Shown::Running.into(),
        exited_at: Some(Timestamp { seconds: -62_135_596_800, nanos: 0 }),
        ..Process::default()
    };
    let listener = UnixListener::bind(socket).expect("a free path");
    Server::builder()
        .add_service(bare::version())
        .add_service(Bare::<Containers>(api::GetContainerResponse { container: Some(container) }))
        .add_service(Bare::<Tasks>(api::GetResponse { process: Some(process) }))
        .serve_with_incoming(UnixListenerStream::new(listener))
        .await
        .expect("it serves until it is killed");
}

pub(crate) async fn mock(socket: &str) {
    let _mock = MockContainerd::builder().socket(socket).start().await.expect("a free path");
    std::future::pending::<()>().await;
}
