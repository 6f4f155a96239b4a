//! Mocks, as a kind of server.

use std::path::PathBuf;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use containerd_client::services::v1::tasks_client::TasksClient;
use containerd_client::services::v1::{KillRequest, WaitRequest};
use mock_containerd::faults::TasksAfter;
use mock_containerd::{MockContainerd, ProcessScript, Profile, SandboxScript};
use tempfile::TempDir;
use tonic::{Request, Status};

use crate::case::Need;
use crate::log::Watcher;
use crate::server::{Ground, Kind, Pending, Server};
use crate::step::Deed;

/// How long it takes a program to use more memory than it may.
const HUNGER: Duration = Duration::from_millis(20);

/// A runtime that is none of runc's.
const SANDBOXING: &str = "io.containerd.pause.v1";

pub(crate) struct Mocks(pub(crate) Profile);

struct Held {
    socket: PathBuf,
    mock: Mutex<Option<MockContainerd>>,
    _folder: TempDir,
}

impl Kind for Mocks {
    fn has(&self, _: Need) -> bool {
        true
    }

    fn start(&self) -> Pending<'_, Server> {
        Box::pin(async {
            // A mock has no memory that could run out: the case's program is told to.
            let hungry = ProcessScript::runs_until_killed().runs_out_of_memory(HUNGER);
            let builder = MockContainerd::builder().profile(self.0).process("dd", hungry);
            let builder = builder.sandboxes(SANDBOXING, SandboxScript::pauses());
            let mock = builder.start().await.unwrap();
            let socket = mock.socket().to_owned();
            let channel = containerd_client::connect(&socket).await.unwrap();
            let folder = tempfile::tempdir().unwrap();
            let version = match self.0 {
                Profile::V1_6 => "1.6",
                Profile::V1_7 => "1.7",
                Profile::V2_1 => "2.1",
            };
            let root = folder.path().join("root");
            Server {
                watcher: Watcher::start(&channel).await,
                socket: socket.clone(),
                version,
                stands_in: true,
                prefix: "observed-".to_owned(),
                rootfs: folder.path().join("rootfs"),
                state: folder.path().join("state"),
                root,
                sandboxing: SANDBOXING.to_owned(),
                folder: folder.path().to_owned(),
                ground: Arc::new(Held { socket, mock: Mutex::new(Some(mock)), _folder: folder }),
            }
        })
    }
}

impl Ground for Held {
    fn perform(&self, deed: Deed, namespace: String) -> Pending<'_, Result<(), String>> {
        Box::pin(async move {
            if let Deed::KillProcess { container, .. } = deed {
                return self.exits(namespace, container).await;
            }
            let mock = self.mock.lock().unwrap();
            let faults = mock.as_ref().ok_or("the mock was ended")?.faults();
            match deed {
                // Stopping cuts the connections, and starting finds what has become of the tasks:
                // a restart does both.
                Deed::Stop | Deed::Start => faults.restart(TasksAfter::Kept),
                Deed::KillShim { container } if faults.kill_shim(&namespace, &container) => {}
                other => return Err(format!("cannot do this on the mock: {other:?}")),
            }
            Ok(())
        })
    }

    fn end(&self) -> Pending<'_, ()> {
        drop(self.mock.lock().unwrap().take());
        Box::pin(async {})
    }
}

impl Held {
    /// A container's process ends by itself: its pid is nobody's, so the mock is told.
    async fn exits(&self, namespace: String, container: String) -> Result<(), String> {
        let socket = self.socket.clone();
        let channel = containerd_client::connect(socket).await.map_err(|e| e.to_string())?;
        let mut tasks = TasksClient::new(channel);
        let kill = KillRequest { container_id: container.clone(), signal: 9, ..Default::default() };
        let wait = WaitRequest { container_id: container, ..Default::default() };
        let told = |status: Status| status.message().to_owned();
        tasks.kill(within(&namespace, kill)).await.map_err(told)?;
        tasks.wait(within(&namespace, wait)).await.map_err(told)?;
        Ok(())
    }
}

fn within<T>(namespace: &str, message: T) -> Request<T> {
    let mut request = Request::new(message);
    let namespace = namespace.parse().expect("a case's name is a header");
    request.metadata_mut().insert("containerd-namespace", namespace);
    request
}
