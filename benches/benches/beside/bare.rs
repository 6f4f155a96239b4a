//! Services of a tonic server and nothing else: they decode a request and send the same reply each
//! time.

use std::convert::Infallible;
use std::future::{Ready, ready};
use std::marker::PhantomData;
use std::pin::Pin;
use std::task::{Context, Poll};

use containerd_client::services::v1::VersionResponse;
use tonic::body::Body;
use tonic::server::{Grpc, NamedService, UnaryService};
use tonic::{Request, Response, Status};
use tonic_prost::ProstCodec;

/// One service with one method that is timed; its others are answered with nothing.
pub(crate) trait Service: Clone + Send + Sync + 'static {
    const NAME: &'static str;
    const METHOD: &'static str;
    type Request: prost::Message + Default + 'static;
    type Reply: prost::Message + Default + Clone + Sync + 'static;
}

macro_rules! service {
    ($type:ident: $name:literal / $method:literal, $request:ty => $reply:ty) => {
        #[derive(Clone)]
        pub(crate) struct $type;
        impl $crate::bare::Service for $type {
            const NAME: &'static str = $name;
            const METHOD: &'static str = concat!("/", $name, "/", $method);
            type Request = $request;
            type Reply = $reply;
        }
    };
}

service!(Version: "containerd.services.version.v1.Version" / "Version", () => VersionResponse);

/// With the mock's words.
pub(crate) fn version() -> Bare<Version> {
    Bare(VersionResponse {
        version: "1.6.20".to_owned(),
        revision: "laconic-mock-0.1.0".to_owned(),
    })
}

#[derive(Clone)]
pub(crate) struct Bare<S: Service>(pub(crate) S::Reply);

impl<S: Service> NamedService for Bare<S> {
    const NAME: &'static str = S::NAME;
}

#[derive(Clone)]
struct Answer<S: Service, Q>(S::Reply, PhantomData<Q>);

impl<S: Service> UnaryService<S::Request> for Answer<S, S::Request> {
    type Response = S::Reply;
    type Future = Ready<Result<Response<S::Reply>, Status>>;

    fn call(&mut self, _: Request<S::Request>) -> Self::Future {
        ready(Ok(Response::new(self.0.clone())))
    }
}

/// Takes anything and says nothing.
#[derive(Clone)]
struct Nothing;

impl UnaryService<()> for Nothing {
    type Response = ();
    type Future = Ready<Result<Response<()>, Status>>;

    fn call(&mut self, _: Request<()>) -> Self::Future {
        ready(Ok(Response::new(())))
    }
}

impl<S: Service> tower::Service<http::Request<Body>> for Bare<S> {
    type Response = http::Response<Body>;
    type Error = Infallible;
    type Future = Pin<Box<dyn Future<Output = Result<Self::Response, Infallible>> + Send>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: http::Request<Body>) -> Self::Future {
        if request.uri().path() != S::METHOD {
            return Box::pin(async move {
                Ok(Grpc::new(ProstCodec::<(), ()>::default()).unary(Nothing, request).await)
            });
        }
        let answer = Answer::<S, S::Request>(self.0.clone(), PhantomData);
        Box::pin(async move { Ok(Grpc::new(ProstCodec::default()).unary(answer, request).await) })
    }
}
