//! What a process reads from.

use std::collections::VecDeque;
use std::sync::Arc;

use tokio::io::{AsyncReadExt, DuplexStream};
use tokio::net::unix::pipe;
use tokio::sync::{Mutex, watch};

use super::controls::Controls;
use super::terminal::Lines;

/// The reading end of a FIFO, and a writing end of our own: standard input stays open, whatever the
/// client does with its end, until it is closed by CloseIO.
#[derive(Debug)]
pub(crate) struct Stdin {
    pub(crate) read: pipe::Receiver,
    pub(crate) keep_open: Option<pipe::Sender>,
}

impl Stdin {
    /// 0: it has ended.
    pub(crate) async fn read(
        &mut self,
        buffer: &mut [u8],
        controls: &mut watch::Receiver<Controls>,
    ) -> usize {
        loop {
            tokio::select! {
                // Biased: what is there already is read before the end is looked for.
                biased;
                read = self.read.read(buffer) => return read.unwrap_or(0),
                () = closed(controls), if self.keep_open.is_some() => {
                    // Now only the client's end keeps it open.
                    self.keep_open = None;
                }
            }
        }
    }
}

/// The borrow that `wait_for` returns must not live on: it is not `Send`.
async fn closed(controls: &mut watch::Receiver<Controls>) {
    let _ = controls.wait_for(|controls| controls.stdin_closed).await;
}

/// Several may share one, and each byte goes to one of them.
#[derive(Clone, Debug, Default)]
pub(crate) enum Input {
    /// `/dev/null`.
    #[default]
    Nothing,
    /// From outside.
    Fifo(Arc<Mutex<Stdin>>),
    /// From another process.
    Pipe(Arc<Mutex<DuplexStream>>),
    /// What stands there already.
    Text(Arc<Mutex<VecDeque<u8>>>),
    /// From a terminal.
    Lines(Arc<Mutex<Lines>>),
}

impl Input {
    pub(crate) fn fifo(stdin: Stdin) -> Self {
        Self::Fifo(Arc::new(Mutex::new(stdin)))
    }

    pub(crate) fn pipe(reader: DuplexStream) -> Self {
        Self::Pipe(Arc::new(Mutex::new(reader)))
    }

    pub(crate) fn text(text: Vec<u8>) -> Self {
        Self::Text(Arc::new(Mutex::new(text.into())))
    }

    /// 0: it has ended.
    pub(crate) async fn read(
        &self,
        buffer: &mut [u8],
        controls: &mut watch::Receiver<Controls>,
    ) -> usize {
        match self {
            Self::Nothing => 0,
            Self::Fifo(stdin) => stdin.lock().await.read(buffer, controls).await,
            Self::Pipe(reader) => reader.lock().await.read(buffer).await.unwrap_or(0),
            Self::Text(text) => {
                let mut text = text.lock().await;
                let length = buffer.len().min(text.len());
                for (to, from) in buffer.iter_mut().zip(text.drain(..length)) {
                    *to = from;
                }
                length
            }
            Self::Lines(lines) => lines.lock().await.read(buffer).await,
        }
    }
}
