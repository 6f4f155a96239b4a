//! The tap: listens, connects on, and keeps what the connections say.

use std::collections::BTreeMap;
use std::io;
use std::os::unix::fs::{FileTypeExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use rpc_ledger::{ConnectionId, Ledger, Mark};
use rustix::event::{PollFd, PollFlags, poll};
use tokio::net::{UnixListener, UnixStream};
use tokio::sync::watch;
use tokio::task::{JoinHandle, JoinSet};

use crate::progress::Progress;
use crate::reader::Blind;
use crate::relay::relay;

/// Why a tap could not start.
#[derive(Debug, thiserror::Error)]
pub enum TapError {
    /// Somebody listens there already.
    #[error("cannot listen on {}: another process listens there", .0.display())]
    Taken(PathBuf),
    /// Something is there that is no socket.
    #[error("cannot listen on {}: a file that is not a socket is in the way", .0.display())]
    NotASocket(PathBuf),
    /// The system said no.
    #[error("cannot listen on {}: {cause}", path.display())]
    Listen {
        /// Where.
        path: PathBuf,
        /// Why.
        cause: io::Error,
    },
}

/// A connection whose counts are void.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BlindConnection {
    /// Which.
    pub connection: ConnectionId,
    /// Why.
    pub reason: Blind,
}

/// A connection that was made.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ConnectionInfo {
    /// Which.
    pub connection: ConnectionId,
    /// The process at its other end, when it was made.
    pub peer_pid: Option<i32>,
    /// Whether it still stands.
    pub open: bool,
}

#[derive(Debug)]
struct State {
    ledger: Ledger,
    progress: Arc<Progress>,
    upstream: PathBuf,
    connections: watch::Sender<BTreeMap<ConnectionId, ConnectionInfo>>,
    blind: Mutex<Vec<BlindConnection>>,
    unreachable: AtomicU64,
}

/// A running tap. Dropping it ends its connections and removes its socket.
#[derive(Debug)]
pub struct Tap {
    socket: PathBuf,
    state: Arc<State>,
    listener: Arc<UnixListener>,
    accepting: JoinHandle<()>,
}

impl Tap {
    /// Listens on `listen`, relays to `upstream`, counts into `ledger`. `upstream` need not exist
    /// yet: it is dialled for each connection.
    pub async fn start(listen: &Path, upstream: &Path, ledger: Ledger) -> Result<Self, TapError> {
        make_room(listen).await?;
        let failed = |cause| TapError::Listen { path: listen.to_owned(), cause };
        let listener = Arc::new(UnixListener::bind(listen).map_err(failed)?);
        let private = std::fs::Permissions::from_mode(0o600);
        std::fs::set_permissions(listen, private).map_err(failed)?;
        let state = Arc::new(State {
            progress: Arc::new(Progress::new(ledger.clone())),
            ledger,
            upstream: upstream.to_owned(),
            connections: watch::Sender::default(),
            blind: Mutex::default(),
            unreachable: AtomicU64::new(0),
        });
        let accepting = tokio::spawn(accept(listener.clone(), state.clone()));
        Ok(Self { socket: listen.to_owned(), state, listener, accepting })
    }

    /// Where it listens.
    pub fn socket(&self) -> &Path {
        &self.socket
    }

    /// What it counts into.
    pub fn ledger(&self) -> &Ledger {
        &self.state.ledger
    }

    /// Takes a number that stands after every chunk relayed so far.
    pub fn mark(&self) -> Mark {
        self.state.ledger.mark()
    }

    /// Done when the reader has read all that was relayed before the mark.
    pub async fn caught_up(&self, mark: Mark) {
        self.state.progress.caught_up(mark).await;
    }

    /// Connections that the reader could not follow. Theirs are no counts.
    pub fn blind(&self) -> Vec<BlindConnection> {
        self.state.blind.lock().expect("nothing panics while it holds this lock").clone()
    }

    /// Connections that ended at once because upstream could not be reached.
    pub fn unreachable(&self) -> u64 {
        self.state.unreachable.load(Ordering::Relaxed)
    }

    /// All connections that were made.
    pub fn connections(&self) -> Vec<ConnectionInfo> {
        self.state.connections.borrow().values().copied().collect()
    }

    /// Done when nobody is connected, or waits to be: all that was written before its writer hung up has
    /// been relayed and read. What is in a socket and was not relayed yet has no number, so that
    /// [`Tap::caught_up`] knows nothing of it.
    pub async fn hung_up(&self) {
        let mut connections = self.state.connections.subscribe();
        loop {
            let open = connections.borrow_and_update().values().any(|one| one.open);
            if !open && !self.has_callers() {
                return;
            }
            // The sender lives in self.
            let _ = connections.changed().await;
        }
    }

    /// Whether a connection was made that is not accepted yet. The kernel is asked: the runtime hears of
    /// it later.
    fn has_callers(&self) -> bool {
        let mut waiting = [PollFd::new(&*self.listener, PollFlags::IN)];
        let now = rustix::event::Timespec::default();
        poll(&mut waiting, Some(&now)).is_ok_and(|ready| ready > 0)
    }
}

impl Drop for Tap {
    fn drop(&mut self) {
        self.accepting.abort();
        let _ = std::fs::remove_file(&self.socket);
    }
}

/// A socket file that a dead process left is removed; one that somebody serves is not.
async fn make_room(path: &Path) -> Result<(), TapError> {
    let Ok(metadata) = std::fs::symlink_metadata(path) else { return Ok(()) };
    if !metadata.file_type().is_socket() {
        return Err(TapError::NotASocket(path.to_owned()));
    }
    match UnixStream::connect(path).await {
        Err(error) if error.kind() == io::ErrorKind::ConnectionRefused => {
            std::fs::remove_file(path)
                .map_err(|cause| TapError::Listen { path: path.to_owned(), cause })
        }
        _ => Err(TapError::Taken(path.to_owned())),
    }
}

/// Between a connection that could not be accepted and the next.
const ACCEPT_PAUSE: Duration = Duration::from_millis(10);

async fn accept(listener: Arc<UnixListener>, state: Arc<State>) {
    // Owned here: aborting this task aborts every connection.
    let mut connections = JoinSet::new();
    loop {
        tokio::select! {
            accepted = listener.accept() => {
                let Ok((client, _)) = accepted else {
                    // It was gone before we came; or no descriptor is left, and asking again at once
                    // would take all there is of the processor.
                    tokio::time::sleep(ACCEPT_PAUSE).await;
                    continue;
                };
                // Dialled here, so that upstream accepts them in the order of their numbers. A
                // connect to a Unix socket never waits: it is queued, or fails at once.
                let Ok(server) = UnixStream::connect(&state.upstream).await else {
                    state.unreachable.fetch_add(1, Ordering::Relaxed);
                    // Whoever waits for those who wait to be accepted looks again.
                    state.connections.send_modify(|_| ());
                    continue;
                };
                let connection = state.ledger.open_connection();
                let peer_pid = client.peer_cred().ok().and_then(|peer| peer.pid());
                let info = ConnectionInfo { connection, peer_pid, open: true };
                state.note(info);
                connections.spawn(serve(client, server, info, state.clone()));
            }
            Some(_) = connections.join_next() => {}
        }
    }
}

async fn serve(client: UnixStream, server: UnixStream, info: ConnectionInfo, state: Arc<State>) {
    let connection = info.connection;
    let told = state.clone();
    let tell_blind = move |reason| {
        let mut blind = told.blind.lock().expect("nothing panics while it holds this lock");
        blind.push(BlindConnection { connection, reason });
    };
    let progress = state.progress.clone();
    relay(client, server, connection, state.ledger.clone(), progress, tell_blind).await;
    state.note(ConnectionInfo { open: false, ..info });
}

impl State {
    fn note(&self, info: ConnectionInfo) {
        self.connections.send_modify(|all| {
            all.insert(info.connection, info);
        });
    }
}
