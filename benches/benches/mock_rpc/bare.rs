//! A tonic server and nothing else: it decodes a request and sends the same reply each time.

use std::convert::Infallible;
use std::future::{Ready, ready};
use std::marker::PhantomData;
use std::path::Path;
use std::pin::Pin;
use std::task::{Context, Poll};

use containerd_client::services::v1 as api;
use containerd_client::types::v1::{Process, Status as Shown};
use prost_types::Timestamp;
use tokio::net::UnixListener;
use tokio_stream::wrappers::UnixListenerStream;
use tonic::body::Body;
use tonic::server::{Grpc, NamedService, UnaryService};
use tonic::transport::Server;
use tonic::{Request, Response, Status};
use tonic_prost::ProstCodec;

use crate::calls::container;

/// One service with one method that is timed; its others are answered with nothing.
trait Service: Clone + Send + Sync + 'static {
    const NAME: &'static str;
    const METHOD: &'static str;
    type Request: prost::Message + Default + 'static;
    type Reply: prost::Message + Default + Clone + Sync + 'static;
}

macro_rules! service {
    ($type:ident: $name:literal / $method:literal, $request:ty => $reply:ty) => {
        #[derive(Clone)]
        struct $type;
        impl Service for $type {
            const NAME: &'static str = $name;
            const METHOD: &'static str = concat!("/", $name, "/", $method);
            type Request = $request;
            type Reply = $reply;
        }
    };
}

service!(Version: "containerd.services.version.v1.Version" / "Version", () => api::VersionResponse);
service!(Containers: "containerd.services.containers.v1.Containers" / "Get",
    api::GetContainerRequest => api::GetContainerResponse);
service!(Tasks: "containerd.services.tasks.v1.Tasks" / "Get",
    api::GetRequest => api::GetResponse);

#[derive(Clone)]
struct Bare<S: Service>(S::Reply);

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

pub(crate) async fn serve(socket: &str) {
    let now = Some(Timestamp { seconds: 1_652_140_800, nanos: 1 });
    let version = api::VersionResponse {
        version: "1.6.20".to_owned(),
        revision: "laconic-mock-0.1.0".to_owned(),
    };
    let mut container = container(Path::new("/"));
    (container.created_at, container.updated_at) = (now, now);
    let process = Process {
        id: container.id.clone(),
        pid: (1 << 22) + 1,
        status: Shown::Running.into(),
        exited_at: Some(Timestamp { seconds: -62_135_596_800, nanos: 0 }),
        ..Process::default()
    };
    let listener = UnixListener::bind(socket).expect("a free path");
    Server::builder()
        .add_service(Bare::<Version>(version))
        .add_service(Bare::<Containers>(api::GetContainerResponse { container: Some(container) }))
        .add_service(Bare::<Tasks>(api::GetResponse { process: Some(process) }))
        .serve_with_incoming(UnixListenerStream::new(listener))
        .await
        .expect("it serves until it is killed");
}
