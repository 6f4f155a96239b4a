//! What a ledger counted, as containerd tells it: `grpc_server_started_total` at `/v1/metrics`, so
//! that whoever reads a daemon's counts reads the mock's.

use std::fmt::Write;
use std::net::SocketAddr;
use std::time::Duration;

use anyhow::Context;
use rpc_ledger::{Counts, Ledger};
use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::{TcpListener, TcpStream};

const HEAD_BYTES_MAX: u64 = 16 << 10;
/// Who says nothing for so long is not waited for any more.
const HEAD_LIMIT_MS: u64 = 10_000;

/// Serves until the runtime ends.
pub(crate) async fn serve(address: SocketAddr, ledger: Ledger) -> anyhow::Result<SocketAddr> {
    let listener = TcpListener::bind(address)
        .await
        .with_context(|| format!("cannot show metrics at {address}"))?;
    let bound = listener.local_addr()?;
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            let ledger = ledger.clone();
            tokio::spawn(async move {
                let limit = Duration::from_millis(HEAD_LIMIT_MS);
                // Whoever hung up does not want to know.
                let _ = tokio::time::timeout(limit, answer(stream, &ledger)).await;
            });
        }
    });
    Ok(bound)
}

/// One request, whichever method and headers it has, then the connection's end.
async fn answer(stream: TcpStream, ledger: &Ledger) -> std::io::Result<()> {
    let (read, mut write) = stream.into_split();
    let mut lines = BufReader::new(read.take(HEAD_BYTES_MAX)).lines();
    let asked = lines.next_line().await?.unwrap_or_default();
    while lines.next_line().await?.is_some_and(|line| !line.is_empty()) {}
    let (status, body) = match asked.split(' ').nth(1) {
        Some("/v1/metrics") => ("200 OK", exposition(&ledger.counts())),
        _ => ("404 Not Found", "metrics are at /v1/metrics\n".to_owned()),
    };
    let head = format!(
        "HTTP/1.1 {status}\r\nContent-Type: text/plain; version=0.0.4\r\n\
         Content-Length: {}\r\nConnection: close\r\n\r\n",
        body.len()
    );
    write.write_all(head.as_bytes()).await?;
    write.write_all(body.as_bytes()).await
}

fn exposition(counts: &Counts) -> String {
    let mut text = "# HELP grpc_server_started_total Total number of RPCs started on the server.\n\
                    # TYPE grpc_server_started_total counter\n"
        .to_owned();
    for (rpc, count) in counts.iter() {
        let (service, method) = (label(rpc.service()), label(rpc.method()));
        writeln!(
            text,
            "grpc_server_started_total{{grpc_method=\"{method}\",grpc_service=\"{service}\"}} {}",
            count.started
        )
        .expect("a string takes all");
    }
    text
}

/// A client may call a method by any name.
fn label(value: &str) -> String {
    value.replace('\\', "\\\\").replace('"', "\\\"").replace('\n', "\\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    async fn ask(address: SocketAddr, path: &str) -> String {
        let mut stream = TcpStream::connect(address).await.unwrap();
        stream.write_all(format!("GET {path} HTTP/1.0\r\n\r\n").as_bytes()).await.unwrap();
        let mut text = String::new();
        stream.read_to_string(&mut text).await.unwrap();
        text
    }

    #[tokio::test]
    async fn a_mock_shows_what_it_counted_as_containerd_does() {
        let mock = mock_containerd::MockContainerd::builder().start().await.unwrap();
        let address = serve("127.0.0.1:0".parse().unwrap(), mock.ledger().clone()).await.unwrap();
        assert!(!ask(address, "/v1/metrics").await.contains("} "));
        let channel = containerd_client::connect(mock.socket()).await.unwrap();
        let mut client =
            containerd_client::services::v1::version_client::VersionClient::new(channel);
        client.version(()).await.unwrap();
        let line = "grpc_server_started_total{grpc_method=\"Version\",\
                    grpc_service=\"containerd.services.version.v1.Version\"} 1\n";
        assert!(ask(address, "/v1/metrics").await.ends_with(line));
        assert!(ask(address, "/").await.starts_with("HTTP/1.1 404 "));
    }

    #[test]
    fn a_method_of_any_name_stays_within_its_quotes() {
        assert_eq!(label("a\"b\\c\nd"), "a\\\"b\\\\c\\nd");
    }
}
