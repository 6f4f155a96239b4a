//! What no daemon should do, and some do: events that are told wrongly, late or once more (published,
//! as anybody may), and a record that goes before its task.

use containerd_client::events::{TaskExecStarted, TaskExit};
use containerd_client::services::v1::containers_client::ContainersClient;
use containerd_client::services::v1::events_client::EventsClient;
use containerd_client::services::v1::tasks_client::TasksClient;
use containerd_client::services::v1::{DeleteContainerRequest, PublishRequest};
use prost::{Message, Name};
use prost_types::{Any, Timestamp};
use tonic::Request;
use tonic::transport::{Channel, Endpoint};

use crate::stage::{NAMESPACE, Stage, quiet};

async fn channel(stage: &Stage) -> Channel {
    let endpoint = Endpoint::from_static("http://mock");
    endpoint.connect_with_connector(stage.mock.clone()).await.unwrap()
}

pub(crate) fn within<M>(message: M) -> Request<M> {
    let mut request = Request::new(message);
    request.metadata_mut().insert("containerd-namespace", NAMESPACE.parse().unwrap());
    request
}

/// Calls by hand.
pub(crate) async fn tasks(stage: &Stage) -> TasksClient<Channel> {
    TasksClient::new(channel(stage).await)
}

/// Deletes a container's record; its task is nobody's then.
pub(crate) async fn forget_container(stage: &Stage, id: &str) {
    let message = DeleteContainerRequest { id: id.to_owned() };
    ContainersClient::new(channel(stage).await).delete(within(message)).await.unwrap();
}

async fn publish<E: Message + Name>(stage: &Stage, topic: &str, event: E) {
    let event = Any { type_url: E::full_name(), value: event.encode_to_vec() };
    let message = PublishRequest { topic: topic.to_owned(), event: Some(event) };
    EventsClient::new(channel(stage).await).publish(within(message)).await.unwrap();
    // Heard by now.
    quiet().await;
}

/// The exit of a process of `container`: of the init, if the id is the container's.
pub(crate) async fn exit(stage: &Stage, (container, id): (&str, &str), pid: u32, how: (u32, i64)) {
    let (exit_status, seconds) = how;
    let event = TaskExit {
        container_id: container.to_owned(),
        id: id.to_owned(),
        pid,
        exit_status,
        exited_at: Some(Timestamp { seconds, nanos: 0 }),
    };
    publish(stage, "/tasks/exit", event).await;
}

pub(crate) async fn exec_started(stage: &Stage, container: &str, exec: &str, pid: u32) {
    let (container_id, exec_id) = (container.to_owned(), exec.to_owned());
    publish(stage, "/tasks/exec-started", TaskExecStarted { container_id, exec_id, pid }).await;
}
