//! FIFOs, as a shim holds them: both ends of each, so that no client that goes away breaks a pipe.

use std::io;
use std::os::unix::fs::FileTypeExt;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use tokio::io::AsyncWrite;
use tokio::net::unix::pipe;

use super::super::input::Stdin;

/// Nothing tells when a FIFO gets its reader: it is asked for this often.
const READER_POLL_MS: u64 = 5;

pub(super) fn is_one(path: &str) -> bool {
    std::fs::metadata(path).is_ok_and(|metadata| metadata.file_type().is_fifo())
}

/// The writing end, and a reading end that nobody reads.
#[derive(Debug)]
pub(super) struct Writer {
    write: pipe::Sender,
    _read: pipe::Receiver,
}

/// Waits until somebody reads it.
pub(super) async fn writer(path: &str) -> io::Result<Writer> {
    const NO_READER: i32 = 6;
    let mut poll = tokio::time::interval(Duration::from_millis(READER_POLL_MS));
    loop {
        match pipe::OpenOptions::new().open_sender(path) {
            Err(error) if error.raw_os_error() == Some(NO_READER) => {
                poll.tick().await;
            }
            opened => {
                let write = opened?;
                let _read = pipe::OpenOptions::new().open_receiver(path)?;
                return Ok(Writer { write, _read });
            }
        }
    }
}

/// A writer of standard input that needs no reader.
pub(super) fn keep_open(path: &str) -> io::Result<pipe::Sender> {
    pipe::OpenOptions::new().read_write(true).open_sender(path)
}

pub(super) fn reader(path: &str, keep_open: pipe::Sender) -> io::Result<Stdin> {
    // That one was opened to read as well, and would keep a writer from seeing that nobody does.
    let read = pipe::OpenOptions::new().open_receiver(path)?;
    let writer = pipe::OpenOptions::new().open_sender(path)?;
    drop(keep_open);
    Ok(Stdin { read, keep_open: Some(writer) })
}

impl AsyncWrite for Writer {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.write).poll_write(context, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.write).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.write).poll_shutdown(context)
    }
}
