//! A connection on which any authority is taken.

use std::io::{self, IoSlice};
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

use super::frames::Frames;

/// Reads what a client says with its authority mended. What is written is left alone.
#[derive(Debug)]
pub(crate) struct AnyAuthority<IO> {
    io: IO,
    frames: Frames,
    held: Vec<u8>,
    /// So many of those held may go on.
    released: usize,
}

impl<IO> AnyAuthority<IO> {
    pub(crate) fn new(io: IO) -> Self {
        Self { io, frames: Frames::default(), held: Vec::new(), released: 0 }
    }
}

impl<IO: AsyncRead + Unpin> AsyncRead for AnyAuthority<IO> {
    fn poll_read(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        loop {
            if this.released > 0 {
                let some = this.released.min(buffer.remaining());
                buffer.put_slice(&this.held[..some]);
                this.held.drain(..some);
                this.released -= some;
                return Poll::Ready(Ok(()));
            }
            if this.frames.passes_all() && this.held.is_empty() {
                return Pin::new(&mut this.io).poll_read(context, buffer);
            }
            let before = buffer.filled().len();
            ready!(Pin::new(&mut this.io).poll_read(context, buffer))?;
            let came = &buffer.filled()[before..];
            if came.is_empty() {
                // The end, or no room. What is held is cut off and nobody's but the reader's.
                if buffer.remaining() > 0 {
                    this.frames.pass_all();
                    this.released = this.held.len();
                }
                if this.released == 0 {
                    return Poll::Ready(Ok(()));
                }
            } else {
                this.held.extend_from_slice(came);
                buffer.set_filled(before);
                this.released = this.frames.follow(&mut this.held);
            }
        }
    }
}

impl<IO: AsyncWrite + Unpin> AsyncWrite for AnyAuthority<IO> {
    fn poll_write(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.get_mut().io).poll_write(context, bytes)
    }

    fn poll_flush(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.get_mut().io).poll_flush(context)
    }

    fn poll_shutdown(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.get_mut().io).poll_shutdown(context)
    }

    fn is_write_vectored(&self) -> bool {
        self.io.is_write_vectored()
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        slices: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.get_mut().io).poll_write_vectored(context, slices)
    }
}
