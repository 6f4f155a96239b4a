//! `Version/Version` of the mock beside a bare tonic server that returns the same bytes, both on a
//! Unix socket.

use std::convert::Infallible;
use std::future::{Ready, ready};
use std::pin::Pin;
use std::task::{Context, Poll};

use containerd_client::services::v1::VersionResponse;
use containerd_client::services::v1::version_client::VersionClient;
use criterion::{Criterion, criterion_group, criterion_main};
use mock_containerd::MockContainerd;
use tokio::net::UnixListener;
use tokio_stream::wrappers::UnixListenerStream;
use tonic::body::Body;
use tonic::server::{Grpc, NamedService, UnaryService};
use tonic::transport::{Channel, Server};
use tonic::{Request, Response, Status};
use tonic_prost::ProstCodec;

#[derive(Clone)]
struct Answer(VersionResponse);

impl UnaryService<()> for Answer {
    type Response = VersionResponse;
    type Future = Ready<Result<Response<VersionResponse>, Status>>;

    fn call(&mut self, _: Request<()>) -> Self::Future {
        ready(Ok(Response::new(self.0.clone())))
    }
}

#[derive(Clone)]
struct Bare(Answer);

impl NamedService for Bare {
    const NAME: &'static str = "containerd.services.version.v1.Version";
}

impl tower::Service<http::Request<Body>> for Bare {
    type Response = http::Response<Body>;
    type Error = Infallible;
    type Future = Pin<Box<dyn Future<Output = Result<Self::Response, Infallible>> + Send>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: http::Request<Body>) -> Self::Future {
        let answer = self.0.clone();
        Box::pin(async move { Ok(Grpc::new(ProstCodec::default()).unary(answer, request).await) })
    }
}

async fn version(channel: Channel) -> VersionResponse {
    VersionClient::new(channel).version(()).await.expect("it answers").into_inner()
}

fn mock_rpc(criterion: &mut Criterion) {
    let runtime =
        tokio::runtime::Builder::new_multi_thread().enable_all().build().expect("threads");
    let folder = tempfile::tempdir().expect("a folder");
    let socket = folder.path().join("bare.sock");
    let (mock, of_mock, of_bare) = runtime.block_on(async {
        let mock = MockContainerd::builder().start().await.expect("the mock starts");
        let of_mock = containerd_client::connect(mock.socket()).await.expect("it is there");
        let bytes = version(of_mock.clone()).await;
        let listener = UnixListener::bind(&socket).expect("a free path");
        let serving = Server::builder()
            .add_service(Bare(Answer(bytes)))
            .serve_with_incoming(UnixListenerStream::new(listener));
        tokio::spawn(serving);
        let of_bare = containerd_client::connect(&socket).await.expect("it is there");
        (mock, of_mock, of_bare)
    });
    let mut group = criterion.benchmark_group("version-rpc");
    for (name, channel) in [("bare-tonic", &of_bare), ("mock", &of_mock)] {
        group.bench_function(name, |bencher| {
            bencher.to_async(&runtime).iter(|| version(channel.clone()));
        });
    }
    group.finish();
    drop(mock);
}

criterion_group!(benches, mock_rpc);
criterion_main!(benches);
