//! grpc.health.v1: the server as a whole is well, and nothing else is known.

use std::convert::Infallible;
use std::task::{Context, Poll};

use prost::Message;
use tonic::codegen::{Body, BoxFuture, BoxStream, StdError};
use tonic::server::{Grpc, NamedService, UnaryService};
use tonic::{Request, Response, Status};
use tonic_health::pb::health_check_response::ServingStatus;
use tonic_health::pb::health_server::{self, HealthServer};
use tonic_health::pb::{HealthCheckRequest, HealthCheckResponse};
use tonic_prost::ProstCodec;
use tower::Service;

use super::Answer;
use crate::Profile;

/// A method that came with 2.1, and that the stubs do not have yet.
const LIST: &str = "/grpc.health.v1.Health/List";

#[derive(Clone, Copy, Debug)]
pub(crate) struct Health;

fn told(status: ServingStatus) -> HealthCheckResponse {
    HealthCheckResponse { status: status.into() }
}

#[tonic::async_trait]
impl health_server::Health for Health {
    async fn check(&self, request: Request<HealthCheckRequest>) -> Answer<HealthCheckResponse> {
        match request.into_inner().service.as_str() {
            "" => Ok(Response::new(told(ServingStatus::Serving))),
            _ => Err(Status::not_found("unknown service")),
        }
    }

    type WatchStream = BoxStream<HealthCheckResponse>;

    async fn watch(
        &self,
        request: Request<HealthCheckRequest>,
    ) -> Answer<BoxStream<HealthCheckResponse>> {
        let status = match request.into_inner().service.as_str() {
            "" => ServingStatus::Serving,
            _ => ServingStatus::ServiceUnknown,
        };
        // Nothing ever changes: after the first answer the stream stays open.
        let first = tokio_stream::iter([Ok(told(status))]);
        let rest = tokio_stream::pending();
        Ok(Response::new(Box::pin(tokio_stream::StreamExt::chain(first, rest))))
    }
}

/// The service as it is, and the method that it lacks.
#[derive(Clone, Debug)]
pub(crate) struct WithList {
    service: HealthServer<Health>,
    profile: Profile,
}

/// `map<string, HealthCheckResponse>`, as a list of what it is on the wire.
#[derive(Clone, PartialEq, Message)]
struct HealthListResponse {
    #[prost(message, repeated, tag = "1")]
    statuses: Vec<Entry>,
}

#[derive(Clone, PartialEq, Message)]
struct Entry {
    // Go writes the key of an entry even where it is empty.
    #[prost(string, optional, tag = "1")]
    service: Option<String>,
    #[prost(message, optional, tag = "2")]
    status: Option<HealthCheckResponse>,
}

/// The one method.
struct List;

impl UnaryService<()> for List {
    type Response = HealthListResponse;
    type Future = std::future::Ready<Result<Response<HealthListResponse>, Status>>;

    fn call(&mut self, _: Request<()>) -> Self::Future {
        let whole =
            Entry { service: Some(String::new()), status: Some(told(ServingStatus::Serving)) };
        std::future::ready(Ok(Response::new(HealthListResponse { statuses: vec![whole] })))
    }
}

impl WithList {
    pub(crate) fn new(service: HealthServer<Health>, profile: Profile) -> Self {
        Self { service, profile }
    }
}

impl NamedService for WithList {
    const NAME: &'static str = "grpc.health.v1.Health";
}

impl<B> Service<http::Request<B>> for WithList
where
    B: Body + Send + 'static,
    B::Error: Into<StdError> + Send + 'static,
{
    type Response = http::Response<tonic::body::Body>;
    type Error = Infallible;
    type Future = BoxFuture<Self::Response, Infallible>;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        Service::<http::Request<B>>::poll_ready(&mut self.service, context)
    }

    fn call(&mut self, request: http::Request<B>) -> Self::Future {
        if self.profile == Profile::V2_1 && request.uri().path() == LIST {
            return Box::pin(async {
                let codec = ProstCodec::<HealthListResponse, ()>::default();
                Ok(Grpc::new(codec).unary(List, request).await)
            });
        }
        self.service.call(request)
    }
}
