//! grpc.health.v1: the server as a whole is well, and nothing else is known.

use std::convert::Infallible;
use std::future::{Ready, ready};
use std::task::{Context, Poll};

use bytes::{Buf, BufMut};
use prost::encoding::{DecodeContext, WireType, skip_field};
use prost::{DecodeError, Message};
use tonic::codegen::{Body, BoxFuture, BoxStream, StdError};
use tonic::server::{Grpc, NamedService, ServerStreamingService, UnaryService};
use tonic::{Request, Response, Status};
use tonic_health::pb::health_check_response::ServingStatus;
use tonic_health::pb::{HealthCheckRequest, HealthCheckResponse};
use tonic_prost::ProstCodec;
use tower::Service;

use crate::Profile;
use crate::refusal::MESSAGE_BYTES_MAX;

const CHECK: &str = "/grpc.health.v1.Health/Check";
const WATCH: &str = "/grpc.health.v1.Health/Watch";
/// Came with 2.1; the stubs do not have it yet.
const LIST: &str = "/grpc.health.v1.Health/List";

/// The paths of the methods that a version has.
pub(crate) fn methods(profile: Profile) -> &'static [&'static str] {
    match profile {
        Profile::V1_6 | Profile::V1_7 => &[CHECK, WATCH],
        Profile::V2_1 => &[CHECK, WATCH, LIST],
    }
}

/// All of it. Its methods are not those of generated stubs: these lack one, and refuse what the real
/// ones take.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Health(pub(crate) Profile);

fn told(status: ServingStatus) -> HealthCheckResponse {
    HealthCheckResponse { status: status.into() }
}

/// What is asked for, read as Go reads it: a field of another type than its own is unknown.
#[derive(Debug, Default)]
struct Asked(HealthCheckRequest);

impl Message for Asked {
    fn encode_raw(&self, buffer: &mut impl BufMut) {
        self.0.encode_raw(buffer);
    }

    fn merge_field(
        &mut self,
        tag: u32,
        wire_type: WireType,
        buffer: &mut impl Buf,
        context: DecodeContext,
    ) -> Result<(), DecodeError> {
        match wire_type {
            WireType::LengthDelimited => self.0.merge_field(tag, wire_type, buffer, context),
            _ => skip_field(wire_type, tag, buffer, context),
        }
    }

    fn encoded_len(&self) -> usize {
        self.0.encoded_len()
    }

    fn clear(&mut self) {
        self.0.clear();
    }
}

/// Says of the whole that it serves.
struct Check;

impl UnaryService<Asked> for Check {
    type Response = HealthCheckResponse;
    type Future = Ready<Result<Response<HealthCheckResponse>, Status>>;

    fn call(&mut self, request: Request<Asked>) -> Self::Future {
        ready(match request.into_inner().0.service.as_str() {
            "" => Ok(Response::new(told(ServingStatus::Serving))),
            _ => Err(Status::not_found("unknown service")),
        })
    }
}

/// The same for ever: nothing changes, and after the first answer the stream stays open.
struct Watch;

impl ServerStreamingService<Asked> for Watch {
    type Response = HealthCheckResponse;
    type ResponseStream = BoxStream<HealthCheckResponse>;
    type Future = Ready<Result<Response<Self::ResponseStream>, Status>>;

    fn call(&mut self, request: Request<Asked>) -> Self::Future {
        let status = match request.into_inner().0.service.as_str() {
            "" => ServingStatus::Serving,
            _ => ServingStatus::ServiceUnknown,
        };
        let first = tokio_stream::iter([Ok(told(status))]);
        let rest = tokio_stream::pending();
        ready(Ok(Response::new(Box::pin(tokio_stream::StreamExt::chain(first, rest)))))
    }
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

/// All that is known: the whole.
struct List;

impl UnaryService<()> for List {
    type Response = HealthListResponse;
    type Future = Ready<Result<Response<HealthListResponse>, Status>>;

    fn call(&mut self, _: Request<()>) -> Self::Future {
        let whole =
            Entry { service: Some(String::new()), status: Some(told(ServingStatus::Serving)) };
        ready(Ok(Response::new(HealthListResponse { statuses: vec![whole] })))
    }
}

impl NamedService for Health {
    const NAME: &'static str = "grpc.health.v1.Health";
}

fn server<T: Message + Send + 'static, U: Message + Default + Send + 'static>()
-> Grpc<ProstCodec<T, U>> {
    Grpc::new(ProstCodec::default()).apply_max_message_size_config(Some(MESSAGE_BYTES_MAX), None)
}

impl<B> Service<http::Request<B>> for Health
where
    B: Body + Send + 'static,
    B::Error: Into<StdError> + Send + 'static,
{
    type Response = http::Response<tonic::body::Body>;
    type Error = Infallible;
    type Future = BoxFuture<Self::Response, Infallible>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: http::Request<B>) -> Self::Future {
        let profile = self.0;
        Box::pin(async move {
            Ok(match request.uri().path() {
                CHECK => server().unary(Check, request).await,
                WATCH => server().server_streaming(Watch, request).await,
                LIST if profile == Profile::V2_1 => server().unary(List, request).await,
                // It is worded behind the services.
                _ => Status::unimplemented("").into_http(),
            })
        })
    }
}
