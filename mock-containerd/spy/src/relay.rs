//! One connection: bytes from one socket to the other, and a copy to the reader.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use bytes::Bytes;
use rpc_ledger::{ConnectionId, Ledger, Seq};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::UnixStream;
use tokio::net::unix::{OwnedReadHalf, OwnedWriteHalf};
use tokio::sync::mpsc;

use crate::progress::Progress;
use crate::reader::{Blind, ConnectionReader, Direction};

/// How much is read from a socket at once.
const CHUNK_BYTES: usize = 64 * 1024;
/// How many chunks may wait for the reader.
const QUEUE_CHUNKS: usize = 4096;

struct Chunk {
    direction: Direction,
    seq: Seq,
    bytes: Bytes,
}

/// What both directions of a connection share.
struct Shared {
    progress: Arc<Progress>,
    chunks: mpsc::Sender<Chunk>,
    overflown: AtomicBool,
    server_closed_first: AtomicBool,
    closed: AtomicBool,
}

/// Relays until both sides are done, and says why the reader went blind, if it did.
pub(crate) async fn relay(
    client: UnixStream,
    server: UnixStream,
    connection: ConnectionId,
    ledger: Ledger,
    progress: Arc<Progress>,
    tell_blind: impl Fn(Blind) + Send + Sync + 'static,
) {
    let (chunks, queue) = mpsc::channel(QUEUE_CHUNKS);
    let shared = Arc::new(Shared {
        progress: progress.clone(),
        chunks,
        overflown: AtomicBool::new(false),
        server_closed_first: AtomicBool::new(false),
        closed: AtomicBool::new(false),
    });
    let (from_client, to_client) = client.into_split();
    let (from_server, to_server) = server.into_split();
    let reading = tokio::spawn(read(queue, ConnectionReader::new(ledger, connection), progress));
    // Aborted with this task: a tap that is dropped leaves no reader behind.
    let reading = AbortOnDrop(reading);
    // Each direction ends by itself: after a half-close the other one goes on.
    let up = pass(from_client, to_server, Direction::ToServer, &shared);
    let down = pass(from_server, to_client, Direction::ToClient, &shared);
    tokio::join!(up, down);

    let server_first = shared.server_closed_first.load(Ordering::Relaxed);
    let overflown = shared.overflown.load(Ordering::Relaxed);
    drop(shared);
    let Some((reader, blind)) = reading.join().await else { return };
    match blind {
        Some(blind) => tell_blind(blind),
        None if overflown => tell_blind(Blind::Overflow),
        None => reader.close(server_first),
    }
}

struct AbortOnDrop<T>(tokio::task::JoinHandle<T>);

impl<T> AbortOnDrop<T> {
    async fn join(mut self) -> Option<T> {
        (&mut self.0).await.ok()
    }
}

impl<T> Drop for AbortOnDrop<T> {
    fn drop(&mut self) {
        self.0.abort();
    }
}

async fn pass(
    mut from: OwnedReadHalf,
    mut to: OwnedWriteHalf,
    direction: Direction,
    shared: &Shared,
) {
    let mut buffer = vec![0; CHUNK_BYTES];
    let mut refused = false;
    // A reset or a broken pipe is how short-lived clients end: ordinary, like an end of file.
    while let Ok(length) = from.read(&mut buffer).await {
        if length == 0 {
            break;
        }
        let bytes = &buffer[..length];
        shared.offer(direction, bytes);
        refused = to.write_all(bytes).await.is_err();
        if refused {
            break;
        }
    }
    // Who takes no more has closed, as much as who says no more.
    let by_server = (direction == Direction::ToClient) != refused;
    if !shared.closed.swap(true, Ordering::Relaxed) && by_server {
        shared.server_closed_first.store(true, Ordering::Relaxed);
    }
    let _ = to.shutdown().await;
}

impl Shared {
    /// Hands a chunk to the reader before it is written on, so that a request is always read
    /// before its reply can exist. Never waits.
    fn offer(&self, direction: Direction, bytes: &[u8]) {
        let seq = self.progress.relayed();
        if self.overflown.load(Ordering::Relaxed) {
            self.progress.read(seq);
            return;
        }
        let chunk = Chunk { direction, seq, bytes: Bytes::copy_from_slice(bytes) };
        if let Err(mpsc::error::TrySendError::Full(_)) = self.chunks.try_send(chunk) {
            self.overflown.store(true, Ordering::Relaxed);
            self.progress.read(seq);
        }
    }
}

async fn read(
    mut queue: mpsc::Receiver<Chunk>,
    mut reader: ConnectionReader,
    progress: Arc<Progress>,
) -> (ConnectionReader, Option<Blind>) {
    let mut blind = None;
    while let Some(chunk) = queue.recv().await {
        if blind.is_none() {
            blind = reader.feed(chunk.direction, chunk.seq, &chunk.bytes).err();
        }
        progress.read(chunk.seq);
    }
    (reader, blind)
}

#[cfg(test)]
mod tests {
    use super::*;
    use rpc_ledger::Ended;

    const SETTINGS: [u8; 9] = [0, 0, 0, 4, 0, 0, 0, 0, 0];

    /// The preface, and the headers of a call that stays open.
    fn opening() -> Vec<u8> {
        let mut bytes = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n".to_vec();
        let path = b"/a.A/B";
        let length = u8::try_from(path.len() + 2).unwrap();
        // HEADERS that end, on stream 1: a literal with the static name `:path`.
        bytes.extend([0, 0, length, 1, 4, 0, 0, 0, 1, 4, length - 2]);
        bytes.extend(path);
        bytes
    }

    #[tokio::test]
    async fn a_server_that_takes_no_more_has_broken_the_calls_that_are_open() {
        let (mut client, of_client) = UnixStream::pair().unwrap();
        let (mut server, of_server) = UnixStream::pair().unwrap();
        let ledger = Ledger::new();
        let progress = Arc::new(Progress::new(ledger.clone()));
        let connection = ledger.open_connection();
        let relaying = relay(of_client, of_server, connection, ledger.clone(), progress, |_| ());
        let relaying = tokio::spawn(relaying);
        client.write_all(&opening()).await.unwrap();
        server.read_exact(&mut vec![0; opening().len()]).await.unwrap();
        let server = server.into_std().unwrap();
        server.shutdown(std::net::Shutdown::Read).unwrap();
        client.write_all(&SETTINGS).await.unwrap();
        drop(client);
        drop(server);
        relaying.await.unwrap();
        assert_eq!(ledger.calls()[0].ended, Some(Ended::Broken));
    }
}
