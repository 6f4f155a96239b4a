//! containerd.services.streaming.v1: a stream has a name, and waits until a transfer uses it.

use containerd_client::services::v1::StreamInit;
use prost::Name;
use prost_types::Any;
use tonic::codegen::BoxStream;
use tonic::{Request, Response, Status, Streaming};

use super::Answer;
use super::request::{caller, lease};
use crate::anys::{inside, known};
use crate::streams::{Wire, answers};
use crate::stubs::containerd::services::streaming::v1::streaming_server;
use crate::world::World;

#[derive(Debug)]
pub(crate) struct Streams(pub(crate) World);

#[tonic::async_trait]
impl streaming_server::Streaming for Streams {
    async fn stream(&self, request: Request<Streaming<Any>>) -> Answer<BoxStream<Any>> {
        // Without a namespace it has a name nevertheless.
        let namespace = caller(request.metadata()).unwrap_or_default();
        let lease = lease(&request);
        let mut from = request.into_inner();
        let profile = self.0.profile();
        let first = from
            .message()
            .await
            .map_err(|status| crate::refusal::unread(profile, &status, true).unwrap_or(status))?
            .ok_or_else(|| Status::unknown("EOF"))?;
        let name = known(&first.type_url)?;
        if name != StreamInit::full_name() {
            let (have, want) = (name, StreamInit::full_name());
            let what = format!("can't unmarshal type {have:?} to output {want:?}");
            return Err(Status::unknown(what));
        }
        let init: StreamInit = inside(profile, &first)?;
        self.0.change(|state| state.take_stream(&namespace, &init.id, lease))?;
        let (to, answers) = answers();
        let registered = Any { type_url: "google.protobuf.Empty".to_owned(), value: Vec::new() };
        to.send(registered).await.expect("its reader is here");
        self.0.streams().put((namespace, init.id), Wire { from, to });
        Ok(Response::new(Box::pin(answers)))
    }
}
