//! A driver over JSON Lines: the door through which any program can be driven.

use std::collections::BTreeMap;
use std::sync::Arc;

use driver_protocol::{
    Close, Connect, Driver, DriverFactory, DriverFault, ErrorKind, FromDriver, Limits, Nothing,
    Outcome, PROTOCOL, Refusal, Request, RequestId, ToDriver,
};
use tokio::io::{AsyncBufRead, AsyncBufReadExt, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::sync::mpsc;
use tokio::task::{AbortHandle, JoinSet};

/// Why serving ended early.
#[derive(Debug, thiserror::Error)]
pub enum ServeError {
    /// A line could not be read or written.
    #[error("cannot talk to the harness: {0}")]
    Io(#[from] std::io::Error),
    /// The other side broke the protocol.
    #[error("protocol error: expected {expected}, got {got}")]
    Protocol {
        /// What should have come.
        expected: &'static str,
        /// What came.
        got: String,
    },
    /// The driver itself failed.
    #[error(transparent)]
    Driver(#[from] DriverFault),
}

/// Serves one driver until `bye` or the end of input.
pub async fn serve(
    factory: &dyn DriverFactory,
    connect: Connect,
    input: impl AsyncBufRead + Unpin,
    mut output: impl AsyncWrite + Unpin,
) -> Result<(), ServeError> {
    let mut lines = Lines { input, limit: Limits::default().line_bytes_max, begun: Vec::new() };
    let expected = "the harness's hello with protocol 1";
    match lines.next().await? {
        Some(ToDriver::Hello { protocol: PROTOCOL, .. }) => {}
        Some(other) => {
            return Err(ServeError::Protocol { expected, got: format!("{other:?}") });
        }
        None => {
            let got = "the end of input".to_owned();
            return Err(ServeError::Protocol { expected, got });
        }
    }
    let driver: Arc<dyn Driver> = Arc::from(factory.open(connect).await?);
    let hello = FromDriver::Hello { protocol: PROTOCOL, hello: driver.hello().clone() };
    say(&mut output, &hello).await?;
    say(&mut output, &FromDriver::Ready { ready: Nothing {} }).await?;

    let (tell, mut told) = mpsc::unbounded_channel();
    let mut work = JoinSet::new();
    let notices = (driver.clone(), tell.clone());
    work.spawn(async move {
        while let Some(notice) = notices.0.next_notice().await {
            if notices.1.send(FromDriver::Notice { notice }).is_err() {
                return;
            }
        }
    });
    let mut open: BTreeMap<RequestId, AbortHandle> = BTreeMap::new();
    loop {
        tokio::select! {
            line = lines.next() => match line? {
                None | Some(ToDriver::Bye { .. }) => break,
                Some(ToDriver::Request(request)) => {
                    let id = request.id;
                    let task = work.spawn(perform(driver.clone(), request, tell.clone()));
                    open.insert(id, task);
                }
                Some(ToDriver::Cancel { cancel }) => {
                    if let Some(task) = open.remove(&cancel) {
                        task.abort();
                        let outcome = Outcome::Error(Refusal {
                            kind: ErrorKind::Cancelled,
                            code: None,
                            message: "cancelled on demand".to_owned(),
                        });
                        say(&mut output, &FromDriver::Outcome { id: cancel, outcome }).await?;
                    }
                }
                Some(other @ ToDriver::Hello { .. }) => {
                    let (expected, got) = ("one hello", format!("{other:?}"));
                    return Err(ServeError::Protocol { expected, got });
                }
            },
            Some(line) = told.recv() => {
                // One that was cancelled while its outcome waited here has had its answer.
                let answered = matches!(&line, FromDriver::Outcome { id, .. } if open.remove(id).is_none());
                if !answered {
                    say(&mut output, &line).await?;
                }
            }
        }
    }
    driver.close(Close::Graceful).await?;
    Ok(())
}

async fn perform(
    driver: Arc<dyn Driver>,
    request: Request,
    tell: mpsc::UnboundedSender<FromDriver>,
) {
    let id = request.id;
    let outcome = driver.perform(request).await.unwrap_or_else(|fault| {
        Outcome::Error(Refusal {
            kind: ErrorKind::Internal,
            code: None,
            message: fault.to_string(),
        })
    });
    // Nobody listens any more once serving has ended.
    let _ = tell.send(FromDriver::Outcome { id, outcome });
}

async fn say(output: &mut (impl AsyncWrite + Unpin), line: &FromDriver) -> std::io::Result<()> {
    let mut text = serde_json::to_vec(line)?;
    text.push(b'\n');
    output.write_all(&text).await?;
    output.flush().await
}

struct Lines<R> {
    input: R,
    limit: u64,
    /// A line that has not come to its end: kept here, because waiting for it may be interrupted.
    begun: Vec<u8>,
}

impl<R: AsyncBufRead + Unpin> Lines<R> {
    async fn next(&mut self) -> Result<Option<ToDriver>, ServeError> {
        let left = (self.limit + 1).saturating_sub(self.begun.len() as u64);
        (&mut self.input).take(left).read_until(b'\n', &mut self.begun).await?;
        let line = std::mem::take(&mut self.begun);
        if line.is_empty() {
            return Ok(None);
        }
        if line.len() as u64 > self.limit {
            let (expected, got) = ("a line of at most 1 MiB", format!("{} bytes", line.len()));
            return Err(ServeError::Protocol { expected, got });
        }
        serde_json::from_slice(&line).map(Some).map_err(|error| {
            let got = format!("{} ({error})", String::from_utf8_lossy(&line).trim_end());
            ServeError::Protocol { expected: "a line of the protocol", got }
        })
    }
}
