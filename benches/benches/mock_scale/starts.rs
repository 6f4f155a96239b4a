//! Starting a server in memory, one call, and stopping it: the mock beside a bare tonic server.

use std::future::ready;
use std::time::Instant;

use containerd_client::services::v1::version_client::VersionClient;
use hyper_util::rt::TokioIo;
use laconic_benches::{Measured, ratio};
use mock_containerd::MockContainerd;
use tonic::transport::{Channel, Endpoint, Server};

use crate::bare;

const ROUNDS: usize = 300;
const WARM_UP: usize = 20;
const PIPE_BYTES: usize = 64 * 1024;

async fn ask(channel: Channel) {
    VersionClient::new(channel).version(()).await.expect("it answers");
}

async fn bare_server() {
    let (theirs, ours) = tokio::io::duplex(PIPE_BYTES);
    let incoming = tokio_stream::once(Ok::<_, std::io::Error>(ours));
    let serving = Server::builder().add_service(bare::version()).serve_with_incoming(incoming);
    let serving = tokio::spawn(serving);
    let mut pipe = Some(TokioIo::new(theirs));
    let connect = tower::service_fn(move |_| {
        ready(pipe.take().ok_or_else(|| std::io::Error::other("one connection is all there is")))
    });
    let endpoint = Endpoint::from_static("http://bare");
    ask(endpoint.connect_with_connector(connect).await.expect("a pipe")).await;
    serving.abort();
}

async fn mock() {
    let mock = MockContainerd::builder().in_memory();
    let endpoint = Endpoint::from_static("http://mock");
    ask(endpoint.connect_with_connector(mock).await.expect("a pipe")).await;
}

pub(crate) async fn measure() {
    let of = |client: &str| Measured { client: client.to_owned(), of: "start", samples_us: vec![] };
    let (mut of_bare, mut of_mock) = (of("bare"), of("mock"));
    for round in 0..WARM_UP + ROUNDS {
        let begun = Instant::now();
        bare_server().await;
        let between = Instant::now();
        mock().await;
        let micros = |taken: std::time::Duration| u64::try_from(taken.as_micros()).unwrap_or(0);
        if round >= WARM_UP {
            of_bare.samples_us.push(micros(between - begun));
            of_mock.samples_us.push(micros(between.elapsed()));
        }
    }
    let times = ratio(&of_mock, &of_bare).expect("there are rounds");
    let median = |measured: &Measured| measured.histogram().value_at_quantile(0.5);
    println!(
        "start, one call, stop in memory: mock {} µs over bare tonic {} µs: {:.2} [{:.2}, {:.2}]",
        median(&of_mock),
        median(&of_bare),
        times.ratio,
        times.low,
        times.high
    );
}
