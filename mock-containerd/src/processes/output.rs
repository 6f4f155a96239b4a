//! What a process writes to. Several may share one: a shell and its jobs.

use std::fmt;
use std::sync::Arc;

use tokio::io::{AsyncWrite, AsyncWriteExt};
use tokio::sync::Mutex;

/// How much a pipe holds, as in Linux: a process that writes more waits for its reader.
pub(super) const PIPE_BYTES: usize = 64 * 1024;

/// Closed when the last who holds it lets go.
#[derive(Clone, Default)]
pub(crate) enum Output {
    /// `/dev/null`.
    #[default]
    Nothing,
    /// Held over the wait for a reader, so that what two write does not mix.
    Shared(Arc<Mutex<Sink>>),
}

pub(crate) struct Sink {
    writer: Box<dyn AsyncWrite + Send + Unpin>,
    /// A terminal makes two characters of the end of a line.
    terminal: bool,
}

impl Output {
    pub(crate) fn of(writer: impl AsyncWrite + Send + Unpin + 'static) -> Self {
        Self::made(writer, false)
    }

    pub(crate) fn terminal(writer: impl AsyncWrite + Send + Unpin + 'static) -> Self {
        Self::made(writer, true)
    }

    fn made(writer: impl AsyncWrite + Send + Unpin + 'static, terminal: bool) -> Self {
        Self::Shared(Arc::new(Mutex::new(Sink { writer: Box::new(writer), terminal })))
    }

    /// Waits while it is full. False: nobody can read it any more.
    pub(crate) async fn write(&self, bytes: &[u8]) -> bool {
        let Self::Shared(sink) = self else { return true };
        let mut sink = sink.lock().await;
        if !sink.terminal {
            return sink.writer.write_all(bytes).await.is_ok();
        }
        let mut cooked = Vec::with_capacity(bytes.len() + 8);
        for byte in bytes {
            if *byte == b'\n' {
                cooked.push(b'\r');
            }
            cooked.push(*byte);
        }
        sink.writer.write_all(&cooked).await.is_ok()
    }
}

impl fmt::Debug for Output {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Nothing => "Output::Nothing",
            Self::Shared(_) => "Output::Shared",
        })
    }
}
