//! The calls that are timed, and what has to be there for them.

use std::path::Path;

use containerd_client::services::v1 as api;
use containerd_client::services::v1::containers_client::ContainersClient;
use containerd_client::services::v1::namespaces_client::NamespacesClient;
use containerd_client::services::v1::tasks_client::TasksClient;
use containerd_client::services::v1::version_client::VersionClient;
use tonic::Request;
use tonic::transport::Channel;

use crate::requests::{self, within};

pub(crate) const METHODS: [Method; 3] = [Method::Version, Method::ContainersGet, Method::TasksGet];
const ID: &str = "bench";
/// Near to what a runtime spec of dockerd's takes.
const SPEC_BYTES: usize = 4096;

#[derive(Clone, Copy, Debug)]
pub(crate) enum Method {
    Version,
    ContainersGet,
    TasksGet,
}

impl Method {
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Version => "Version/Version",
            Self::ContainersGet => "Containers/Get",
            Self::TasksGet => "Tasks/Get",
        }
    }
}

/// A connection, with a container and a running task behind it.
#[derive(Clone)]
pub(crate) struct Calls {
    channel: Channel,
    namespace: String,
}

impl Calls {
    /// Makes the container and its task. A bare server takes these calls, too, and does nothing.
    pub(crate) async fn prepare(channel: Channel, rootfs: &Path) -> Self {
        let calls = Self { channel, namespace: format!("laconic-bench-{}", std::process::id()) };
        let container = Some(container(rootfs));
        let request = calls.within(api::CreateContainerRequest { container });
        calls.containers().create(request).await.expect("the container is made");
        let container_id = ID.to_owned();
        let request =
            api::CreateTaskRequest { container_id: container_id.clone(), ..Default::default() };
        calls.tasks().create(calls.within(request)).await.expect("the task is made");
        let request = api::StartRequest { container_id, exec_id: String::new() };
        calls.tasks().start(calls.within(request)).await.expect("the task starts");
        calls
    }

    pub(crate) async fn make(&self, method: Method) {
        match method {
            Method::Version => {
                let mut version = VersionClient::new(self.channel.clone());
                version.version(()).await.expect("a version");
            }
            Method::ContainersGet => {
                let request = self.within(api::GetContainerRequest { id: ID.to_owned() });
                self.containers().get(request).await.expect("the container");
            }
            Method::TasksGet => {
                let request = self.within(api::GetRequest {
                    container_id: ID.to_owned(),
                    exec_id: String::new(),
                });
                self.tasks().get(request).await.expect("the task");
            }
        }
    }

    /// Ends the task and forgets the container; a server that has none says so, and that is fine.
    pub(crate) async fn clean_up(self) {
        let id = || ID.to_owned();
        let kill = api::KillRequest { container_id: id(), signal: 9, all: true, ..<_>::default() };
        let _ = self.tasks().kill(self.within(kill)).await;
        let wait = api::WaitRequest { container_id: id(), exec_id: String::new() };
        let _ = self.tasks().wait(self.within(wait)).await;
        let delete = api::DeleteTaskRequest { container_id: id() };
        let _ = self.tasks().delete(self.within(delete)).await;
        let delete = api::DeleteContainerRequest { id: id() };
        let _ = self.containers().delete(self.within(delete)).await;
        let request = api::DeleteNamespaceRequest { name: self.namespace.clone() };
        let _ = NamespacesClient::new(self.channel.clone()).delete(request).await;
    }

    fn containers(&self) -> ContainersClient<Channel> {
        ContainersClient::new(self.channel.clone())
    }

    fn tasks(&self) -> TasksClient<Channel> {
        TasksClient::new(self.channel.clone())
    }

    fn within<T>(&self, message: T) -> Request<T> {
        within(&self.namespace, message)
    }
}

/// A container that sleeps, with a spec of the usual size.
pub(crate) fn container(rootfs: &Path) -> api::Container {
    let spec = serde_json::json!({
        "ociVersion": "1.0.2",
        "process": {
            "args": ["/bin/sleep", "inf"], "cwd": "/", "user": { "uid": 0, "gid": 0 },
            "env": [format!("FILLER={}", "x".repeat(SPEC_BYTES))],
        },
        "root": { "path": rootfs, "readonly": true },
        "mounts": [
            { "destination": "/proc", "type": "proc", "source": "proc" },
            // The root file system is read-only, and runc makes devices.
            { "destination": "/dev", "type": "tmpfs", "source": "tmpfs" },
        ],
        "linux": { "namespaces": [{ "type": "pid" }, { "type": "mount" }] },
    });
    requests::container(ID.to_owned(), &spec)
}
