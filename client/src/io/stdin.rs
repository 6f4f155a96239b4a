//! What a process reads, as it is written.

use std::future::Future;
use std::io;
use std::path::PathBuf;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use tokio::io::AsyncWrite;
use tokio::net::unix::pipe;
use tokio::sync::watch;

use super::Input;
use super::ended::Ended;
use super::fifo;
use crate::handle::Handle;
use crate::registry::{Standing, Status};
use crate::{Error, Kind};

/// How long a shim that does not read is waited for before it is told that there is no more.
const MEETING_LIMIT: Duration = Duration::from_secs(10);
/// Nothing tells when a FIFO gets its reader: it is asked for this often.
const READER_POLL: Duration = Duration::from_millis(5);

type Doing<T> = Pin<Box<dyn Future<Output = T> + Send>>;

/// Standard input of a process.
///
/// Nothing is written before the process is started and its shim reads; then, when 64 KiB are not
/// read yet, writing waits. Once nobody can read any more it fails (`BrokenPipe`).
///
/// Closed by `shutdown`, which tells what came of it, or when it is dropped: our end, and by one
/// Tasks/CloseIO the server's. When the reply to the start is still to come, that is told after it;
/// when the process has exited or is gone, nobody is told.
///
/// RPCs: 1 (Tasks/CloseIO) once it is closed; 0 when its process has exited.
pub struct Stdin {
    handle: Handle,
    input: Arc<Input>,
    ended: Ended,
    opening: Doing<io::Result<pipe::Sender>>,
    closing: Option<Doing<Result<(), Error>>>,
    closed: bool,
}

fn broken() -> io::Error {
    io::ErrorKind::BrokenPipe.into()
}

/// Opens our end once the process is started and somebody reads it: what is written is lost
/// otherwise when we close it first.
async fn open(path: PathBuf, mut standing: watch::Receiver<Standing>) -> io::Result<pipe::Sender> {
    let begun = |now: &Standing| now.has_ended() || now.status != Status::Created;
    standing.wait_for(begun).await.map_err(|_| broken())?;
    loop {
        if standing.borrow_and_update().has_ended() {
            return Err(broken());
        }
        if let Some(opened) = fifo::writer(&path)? {
            return pipe::Sender::from_owned_fd(opened);
        }
        tokio::select! {
            changed = standing.changed() => changed.map_err(|_| broken())?,
            () = tokio::time::sleep(READER_POLL) => {}
        }
    }
}

async fn close(handle: Handle) -> Result<(), Error> {
    let name = if handle.of.exec.is_some() { "exec-close-stdin" } else { "close-stdin" };
    handle.whole(name, handle.close_input()).await
}

impl Handle {
    /// Opens our end for a moment, unless it was: the shim opens both of its ends aside, and its
    /// reader comes after a writer only. Were its own writer closed before that, by CloseIO, it
    /// would wait for another one for ever, and the process's input would never end.
    pub(crate) async fn meet_reader(&self, input: &Input) {
        if input.was_open() {
            return;
        }
        let opening = open(input.path().to_owned(), self.of.watch());
        // Where the process ends meanwhile, or its FIFOs are gone, there is nobody to be met.
        match tokio::time::timeout(MEETING_LIMIT, opening).await {
            Ok(met) => drop(met),
            Err(_) => tracing::warn!(limit = ?MEETING_LIMIT, "its input is not read"),
        }
    }
}

impl Stdin {
    pub(crate) fn new(handle: &Handle, input: Arc<Input>) -> Self {
        let opening = Box::pin(open(input.path().to_owned(), handle.of.watch()));
        let ended = Ended::of(handle.of.watch());
        Self { handle: handle.untied(), input, ended, opening, closing: None, closed: false }
    }

    fn poll_fifo(
        &mut self,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Option<Poll<io::Result<usize>>> {
        let mut state = self.input.state();
        if state.is_closed() {
            return Some(Poll::Ready(Err(broken())));
        }
        state.writer = Some(context.waker().clone());
        let fifo = state.fifo.as_mut()?;
        Some(Pin::new(fifo).poll_write(context, bytes))
    }
}

impl AsyncWrite for Stdin {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        if self.ended.poll(context).is_ready() {
            return Poll::Ready(Err(broken()));
        }
        loop {
            if let Some(done) = self.poll_fifo(context, bytes) {
                return done;
            }
            let opened = ready!(self.opening.as_mut().poll(context))?;
            let mut state = self.input.state();
            if !state.is_closed() {
                state.fifo = Some(opened);
                state.was_open = true;
            }
        }
    }

    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        if self.closed {
            return Poll::Ready(Ok(()));
        }
        let handle = self.handle.clone();
        let closing = self.closing.get_or_insert_with(|| Box::pin(close(handle)));
        let done = ready!(closing.as_mut().poll(context));
        self.closing = None;
        // What failed is not tried again when it is dropped.
        self.closed = true;
        Poll::Ready(done.map_err(io::Error::other))
    }
}

impl Drop for Stdin {
    fn drop(&mut self) {
        if self.closed {
            return;
        }
        let handle = self.handle.clone();
        self.handle.shared.runtime.spawn(async move {
            if let Err(error) = close(handle).await
                && error.kind() != Kind::NotFound
            {
                tracing::warn!(%error, "the server could not be told that standard input is closed");
            }
        });
    }
}

impl std::fmt::Debug for Stdin {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Stdin").field("input", &self.input).finish_non_exhaustive()
    }
}
