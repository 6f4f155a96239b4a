//! containerd.services.events.v1.

use containerd_client::services::v1::{ForwardRequest, PublishRequest, SubscribeRequest};
use containerd_client::types::Envelope;
use tokio_stream::StreamExt;
use tonic::codegen::BoxStream;
use tonic::{Code, Request, Response, Status};

use super::Answer;
use super::request::caller;
use crate::Profile;
use crate::clock;
use crate::faults::Door;
use crate::state::{Failure, check_identifier, parse_all};
use crate::stubs::containerd::services::events::v1::events_server;
use crate::world::World;

#[derive(Clone, Debug)]
pub(crate) struct Events(pub(crate) World);

type Told = Result<Envelope, Status>;

impl Events {
    /// Passes an event on as it came, whichever socket it came by.
    pub(crate) fn accept(&self, request: ForwardRequest) -> Result<(), Failure> {
        let mut envelope = request.envelope.unwrap_or_default();
        check_identifier(&envelope.namespace).map_err(|error| {
            Failure::invalid(format!("event envelope has invalid namespace: {error}"))
        })?;
        check_topic(&envelope.topic)?;
        if self.0.profile() > Profile::V1_6 {
            // Later versions read none as the beginning of Unix time.
            envelope.timestamp.get_or_insert_default();
        }
        if envelope.timestamp.is_none_or(|timestamp| timestamp == clock::GO_ZERO) {
            return Err(Failure::invalid("timestamp must be set on forwarded event"));
        }
        self.0.change(|state| state.publish(envelope));
        Ok(())
    }
}

#[tonic::async_trait]
impl events_server::Events for Events {
    async fn publish(&self, request: Request<PublishRequest>) -> Answer<()> {
        let namespace = caller(request.metadata()).ok_or_else(|| {
            let message = "failed publishing event: namespace is required: failed precondition";
            Status::failed_precondition(message)
        })?;
        let request = request.into_inner();
        check_topic(&request.topic)?;
        self.0.change(|state| {
            state.publish(Envelope {
                timestamp: Some(state.clock.now()),
                namespace,
                topic: request.topic,
                event: request.event,
            });
        });
        Ok(Response::new(()))
    }

    async fn forward(&self, request: Request<ForwardRequest>) -> Answer<()> {
        self.accept(request.into_inner())?;
        Ok(Response::new(()))
    }

    async fn subscribe(&self, request: Request<SubscribeRequest>) -> Answer<BoxStream<Envelope>> {
        let door = request.extensions().get::<Door>().copied().unwrap_or_default();
        let filters = parse_all(&request.into_inner().filters).map_err(|error| {
            let message =
                format!("subscription error: failed parsing subscription filters: {error}");
            Failure::plain(Code::Unknown, message)
        })?;
        let mut events = self.0.bus().subscribe(filters, door);
        // The real one sends no headers before the first event: neither do we, so that a client
        // that awaits them hangs here as it would there.
        let first = events.next().await.map(|event| event.map_err(Status::from));
        let rest = futures_util::stream::unfold(events, |mut events| async {
            let event: Told = events.next().await?.map_err(Status::from);
            Some((event, events))
        });
        Ok(Response::new(Box::pin(tokio_stream::iter(first).chain(rest))))
    }
}

fn check_topic(topic: &str) -> Result<(), Failure> {
    let invalid = |what: &str| Err(Failure::invalid(format!("envelope topic {topic:?}: {what}")));
    let Some(rest) = topic.strip_prefix('/') else {
        return invalid(if topic.is_empty() { "must not be empty" } else { "must start with '/'" });
    };
    if rest.is_empty() {
        return invalid("must have at least one component");
    }
    for component in rest.split('/') {
        if let Err(error) = check_identifier(component) {
            return invalid(&format!("failed validation on component {component:?}: {error}"));
        }
    }
    Ok(())
}
