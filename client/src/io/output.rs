//! What a process writes, as it is read.

use std::io;
use std::os::fd::OwnedFd;
use std::pin::Pin;
use std::sync::{Arc, Weak};
use std::task::{Context, Poll};

use tokio::io::{AsyncRead, AsyncReadExt, ReadBuf};
use tokio::net::unix::pipe;

use super::ended::Ended;
use crate::registry::{Incarnation, Status};

/// One output of a process.
///
/// Nothing is read ahead: what is not read stays in the FIFO (64 KiB), and then the process blocks
/// when it writes. It ends when the process's last writer has closed it: a child that outlives the
/// process keeps it open. Dropped before its end, it is read by nobody any more; dropped before the
/// process is started, it is there to be taken again.
#[derive(Debug)]
pub struct Output {
    /// `None` only while it is dropped.
    fifo: Option<pipe::Receiver>,
    ended: Ended,
    of: Weak<Incarnation>,
    /// Which of the process's outputs it is.
    place: usize,
}

impl Output {
    pub(super) fn new(fifo: OwnedFd, of: &Arc<Incarnation>, place: usize) -> io::Result<Self> {
        let fifo = Some(pipe::Receiver::from_owned_fd(fifo)?);
        Ok(Self { fifo, ended: Ended::of(of.watch()), of: Arc::downgrade(of), place })
    }

    /// Reads and drops what comes, until its end.
    pub(super) async fn drain(mut self) {
        let mut buffer = vec![0; 16 * 1024];
        while let Ok(1..) = self.read(&mut buffer).await {}
    }
}

impl AsyncRead for Output {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let this = &mut *self;
        let fifo = this.fifo.as_mut().expect("it is there until it is dropped");
        // Before its first writer a FIFO reads as ended, but is not readable. After the process's
        // end there may never be one, and reading tells the truth: nothing, or not yet.
        if this.ended.poll(context).is_ready() {
            match rustix::io::read(&*fifo, buffer.initialize_unfilled()) {
                Err(rustix::io::Errno::AGAIN) => {}
                Err(error) => return Poll::Ready(Err(error.into())),
                Ok(read) => {
                    buffer.advance(read);
                    return Poll::Ready(Ok(()));
                }
            }
        }
        Pin::new(fifo).poll_read(context, buffer)
    }
}

impl Drop for Output {
    fn drop(&mut self) {
        // The shim of an exec waits in its start until there is a reader.
        if let Some(of) = self.of.upgrade()
            && of.standing().status == Status::Created
            && let Some(Ok(fifo)) = self.fifo.take().map(pipe::Receiver::into_nonblocking_fd)
        {
            of.hold.give_back(fifo, self.place);
        }
    }
}
