//! The tap on real sockets, in front of a server that counts by itself: both must agree.

use std::convert::Infallible;
use std::path::{Path, PathBuf};
use std::time::Duration;

use bytes::Bytes;
use http::{HeaderMap, Request, Response};
use http_body::Frame;
use http_body_util::combinators::BoxBody;
use http_body_util::{BodyExt, StreamBody};
use hyper_util::rt::{TokioExecutor, TokioIo};
use hyper_util::service::TowerToHyperService;
use rpc_ledger::{Ledger, LedgerLayer};
use rpc_spy::{Blind, Tap, TapError};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{UnixListener, UnixStream};
use tower::ServiceBuilder;

const LIMIT: Duration = Duration::from_secs(20);

struct Bench {
    _folder: tempfile::TempDir,
    tap: Tap,
    layer: Ledger,
}

fn sockets() -> (tempfile::TempDir, PathBuf, PathBuf) {
    let folder = tempfile::tempdir().unwrap();
    let (listen, upstream) = (folder.path().join("tap"), folder.path().join("server"));
    (folder, listen, upstream)
}

async fn bench() -> Bench {
    let (folder, listen, upstream) = sockets();
    let layer = Ledger::new();
    let listener = UnixListener::bind(&upstream).unwrap();
    tokio::spawn(serve(listener, layer.clone()));
    let tap = Tap::start(&listen, &upstream, Ledger::new()).await.unwrap();
    Bench { _folder: folder, tap, layer }
}

async fn serve(listener: UnixListener, ledger: Ledger) {
    loop {
        let (socket, _) = listener.accept().await.unwrap();
        let service = ServiceBuilder::new()
            .layer(LedgerLayer::new(ledger.clone()))
            .service_fn(|request| async move { Ok::<_, Infallible>(answer(request).await) });
        let connection = hyper::server::conn::http2::Builder::new(TokioExecutor::new())
            .max_concurrent_streams(1000)
            .serve_connection(TokioIo::new(socket), TowerToHyperService::new(service));
        tokio::spawn(connection);
    }
}

/// The path says what to do: `/s.S/Code5` answers 5, `/s.S/Many` streams, `/s.S/Never` hangs,
/// `/s.S/Bare` ends without trailers.
async fn answer<B>(request: Request<B>) -> Response<BoxBody<Bytes, Infallible>>
where
    B: http_body::Body<Data = Bytes> + Unpin,
{
    let method = request.uri().path().rsplit('/').next().unwrap().to_owned();
    let _ = request.into_body().collect().await;
    let trailers = |code: &str| {
        let mut trailers = HeaderMap::new();
        trailers.insert("grpc-status", code.parse().unwrap());
        Frame::trailers(trailers)
    };
    let data = || Frame::data(Bytes::from_static(b"some bytes"));
    let frames = match method.as_str() {
        "Never" => std::future::pending().await,
        "Bare" => vec![data()],
        "Many" => vec![data(), data(), data(), trailers("0")],
        _ => vec![data(), trailers(method.strip_prefix("Code").unwrap_or("0"))],
    };
    let frames = futures_util::stream::iter(frames.into_iter().map(Ok));
    Response::new(BodyExt::boxed(StreamBody::new(frames)))
}

async fn dial(socket: &Path) -> h2::client::SendRequest<Bytes> {
    let socket = UnixStream::connect(socket).await.unwrap();
    let (client, connection) = h2::client::handshake(socket).await.unwrap();
    tokio::spawn(connection);
    client
}

async fn call(client: &h2::client::SendRequest<Bytes>, method: &str) {
    let mut client = client.clone().ready().await.unwrap();
    let request = Request::post(format!("http://localhost/s.S/{method}")).body(()).unwrap();
    let (response, mut send) = client.send_request(request, false).unwrap();
    send.send_data(Bytes::from_static(b"ask"), true).unwrap();
    let mut body = response.await.unwrap().into_body();
    while let Some(data) = body.data().await {
        let length = data.unwrap().len();
        body.flow_control().release_capacity(length).unwrap();
    }
    body.trailers().await.unwrap();
}

impl Bench {
    /// Both ledgers at rest, and equal.
    async fn agree(&self) {
        let rest = async {
            while self.layer.in_flight() > 0 {
                self.layer.changed().await;
            }
            loop {
                let changed = self.tap.ledger().changed();
                self.tap.caught_up(self.tap.mark()).await;
                if self.tap.ledger().in_flight() == 0 {
                    return;
                }
                changed.await;
            }
        };
        tokio::time::timeout(LIMIT, rest).await.expect("both ledgers come to rest");
        assert_eq!(self.tap.blind(), vec![]);
        assert_eq!(self.tap.ledger().counts(), self.layer.counts());
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn tap_and_layer_agree_on_replies_errors_streams_and_broken_ends() {
    let bench = bench().await;
    let client = dial(bench.tap.socket()).await;
    for method in ["Get", "Code5", "Many", "Code2", "Bare", "Get"] {
        call(&client, method).await;
    }
    bench.agree().await;
    let names = bench.tap.ledger().counts().started_by_short_name();
    assert_eq!((names["S/Get"], names["S/Many"], names["S/Bare"]), (2, 1, 1));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn tap_and_layer_agree_on_many_connections_with_many_streams() {
    let bench = bench().await;
    let mut clients = tokio::task::JoinSet::new();
    for _ in 0..8 {
        let socket = bench.tap.socket().to_owned();
        clients.spawn(async move {
            let client = dial(&socket).await;
            let calls = (0..50).map(|i| call(&client, if i % 3 == 0 { "Code9" } else { "Many" }));
            futures_util::future::join_all(calls).await;
        });
    }
    clients.join_all().await;
    bench.agree().await;
    assert_eq!(bench.tap.ledger().counts().total_started(), 400);
    assert_eq!(bench.tap.connections().len(), 8);
    let own = i32::try_from(std::process::id()).unwrap();
    assert!(bench.tap.connections().iter().all(|info| info.peer_pid == Some(own)));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_call_that_the_client_drops_is_cancelled_in_both() {
    let bench = bench().await;
    let client = dial(bench.tap.socket()).await;
    let waiting = call(&client, "Never");
    let seen = async {
        while bench.layer.in_flight() == 0 {
            bench.layer.changed().await;
        }
    };
    tokio::select! {
        () = waiting => panic!("Never answers"),
        () = seen => {}
    }
    bench.agree().await;
    let counts = bench.tap.ledger().counts();
    assert_eq!(counts.iter().next().unwrap().1.cancelled, 1);
}

/// One thread: nobody reads while the client writes and hangs up.
#[tokio::test]
async fn what_was_written_before_its_writer_hung_up_is_counted_once_nobody_is_connected() {
    let bench = bench().await;
    let mut client = std::os::unix::net::UnixStream::connect(bench.tap.socket()).unwrap();
    std::io::Write::write_all(&mut client, &headers_alone()).unwrap();
    drop(client);
    bench.tap.caught_up(bench.tap.mark()).await;
    assert_eq!(bench.tap.ledger().calls().len(), 0, "its bytes are in the socket still");
    tokio::time::timeout(LIMIT, bench.tap.hung_up()).await.unwrap();
    assert_eq!(bench.tap.ledger().calls().len(), 1);
}

#[tokio::test]
async fn nobody_is_waited_for_who_found_nobody_upstream() {
    let (_folder, listen, upstream) = sockets();
    let tap = Tap::start(&listen, &upstream, Ledger::new()).await.unwrap();
    let client = std::os::unix::net::UnixStream::connect(&listen).unwrap();
    tokio::time::timeout(LIMIT, tap.hung_up()).await.unwrap();
    assert_eq!(tap.unreachable(), 1);
    drop(client);
}

/// The preface, and the headers of a call: a literal with the static name `:path`.
fn headers_alone() -> Vec<u8> {
    let mut bytes = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n".to_vec();
    bytes.extend([0, 0, 0, 4, 0, 0, 0, 0, 0]);
    bytes.extend([0, 0, 8, 1, 4, 0, 0, 0, 1, 4, 6]);
    bytes.extend(b"/a.A/B");
    bytes
}

#[tokio::test]
async fn bytes_that_are_no_http2_pass_unchanged_and_leave_the_connection_blind() {
    let (_folder, listen, upstream) = sockets();
    let listener = UnixListener::bind(&upstream).unwrap();
    let tap = Tap::start(&listen, &upstream, Ledger::new()).await.unwrap();
    let echo = tokio::spawn(async move {
        let (mut socket, _) = listener.accept().await.unwrap();
        let mut heard = Vec::new();
        // Ends only when the client's half-close has come through.
        socket.read_to_end(&mut heard).await.unwrap();
        socket.write_all(&heard).await.unwrap();
        heard
    });
    let sent: Vec<u8> = (0..200_000u32).map(|i| (i * 7) as u8).collect();
    let mut client = UnixStream::connect(&listen).await.unwrap();
    client.write_all(&sent).await.unwrap();
    client.shutdown().await.unwrap();
    let mut back = Vec::new();
    client.read_to_end(&mut back).await.unwrap();
    assert_eq!(echo.await.unwrap(), sent);
    assert_eq!(back, sent);
    let told = async {
        while tap.blind().is_empty() {
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(LIMIT, told).await.unwrap();
    assert_eq!(tap.blind()[0].reason, Blind::NotHttp2);
}

#[tokio::test]
async fn a_server_that_dies_leaves_its_calls_broken() {
    let (_folder, listen, upstream) = sockets();
    let listener = UnixListener::bind(&upstream).unwrap();
    let tap = Tap::start(&listen, &upstream, Ledger::new()).await.unwrap();
    let mut client = UnixStream::connect(&listen).await.unwrap();
    let (server, _) = listener.accept().await.unwrap();
    let path = b"/a.A/B";
    let mut block = vec![0, 5];
    block.extend(b":path");
    block.push(path.len() as u8);
    block.extend(path);
    let mut bytes = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n".to_vec();
    bytes.extend([0, 0, block.len() as u8, 1, 4, 0, 0, 0, 1]);
    bytes.extend(block);
    client.write_all(&bytes).await.unwrap();
    while tap.ledger().in_flight() == 0 {
        tap.ledger().changed().await;
    }
    drop(server);
    let mut rest = Vec::new();
    let _ = client.read_to_end(&mut rest).await;
    drop(client);
    let ended = async {
        while tap.ledger().in_flight() > 0 {
            tap.ledger().changed().await;
        }
    };
    tokio::time::timeout(LIMIT, ended).await.unwrap();
    assert_eq!(tap.ledger().counts().iter().next().unwrap().1.broken, 1);
}

#[tokio::test]
async fn a_socket_file_of_a_dead_run_is_replaced_and_a_served_one_is_not() {
    let (_folder, listen, upstream) = sockets();
    drop(std::os::unix::net::UnixListener::bind(&listen).unwrap());
    let tap = Tap::start(&listen, &upstream, Ledger::new()).await.unwrap();
    let taken = Tap::start(&listen, &upstream, Ledger::new()).await;
    assert!(matches!(taken, Err(TapError::Taken(_))), "{taken:?}");
    drop(tap);
    assert!(!listen.exists());
    std::fs::write(&listen, "a file").unwrap();
    let in_the_way = Tap::start(&listen, &upstream, Ledger::new()).await;
    assert!(matches!(in_the_way, Err(TapError::NotASocket(_))));
    assert_eq!(std::fs::read_to_string(&listen).unwrap(), "a file");
}

#[tokio::test]
async fn a_client_is_turned_away_when_nobody_serves_upstream() {
    let (_folder, listen, upstream) = sockets();
    let tap = Tap::start(&listen, &upstream, Ledger::new()).await.unwrap();
    let mut client = UnixStream::connect(&listen).await.unwrap();
    let mut rest = Vec::new();
    client.read_to_end(&mut rest).await.unwrap();
    assert_eq!((tap.unreachable(), tap.connections().len()), (1, 0));
}
