//! One connection of a client, and the one that is dialled for it.

use std::cell::RefCell;
use std::future::poll_fn;
use std::path::PathBuf;
use std::pin::pin;
use std::sync::Arc;
use std::task::Poll;

use hyper::service::service_fn;
use hyper_util::rt::{TokioExecutor, TokioIo};
use rpc_ledger::{Ledger, LedgerLayer};
use tokio::net::UnixStream;
use tokio::sync::watch;
use tower::util::MapResponse;
use tower::{Layer, Service};

use super::events::Judge;
use super::forward::Forward;
use super::hand::Hand;
use crate::authority::AnyAuthority;
use crate::faults::{Arrival, FaultService, Hands, Lines};
use crate::server::STREAMS_MAX;

/// Go's own limit.
const HEADER_BYTES_MAX: u32 = 16 << 20;
/// Calls that were reset are remembered for a while, for what is still said of them.
const RESETS_KEPT: usize = 1 << 12;

pub(super) struct Parts {
    pub(super) upstream: PathBuf,
    pub(super) front: Ledger,
    pub(super) forwarded: Ledger,
    pub(super) hands: Arc<Hands<Hand>>,
    pub(super) lines: Lines,
    pub(super) judge: Judge,
    pub(super) away: watch::Sender<bool>,
}

/// Serves until either end is gone. One that comes while the daemon is away, or that nobody behind takes,
/// ends at once.
pub(super) async fn serve(io: UnixStream, parts: Arc<Parts>, arrival: Arrival) {
    // Listed before anybody looks: a restart that begins now cuts it, or is seen here.
    let listed = parts.lines.begin(arrival);
    if *parts.away.borrow() {
        return;
    }
    let Ok(behind) = UnixStream::connect(&parts.upstream).await else { return };
    let dialled = hyper::client::conn::http2::Builder::new(TokioExecutor::new())
        .max_header_list_size(HEADER_BYTES_MAX)
        .max_concurrent_reset_streams(RESETS_KEPT)
        .handshake(TokioIo::new(behind));
    let Ok((sender, behind)) = dialled.await else { return };
    let connection = arrival.connection;
    let forward = Forward::new(sender, parts.judge.clone());
    let forward =
        LedgerLayer::new(parts.forwarded.clone()).on_connection(connection).layer(forward);
    let whole = |answer: http::Response<_>| answer.map(tonic::body::Body::new);
    let (line, hands) = (listed.line().clone(), parts.hands.clone());
    let faulty = FaultService::new(MapResponse::new(forward, whole), line, hands, arrival.door);
    let counted = LedgerLayer::new(parts.front.clone()).on_connection(connection).layer(faulty);
    // In the order of their headers, as in the mock's own server.
    let counted = RefCell::new(counted);
    let service = service_fn(move |request| counted.borrow_mut().call(request));
    let client = hyper::server::conn::http2::Builder::new(TokioExecutor::new())
        .max_concurrent_streams(STREAMS_MAX)
        .max_header_list_size(HEADER_BYTES_MAX)
        .auto_date_header(false)
        .serve_connection(TokioIo::new(AnyAuthority::new(io)), service);
    let (mut client, mut behind) = (pin!(client), pin!(behind));
    let mut lost = false;
    poll_fn(|context| {
        if !lost && behind.as_mut().poll(context).is_ready() {
            lost = true;
            listed.line().lose();
        }
        let hung_up = listed.line().hung_up(context);
        match client.as_mut().poll(context) {
            Poll::Pending if !hung_up => Poll::Pending,
            _ => Poll::Ready(()),
        }
    })
    .await;
}
