//! Single RPCs, each as Moby's containerd client made them.

use std::future::Future;
use std::time::Duration;

use containerd_client::services::v1::containers_client::ContainersClient;
use containerd_client::services::v1::leases_client::LeasesClient;
use containerd_client::services::v1::tasks_client::TasksClient;
use containerd_client::services::v1::version_client::VersionClient;
use containerd_client::services::v1::{
    Container, CreateRequest, DeleteProcessRequest, DeleteRequest, DeleteResponse,
    DeleteTaskRequest, GetContainerRequest, GetRequest, StartRequest,
};
use containerd_client::types::v1::Process as Shown;
use driver_protocol::{ErrorKind, Refusal};
use tonic::transport::Channel;
use tonic::{Request, Response, Status};

use crate::kind;

/// A call that takes longer is given up.
const CALL_LIMIT_MS: u64 = 30_000;

pub(super) struct Calls {
    channel: Channel,
    namespace: String,
}

/// Raw: the kind is the code that came.
pub(super) fn refusal(status: &Status) -> Refusal {
    let code = kind(status.code());
    Refusal { kind: code, code: Some(code), message: status.message().to_owned() }
}

pub(super) async fn answer<T>(
    call: impl Future<Output = Result<Response<T>, Status>>,
) -> Result<T, Refusal> {
    match tokio::time::timeout(Duration::from_millis(CALL_LIMIT_MS), call).await {
        Ok(Ok(response)) => Ok(response.into_inner()),
        Ok(Err(status)) => Err(refusal(&status)),
        Err(_) => Err(Refusal {
            kind: ErrorKind::DeadlineExceeded,
            code: None,
            message: format!("no answer within {CALL_LIMIT_MS} ms"),
        }),
    }
}

impl Calls {
    pub(super) fn new(channel: Channel, namespace: String) -> Self {
        Self { channel, namespace }
    }

    pub(super) fn namespace(&self) -> &str {
        &self.namespace
    }

    pub(super) fn ask<T>(&self, message: T) -> Request<T> {
        let mut request = Request::new(message);
        // A namespace that is not ASCII is refused when the subscription is opened.
        if let Ok(namespace) = self.namespace.parse() {
            request.metadata_mut().insert("containerd-namespace", namespace);
        }
        request
    }

    /// The same, for what is made under a lease.
    pub(super) fn ask_under<T>(&self, lease: &str, message: T) -> Request<T> {
        let mut request = self.ask(message);
        if let Ok(lease) = lease.parse() {
            request.metadata_mut().insert("containerd-lease", lease);
        }
        request
    }

    pub(super) fn channel(&self) -> Channel {
        self.channel.clone()
    }

    pub(super) fn containers(&self) -> ContainersClient<Channel> {
        ContainersClient::new(self.channel.clone())
    }

    pub(super) fn tasks(&self) -> TasksClient<Channel> {
        TasksClient::new(self.channel.clone())
    }

    pub(super) fn version(&self) -> VersionClient<Channel> {
        VersionClient::new(self.channel.clone())
    }

    fn leases(&self) -> LeasesClient<Channel> {
        LeasesClient::new(self.channel.clone())
    }

    pub(super) async fn create_lease(&self) -> Result<String, Refusal> {
        let message = CreateRequest::default();
        let created = answer(self.leases().create(self.ask(message))).await?;
        Ok(created.lease.unwrap_or_default().id)
    }

    pub(super) async fn delete_lease(&self, id: String) -> Result<(), Refusal> {
        answer(self.leases().delete(self.ask(DeleteRequest { id, sync: false }))).await
    }

    pub(super) async fn get_container(&self, id: &str) -> Result<Container, Refusal> {
        let message = GetContainerRequest { id: id.to_owned() };
        let found = answer(self.containers().get(self.ask(message))).await?;
        Ok(found.container.unwrap_or_default())
    }

    pub(super) async fn get(&self, id: &str, exec: &str) -> Result<Shown, Refusal> {
        let message = GetRequest { container_id: id.to_owned(), exec_id: exec.to_owned() };
        let found = answer(self.tasks().get(self.ask(message))).await?;
        Ok(found.process.unwrap_or_default())
    }

    pub(super) async fn start(&self, id: &str, exec: &str) -> Result<u32, Refusal> {
        let message = StartRequest { container_id: id.to_owned(), exec_id: exec.to_owned() };
        Ok(answer(self.tasks().start(self.ask(message))).await?.pid)
    }

    pub(super) async fn delete_task(&self, id: &str) -> Result<DeleteResponse, Refusal> {
        let message = DeleteTaskRequest { container_id: id.to_owned() };
        answer(self.tasks().delete(self.ask(message))).await
    }

    pub(super) async fn delete_process(
        &self,
        id: &str,
        exec: &str,
    ) -> Result<DeleteResponse, Refusal> {
        let message =
            DeleteProcessRequest { container_id: id.to_owned(), exec_id: exec.to_owned() };
        answer(self.tasks().delete_process(self.ask(message))).await
    }
}
