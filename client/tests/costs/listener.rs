//! Stands between clients and the mock, and keeps the headers of every call.

use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use http::{Request, Response};
use hyper::body::Incoming;
use hyper_util::rt::{TokioExecutor, TokioIo};
use tempfile::TempDir;
use tokio::net::{UnixListener, UnixStream};
use tokio::task::JoinHandle;
use tonic::body::Body;
use tonic::transport::Channel;
use tower::ServiceExt;

/// What a call carried.
#[derive(Clone, Debug)]
pub(crate) struct Heard {
    /// `Service/Method`.
    pub(crate) rpc: String,
    pub(crate) traceparent: Option<String>,
    /// The `grpc-timeout`.
    pub(crate) limit: Option<Duration>,
}

pub(crate) struct Listener {
    folder: TempDir,
    heard: Arc<Mutex<Vec<Heard>>>,
    listening: JoinHandle<()>,
}

impl Drop for Listener {
    fn drop(&mut self) {
        self.listening.abort();
    }
}

impl Listener {
    pub(crate) fn before(server: &Path) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let socket = UnixListener::bind(folder.path().join("sock")).unwrap();
        let heard = Arc::<Mutex<Vec<Heard>>>::default();
        let listening = tokio::spawn(listen(socket, server.to_owned(), heard.clone()));
        Self { folder, heard, listening }
    }

    pub(crate) fn socket(&self) -> PathBuf {
        self.folder.path().join("sock")
    }

    /// All calls since this was asked last.
    pub(crate) fn take(&self) -> Vec<Heard> {
        std::mem::take(&mut self.heard.lock().unwrap())
    }
}

async fn listen(socket: UnixListener, server: PathBuf, heard: Arc<Mutex<Vec<Heard>>>) {
    while let Ok((client, _)) = socket.accept().await {
        let channel = containerd_client::connect(&server).await.unwrap();
        tokio::spawn(relay(client, channel, heard.clone()));
    }
}

async fn relay(client: UnixStream, channel: Channel, heard: Arc<Mutex<Vec<Heard>>>) {
    let service = hyper::service::service_fn(move |call: Request<Incoming>| {
        heard.lock().unwrap().push(Heard::of(&call));
        pass(channel.clone(), call)
    });
    let serving = hyper::server::conn::http2::Builder::new(TokioExecutor::new());
    // It ends when either side does.
    let _ = serving.serve_connection(TokioIo::new(client), service).await;
}

async fn pass(
    channel: Channel,
    call: Request<Incoming>,
) -> Result<Response<Body>, tonic::transport::Error> {
    channel.oneshot(call.map(Body::new)).await
}

impl Heard {
    fn of(call: &Request<Incoming>) -> Self {
        let path = call.uri().path();
        let text = |name| call.headers().get(name).map(|value| value.to_str().unwrap().to_owned());
        Self {
            rpc: path.rsplit('.').next().unwrap_or(path).to_owned(),
            traceparent: text("traceparent"),
            limit: text("grpc-timeout").map(|limit| duration(&limit)),
        }
    }

    /// The second part of its context.
    pub(crate) fn trace(&self) -> String {
        let parts = self.traceparent.as_deref().unwrap_or_default().split('-');
        parts.skip(1).take(1).collect()
    }
}

/// As gRPC's protocol words a timeout: at most eight digits, and a unit.
fn duration(text: &str) -> Duration {
    let (digits, unit) = text.split_at(text.len() - 1);
    assert!((1..=8).contains(&digits.len()), "{text}");
    let number: u64 = digits.parse().unwrap();
    match unit {
        "H" => Duration::from_secs(number * 3600),
        "M" => Duration::from_secs(number * 60),
        "S" => Duration::from_secs(number),
        "m" => Duration::from_millis(number),
        "u" => Duration::from_micros(number),
        "n" => Duration::from_nanos(number),
        _ => panic!("{text} has no unit"),
    }
}
