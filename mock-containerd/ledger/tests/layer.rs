//! The layer, fed by tower-test: no socket, no HTTP/2, every way in which a call can end.

use std::convert::Infallible;
use std::pin::pin;

use bytes::Bytes;
use http::{HeaderMap, Request, Response};
use http_body::Frame;
use http_body_util::{BodyExt, StreamBody, combinators::BoxBody};
use rpc_ledger::{Code, ConnectionId, Count, Ledger, LedgerBody, LedgerLayer, LedgerService, Rpc};
use tower::Layer;
use tower::Service;
use tower_test::mock::{self, Handle, Mock};

type Payload = BoxBody<Bytes, Infallible>;
type Inner = Mock<Request<LedgerBody<Payload>>, Response<Payload>>;
type Server = Handle<Request<LedgerBody<Payload>>, Response<Payload>>;

const EXEC: &str = "/containerd.services.tasks.v1.Tasks/Exec";

struct Bench {
    ledger: Ledger,
    client: LedgerService<Inner>,
    server: Server,
}

fn bench() -> Bench {
    let ledger = Ledger::new();
    let (inner, server) = mock::pair();
    Bench { client: LedgerLayer::new(ledger.clone()).layer(inner), ledger, server }
}

fn trailers(status: &str) -> Frame<Bytes> {
    let mut trailers = HeaderMap::new();
    trailers.insert("grpc-status", status.parse().unwrap());
    Frame::trailers(trailers)
}

fn data(text: &'static str) -> Frame<Bytes> {
    Frame::data(Bytes::from_static(text.as_bytes()))
}

fn body(frames: Vec<Frame<Bytes>>) -> Payload {
    let frames = frames.into_iter().map(Ok);
    StreamBody::new(futures_util::stream::iter(frames)).boxed()
}

fn request(path: &str, frames: Vec<Frame<Bytes>>) -> Request<Payload> {
    Request::builder()
        .uri(path)
        .header("containerd-namespace", "laconic-x")
        .extension(ConnectionId::new(4))
        .body(body(frames))
        .unwrap()
}

fn reply(frames: Vec<Frame<Bytes>>) -> Response<Payload> {
    Response::new(body(frames))
}

impl Bench {
    async fn call(
        &mut self,
        path: &str,
        answer: Response<Payload>,
    ) -> Response<LedgerBody<Payload>> {
        std::future::poll_fn(|context| self.client.poll_ready(context)).await.unwrap();
        let response = self.client.call(request(path, vec![data("ask")]));
        let (asked, send) = self.server.next_request().await.unwrap();
        asked.into_body().collect().await.unwrap();
        send.send_response(answer);
        response.await.unwrap()
    }

    fn count(&self) -> Count {
        self.ledger.counts().get(&Rpc::from_path(EXEC))
    }

    fn finished(&self, code: u32) -> u64 {
        self.count().finished.get(&Code::new(code)).copied().unwrap_or(0)
    }
}

#[tokio::test]
async fn a_unary_call_is_started_at_once_and_finished_by_its_trailers() {
    let mut bench = bench();
    let response = bench.call(EXEC, reply(vec![data("told"), trailers("0")])).await;
    assert_eq!((bench.count().started, bench.count().in_flight()), (1, 1));
    response.into_body().collect().await.unwrap();
    assert_eq!((bench.finished(0), bench.count().in_flight()), (1, 0));
    assert_eq!((bench.count().request_bytes, bench.count().reply_bytes), (3, 4));
    let call = &bench.ledger.calls()[0];
    assert_eq!(call.namespace.as_deref(), Some("laconic-x"));
    assert_eq!(call.connection, ConnectionId::new(4));
    assert_eq!(bench.ledger.counts_of(ConnectionId::new(4)), bench.ledger.counts());
}

#[tokio::test]
async fn an_error_in_the_trailers_is_counted_by_its_code() {
    let mut bench = bench();
    let response = bench.call(EXEC, reply(vec![trailers("5")])).await;
    response.into_body().collect().await.unwrap();
    assert_eq!(bench.finished(5), 1);
}

#[tokio::test]
async fn a_trailers_only_reply_is_finished_by_its_headers() {
    let mut bench = bench();
    let mut answer = reply(vec![]);
    answer.headers_mut().insert("grpc-status", "12".parse().unwrap());
    drop(bench.call(EXEC, answer).await);
    assert_eq!((bench.finished(12), bench.count().cancelled), (1, 0));
}

#[tokio::test]
async fn the_servers_stream_is_counted_message_by_message() {
    let mut bench = bench();
    let frames = vec![data("one"), data("two"), data("three"), trailers("0")];
    bench.call(EXEC, reply(frames)).await.into_body().collect().await.unwrap();
    assert_eq!((bench.finished(0), bench.count().reply_bytes), (1, 11));
}

#[tokio::test]
async fn the_clients_stream_is_counted_message_by_message() {
    let mut bench = bench();
    std::future::poll_fn(|context| bench.client.poll_ready(context)).await.unwrap();
    let response = bench.client.call(request(EXEC, vec![data("one"), data("three")]));
    let (asked, send) = bench.server.next_request().await.unwrap();
    asked.into_body().collect().await.unwrap();
    send.send_response(reply(vec![trailers("0")]));
    response.await.unwrap().into_body().collect().await.unwrap();
    assert_eq!((bench.finished(0), bench.count().request_bytes), (1, 8));
}

#[tokio::test]
async fn a_reply_before_the_clients_stream_has_ended_finishes_the_call() {
    let mut bench = bench();
    std::future::poll_fn(|context| bench.client.poll_ready(context)).await.unwrap();
    let response = bench.client.call(request(EXEC, vec![data("one"), data("three")]));
    let (asked, send) = bench.server.next_request().await.unwrap();
    send.send_response(reply(vec![trailers("0")]));
    response.await.unwrap().into_body().collect().await.unwrap();
    assert_eq!(bench.finished(0), 1);
    drop(asked);
    assert_eq!((bench.finished(0), bench.count().cancelled), (1, 0));
}

#[tokio::test]
async fn data_that_ends_without_trailers_is_broken() {
    let mut bench = bench();
    bench.call(EXEC, reply(vec![data("half")])).await.into_body().collect().await.unwrap();
    assert_eq!((bench.count().broken, bench.count().cancelled), (1, 0));
}

#[tokio::test]
async fn a_call_dropped_before_its_reply_is_cancelled() {
    let mut bench = bench();
    std::future::poll_fn(|context| bench.client.poll_ready(context)).await.unwrap();
    let response = bench.client.call(request(EXEC, vec![]));
    assert_eq!(bench.count().in_flight(), 1);
    drop(response);
    assert_eq!((bench.count().cancelled, bench.count().in_flight()), (1, 0));
}

#[tokio::test]
async fn a_reply_dropped_in_the_middle_is_cancelled() {
    let mut bench = bench();
    let response = bench.call(EXEC, reply(vec![data("one"), data("two"), trailers("0")])).await;
    let mut body = pin!(response.into_body());
    body.frame().await.unwrap().unwrap();
    assert_eq!(bench.count().in_flight(), 1);
    drop(bench.call(EXEC, reply(vec![data("one"), trailers("0")])).await);
    assert_eq!(bench.count().cancelled, 1);
}

#[tokio::test]
async fn an_error_of_the_inner_service_is_broken() {
    let mut bench = bench();
    std::future::poll_fn(|context| bench.client.poll_ready(context)).await.unwrap();
    let response = bench.client.call(request(EXEC, vec![]));
    let (_asked, send) = bench.server.next_request().await.unwrap();
    send.send_error("the inner service gave up");
    assert!(response.await.is_err());
    assert_eq!((bench.count().broken, bench.count().cancelled), (1, 0));
}

#[tokio::test]
async fn a_reply_that_is_not_200_is_counted_as_grpc_maps_http() {
    let mut bench = bench();
    for (http, code) in [(404, 12), (503, 14), (401, 16), (500, 2)] {
        let mut answer = reply(vec![data("<html>")]);
        *answer.status_mut() = http::StatusCode::from_u16(http).unwrap();
        bench.call(EXEC, answer).await.into_body().collect().await.unwrap();
        assert_eq!(bench.finished(code), 1, "{http}");
    }
    assert_eq!(bench.count().broken, 0);
}

#[tokio::test]
async fn unknown_methods_and_services_are_counted_like_any_other() {
    let mut bench = bench();
    for path in ["/containerd.services.tasks.v1.Tasks/Nothing", "/nobody.v1.Nobody/Hears"] {
        let response = bench.call(path, reply(vec![trailers("12")])).await;
        response.into_body().collect().await.unwrap();
        let count = bench.ledger.counts().get(&Rpc::from_path(path));
        assert_eq!((count.started, count.finished[&Code::new(12)]), (1, 1), "{path}");
    }
}

#[tokio::test]
async fn several_calls_in_flight_are_told_apart() {
    let mut bench = bench();
    let first = bench.call(EXEC, reply(vec![trailers("0")])).await;
    let second = bench.call(EXEC, reply(vec![trailers("9")])).await;
    assert_eq!(bench.ledger.in_flight(), 2);
    second.into_body().collect().await.unwrap();
    assert_eq!((bench.finished(9), bench.ledger.in_flight()), (1, 1));
    first.into_body().collect().await.unwrap();
    assert_eq!((bench.finished(0), bench.ledger.in_flight()), (1, 0));
}
