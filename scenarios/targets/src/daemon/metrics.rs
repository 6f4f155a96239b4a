//! What the daemon itself counted: its `grpc_server_started_total`.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

const LIMIT_MS: u64 = 10_000;
const BYTES_MAX: u64 = 16 << 20;

/// The daemon's metrics could not be read.
#[derive(Debug, thiserror::Error)]
#[error("cannot read the daemon's metrics at {address}: {cause}")]
pub struct MetricsError {
    address: SocketAddr,
    cause: String,
}

/// Calls started, by `/service/Method`.
pub(super) async fn read(address: SocketAddr) -> Result<BTreeMap<String, u64>, MetricsError> {
    let failed = |cause: String| MetricsError { address, cause };
    let reading = async {
        let mut stream = TcpStream::connect(address).await?;
        // 1.0: the server closes after its answer, which ends it.
        stream.write_all(b"GET /v1/metrics HTTP/1.0\r\n\r\n").await?;
        let mut text = String::new();
        stream.take(BYTES_MAX).read_to_string(&mut text).await?;
        Ok::<_, std::io::Error>(text)
    };
    let text = tokio::time::timeout(Duration::from_millis(LIMIT_MS), reading)
        .await
        .map_err(|_| failed(format!("no answer within {LIMIT_MS} ms")))?
        .map_err(|error| failed(error.to_string()))?;
    if !text.starts_with("HTTP/1.0 200") && !text.starts_with("HTTP/1.1 200") {
        return Err(failed(text.lines().next().unwrap_or("no answer").to_owned()));
    }
    Ok(parse(&text))
}

fn parse(text: &str) -> BTreeMap<String, u64> {
    let mut started = BTreeMap::new();
    for line in text.lines() {
        let Some(rest) = line.strip_prefix("grpc_server_started_total{") else { continue };
        let Some((labels, value)) = rest.split_once('}') else { continue };
        let label = |name: &str| {
            let at = labels.find(&format!("{name}=\""))? + name.len() + 2;
            labels[at..].split('"').next()
        };
        let (Some(service), Some(method)) = (label("grpc_service"), label("grpc_method")) else {
            continue;
        };
        let Ok(count) = value.trim().parse::<f64>() else { continue };
        // A counter of calls: whole, and far below where floats lose units.
        *started.entry(format!("/{service}/{method}")).or_default() += count as u64;
    }
    started.retain(|_, count: &mut u64| *count > 0);
    started
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn calls_started_are_read_and_those_never_made_are_left_out() {
        let text = "# TYPE grpc_server_started_total counter\n\
            grpc_server_started_total{grpc_method=\"Get\",grpc_service=\"a.v1.A\",grpc_type=\"unary\"} 7\n\
            grpc_server_started_total{grpc_method=\"Put\",grpc_service=\"a.v1.A\",grpc_type=\"unary\"} 0\n\
            grpc_server_handled_total{grpc_method=\"Get\"} 9\n";
        assert_eq!(parse(text), BTreeMap::from([("/a.v1.A/Get".to_owned(), 7)]));
    }

    proptest! {
        #[test]
        fn no_text_makes_the_parser_panic(text in "(grpc_server_started_total\\{)?.{0,80}") {
            let _ = parse(&text);
        }
    }
}
