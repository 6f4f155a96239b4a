//! Another client, which acts behind the back of the one under test.

use containerd_client::services::v1 as api;
use containerd_client::services::v1::tasks_client::TasksClient;
use mock_containerd::InMemory;
use tonic::Request;
use tonic::transport::{Channel, Endpoint};

use crate::stage::NAMESPACE;

/// Each of its calls is a connection of its own: what is cut is never its.
pub(crate) struct Foreigner {
    mock: InMemory,
}

fn within<M>(message: M) -> Request<M> {
    let mut request = Request::new(message);
    request.metadata_mut().insert("containerd-namespace", NAMESPACE.parse().unwrap());
    request
}

impl Foreigner {
    pub(crate) fn new(mock: InMemory) -> Self {
        Self { mock }
    }

    async fn tasks(&self) -> TasksClient<Channel> {
        let endpoint = Endpoint::from_static("http://mock");
        TasksClient::new(endpoint.connect_with_connector(self.mock.clone()).await.unwrap())
    }

    /// Kills a process; the init where no exec is named.
    pub(crate) async fn kill(&self, id: &str, exec: &str) {
        let (container_id, exec_id) = (id.to_owned(), exec.to_owned());
        let message = api::KillRequest { container_id, exec_id, signal: 9, all: exec.is_empty() };
        self.tasks().await.kill(within(message)).await.unwrap();
    }

    /// Deletes a task once it has exited.
    pub(crate) async fn delete(&self, id: &str) {
        let message = api::WaitRequest { container_id: id.to_owned(), exec_id: String::new() };
        self.tasks().await.wait(within(message)).await.unwrap();
        let message = api::DeleteTaskRequest { container_id: id.to_owned() };
        self.tasks().await.delete(within(message)).await.unwrap();
    }

    pub(crate) async fn kill_and_delete(&self, id: &str) {
        self.kill(id, "").await;
        self.delete(id).await;
    }

    /// Creates and starts a task of a container that there is.
    pub(crate) async fn start(&self, id: &str) -> u32 {
        let message = api::CreateTaskRequest { container_id: id.to_owned(), ..Default::default() };
        let pid = self.tasks().await.create(within(message)).await.unwrap().into_inner().pid;
        self.begin(id, "").await;
        pid
    }

    async fn begin(&self, id: &str, exec: &str) {
        let message = api::StartRequest { container_id: id.to_owned(), exec_id: exec.to_owned() };
        self.tasks().await.start(within(message)).await.unwrap();
    }

    /// Registers and starts an exec that sleeps.
    pub(crate) async fn exec(&self, id: &str, exec: &str) {
        let spec = laconic_client::process_payload(&["sleep".into(), "inf".into()], false);
        let message = api::ExecProcessRequest {
            container_id: id.to_owned(),
            exec_id: exec.to_owned(),
            spec: Some(spec),
            ..Default::default()
        };
        self.tasks().await.exec(within(message)).await.unwrap();
        self.begin(id, exec).await;
    }

    /// Deletes an exec once it has exited.
    pub(crate) async fn delete_exec(&self, id: &str, exec: &str) {
        let (container_id, exec_id) = (id.to_owned(), exec.to_owned());
        let message = api::DeleteProcessRequest { container_id, exec_id };
        self.tasks().await.delete_process(within(message)).await.unwrap();
    }

    /// The tasks that there are.
    pub(crate) async fn tasks_left(&self) -> Vec<String> {
        let message = api::ListTasksRequest::default();
        let listed = self.tasks().await.list(within(message)).await.unwrap().into_inner();
        listed.tasks.into_iter().map(|task| task.id).collect()
    }

    /// Whether an exec is there, in whatever state.
    pub(crate) async fn has_exec(&self, id: &str, exec: &str) -> bool {
        let message = api::GetRequest { container_id: id.to_owned(), exec_id: exec.to_owned() };
        self.tasks().await.get(within(message)).await.is_ok()
    }
}
