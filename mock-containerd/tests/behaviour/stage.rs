//! A mock in memory, a namespace, and everything that it publishes.

use std::collections::HashMap;

use containerd_client::services::v1 as api;
use containerd_client::services::v1::container::Runtime;
use containerd_client::services::v1::containers_client::ContainersClient;
use containerd_client::services::v1::events_client::EventsClient;
use containerd_client::services::v1::leases_client::LeasesClient;
use containerd_client::services::v1::namespaces_client::NamespacesClient;
use containerd_client::services::v1::tasks_client::TasksClient;
use containerd_client::types::{Envelope, v1::Process};
use mock_containerd::{Builder, InMemory, MockContainerd, Profile};
use prost_types::Any;
use tonic::transport::{Channel, Endpoint};
use tonic::{Request, Status, Streaming};

pub(crate) const NAMESPACE: &str = "stage";
/// Published to learn that everything before it has come.
const MARKER: &str = "/stage/marker";

pub(crate) struct Stage {
    in_memory: Option<InMemory>,
    pub(crate) channel: Channel,
    subscription: Streaming<Envelope>,
}

impl Stage {
    pub(crate) async fn open(profile: Profile) -> Self {
        Self::of(MockContainerd::builder().profile(profile)).await
    }

    pub(crate) async fn of(builder: Builder) -> Self {
        let mock = builder.in_memory();
        let channel = Endpoint::from_static("http://mock")
            .connect_with_connector(mock.clone())
            .await
            .unwrap();
        Self { in_memory: Some(mock), ..Self::over(channel).await }
    }

    /// The mock of a stage in memory.
    pub(crate) fn mock(&self) -> &InMemory {
        self.in_memory.as_ref().expect("over a socket the test has the mock")
    }

    /// The same over a socket, where the mock may have children.
    pub(crate) async fn on_socket(builder: Builder) -> (MockContainerd, Self) {
        let mock = builder.start().await.unwrap();
        let channel = containerd_client::connect(mock.socket()).await.unwrap();
        (mock, Self::over(channel).await)
    }

    pub(crate) async fn over(channel: Channel) -> Self {
        // No header comes before the first event: the subscription must be made beside it.
        let mut subscriber = EventsClient::new(channel.clone());
        let (subscription, ()) = tokio::join!(
            async { subscriber.subscribe(api::SubscribeRequest::default()).await.unwrap() },
            publish(&channel, MARKER),
        );
        let subscription = subscription.into_inner();
        let mut stage = Self { in_memory: None, channel, subscription };
        assert_eq!(stage.next_event().await.topic, MARKER);
        stage
    }

    pub(crate) fn containers(&self) -> ContainersClient<Channel> {
        ContainersClient::new(self.channel.clone()).max_decoding_message_size(16 << 20)
    }

    pub(crate) fn tasks(&self) -> TasksClient<Channel> {
        TasksClient::new(self.channel.clone())
    }

    pub(crate) fn events(&self) -> EventsClient<Channel> {
        EventsClient::new(self.channel.clone())
    }

    pub(crate) fn leases(&self) -> LeasesClient<Channel> {
        LeasesClient::new(self.channel.clone())
    }

    pub(crate) fn namespaces(&self) -> NamespacesClient<Channel> {
        NamespacesClient::new(self.channel.clone())
    }

    pub(crate) fn subscription(&mut self) -> &mut Streaming<Envelope> {
        &mut self.subscription
    }

    pub(crate) async fn next_event(&mut self) -> Envelope {
        self.subscription.message().await.unwrap().expect("the bus goes on")
    }

    /// What was published since this was last asked.
    pub(crate) async fn published(&mut self) -> Vec<Envelope> {
        publish(&self.channel, MARKER).await;
        let mut events = Vec::new();
        loop {
            let event = self.next_event().await;
            if event.topic == MARKER {
                return events;
            }
            events.push(event);
        }
    }

    pub(crate) async fn topics(&mut self) -> Vec<String> {
        self.published().await.into_iter().map(|event| event.topic).collect()
    }

    pub(crate) async fn create_container(&self, id: &str, args: &[&str]) -> Result<(), Status> {
        let container = Some(container(id, args));
        let request = within(api::CreateContainerRequest { container });
        self.containers().create(request).await.map(drop)
    }

    pub(crate) async fn create_task(&self, id: &str) -> Result<u32, Status> {
        let request = within(api::CreateTaskRequest { container_id: id.to_owned(), ..none() });
        Ok(self.tasks().create(request).await?.into_inner().pid)
    }

    pub(crate) async fn start(&self, id: &str, exec: &str) -> Result<u32, Status> {
        let (container_id, exec_id) = (id.to_owned(), exec.to_owned());
        let request = within(api::StartRequest { container_id, exec_id });
        Ok(self.tasks().start(request).await?.into_inner().pid)
    }

    pub(crate) async fn kill(&self, id: &str, exec: &str, signal: u32) -> Result<(), Status> {
        let (container_id, exec_id) = (id.to_owned(), exec.to_owned());
        let request = within(api::KillRequest { container_id, exec_id, signal, all: false });
        self.tasks().kill(request).await.map(drop)
    }

    pub(crate) async fn exec(&self, id: &str, exec: &str, args: &[&str]) -> Result<(), Status> {
        let (container_id, exec_id) = (id.to_owned(), exec.to_owned());
        let spec = Some(process_spec(args));
        let request = within(api::ExecProcessRequest { container_id, exec_id, spec, ..none() });
        self.tasks().exec(request).await.map(drop)
    }

    pub(crate) async fn get(&self, id: &str, exec: &str) -> Result<Process, Status> {
        let (container_id, exec_id) = (id.to_owned(), exec.to_owned());
        let request = within(api::GetRequest { container_id, exec_id });
        let reply = self.tasks().get(request).await?.into_inner();
        Ok(reply.process.expect("an answer has a process"))
    }

    pub(crate) async fn wait(&self, id: &str, exec: &str) -> Result<api::WaitResponse, Status> {
        let (container_id, exec_id) = (id.to_owned(), exec.to_owned());
        let request = within(api::WaitRequest { container_id, exec_id });
        Ok(self.tasks().wait(request).await?.into_inner())
    }

    /// A container with a running init.
    pub(crate) async fn run(&self, id: &str, args: &[&str]) -> u32 {
        self.create_container(id, args).await.unwrap();
        self.create_task(id).await.unwrap();
        self.start(id, "").await.unwrap()
    }
}

async fn publish(channel: &Channel, topic: &str) {
    let event = Some(Any { type_url: "stage.Marker".to_owned(), value: Vec::new() });
    let request = within(api::PublishRequest { topic: topic.to_owned(), event });
    EventsClient::new(channel.clone()).publish(request).await.unwrap();
}

/// A request in the stage's namespace.
pub(crate) fn within<T>(message: T) -> Request<T> {
    of_namespace(NAMESPACE, message)
}

pub(crate) fn of_namespace<T>(namespace: &str, message: T) -> Request<T> {
    let mut request = Request::new(message);
    request.metadata_mut().insert("containerd-namespace", namespace.parse().unwrap());
    request
}

/// Without it nothing is found by a bare name.
pub(crate) const PATH: &str = "PATH=/usr/bin:/bin";

pub(crate) fn container(id: &str, args: &[&str]) -> api::Container {
    let process = serde_json::json!({ "args": args, "env": [PATH] });
    let spec = serde_json::json!({ "process": process, "root": { "path": "/" } });
    api::Container {
        id: id.to_owned(),
        runtime: Some(Runtime { name: "io.containerd.runc.v2".to_owned(), options: None }),
        spec: Some(json(&spec)),
        labels: HashMap::new(),
        ..none()
    }
}

pub(crate) fn process_spec(args: &[&str]) -> Any {
    json(&serde_json::json!({ "args": args, "env": [PATH] }))
}

pub(crate) fn json(value: &serde_json::Value) -> Any {
    Any { type_url: "stage.Json".to_owned(), value: value.to_string().into_bytes() }
}

pub(crate) fn none<T: Default>() -> T {
    T::default()
}
