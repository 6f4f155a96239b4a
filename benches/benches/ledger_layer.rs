//! What the ledger's layer adds to a call, beside the call without it.

use std::convert::Infallible;
use std::hint::black_box;

use criterion::{Criterion, criterion_group, criterion_main};
use http::{Request, Response};
use http_body_util::{BodyExt, Empty};
use rpc_ledger::{Ledger, LedgerLayer};
use tower::{Layer, ServiceExt, service_fn};

type Body = Empty<bytes::Bytes>;

fn request() -> Request<Body> {
    let path = "/containerd.services.tasks.v1.Tasks/Get";
    Request::post(path).body(Body::new()).expect("a path and nothing else")
}

fn reply() -> Response<Body> {
    Response::builder().header("grpc-status", "0").body(Body::new()).expect("one header")
}

fn ledger_layer(criterion: &mut Criterion) {
    let runtime =
        tokio::runtime::Builder::new_current_thread().build().expect("no more than a loop");
    let mut group = criterion.benchmark_group("ledger-layer");
    group.bench_function("without", |bencher| {
        bencher.to_async(&runtime).iter(|| async {
            let service = service_fn(|_: Request<Body>| async { Ok::<_, Infallible>(reply()) });
            let answer = service.oneshot(request()).await.expect("it cannot fail");
            black_box(answer.into_body().collect().await)
        });
    });
    let ledger = Ledger::new();
    let layer = LedgerLayer::new(ledger);
    group.bench_function("with", |bencher| {
        bencher.to_async(&runtime).iter(|| async {
            let service =
                layer.layer(service_fn(|_: Request<_>| async { Ok::<_, Infallible>(reply()) }));
            let answer = service.oneshot(request()).await.expect("it cannot fail");
            black_box(answer.into_body().collect().await)
        });
    });
    group.finish();
}

criterion_group!(benches, ledger_layer);
criterion_main!(benches);
