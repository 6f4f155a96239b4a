//! The mock as others hold it: built, started, asked what it counted, dropped.

use std::io;
use std::ops::Deref;
use std::os::unix::fs::{FileTypeExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::time::Duration;

use rpc_ledger::{ConnectionId, Ledger};
use tokio::net::{UnixListener, UnixStream};
use tokio::task::{JoinHandle, JoinSet};

use crate::cgroups::Cgroups;
use crate::clock::Clock;
use crate::events::{Bus, QUEUE_MAX};
use crate::faults::{Door, Engine, Faults};
use crate::interleave::Interleave;
use crate::memory::InMemory;
use crate::processes::{Pids, ProcessScript, Scripts};
use crate::server::{Server, serve};
use crate::state::{Runtimes, State};
use crate::store::Store;
use crate::world::World;
use crate::{Profile, SandboxScript};

/// Why a mock could not start.
///
/// ```
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// use mock_containerd::{MockContainerd, StartError};
///
/// let first = MockContainerd::builder().start().await?;
/// let second = MockContainerd::builder().socket(first.socket()).start().await;
/// assert!(matches!(second, Err(StartError::Taken(socket)) if socket == first.socket()));
/// # Ok(())
/// # }
/// ```
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// Somebody listens there already.
    #[error("cannot listen on {}: another process listens there", .0.display())]
    Taken(PathBuf),
    /// Something is there that is no socket.
    #[error("cannot listen on {}: a file that is not a socket is in the way", .0.display())]
    NotASocket(PathBuf),
    /// There can be no placeholders for pids.
    #[error("{0}: real pids want root, and unshare, sh and cat on PATH")]
    Pids(String),
    /// The system said no.
    #[error("cannot listen on {}: {cause}", path.display())]
    Listen {
        /// Where.
        path: PathBuf,
        /// Why.
        cause: io::Error,
    },
}

/// Options of a mock.
///
/// ```
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// use mock_containerd::{MockContainerd, ProcessScript, Profile};
///
/// let mock = MockContainerd::builder()
///     .profile(Profile::V2_1)
///     .process("sleep", ProcessScript::runs_until_killed().ends_on_term(0))
///     .start()
///     .await?;
/// assert!(mock.socket().exists());
/// # Ok(())
/// # }
/// ```
#[derive(Debug, Default)]
pub struct Builder {
    profile: Profile,
    ledger: Option<Ledger>,
    socket: Option<PathBuf>,
    watch: Option<PathBuf>,
    root: Option<PathBuf>,
    scripts: Scripts,
    pids: Pids,
    runtimes: Runtimes,
    cgroups: Cgroups,
    faults: Faults,
    interleave: Option<u64>,
    event_queue: Option<usize>,
}

impl Builder {
    /// Plays this version.
    pub fn profile(mut self, profile: Profile) -> Self {
        self.profile = profile;
        self
    }

    /// Counts into this ledger.
    pub fn ledger(mut self, ledger: Ledger) -> Self {
        self.ledger = Some(ledger);
        self
    }

    /// Listens here. Without, in a private folder of its own.
    pub fn socket(mut self, path: impl Into<PathBuf>) -> Self {
        self.socket = Some(path.into());
        self
    }

    /// Listens here as well, for those who watch how the clients fare: faults neither touch nor count
    /// their calls, do not cut their connections, and change nothing of what they are told of events.
    pub fn watch_socket(mut self, path: impl Into<PathBuf>) -> Self {
        self.watch = Some(path.into());
        self
    }

    /// Keeps content and snapshots here. Without, in a private folder of its own, which is made
    /// when it is first needed and removed with the mock.
    pub fn root(mut self, path: impl Into<PathBuf>) -> Self {
        self.root = Some(path.into());
        self
    }

    /// Gives a command, by its first word, a script of its own.
    pub fn process(mut self, command: impl Into<String>, script: ProcessScript) -> Self {
        self.scripts.register(command, script);
        self
    }

    /// Takes scripts that were read from a file.
    pub fn processes(mut self, scripts: Scripts) -> Self {
        self.scripts = scripts;
        self
    }

    /// Has a runtime of this name whose shim plays sandboxes; its containers run as runc's do.
    /// Without, sandboxes are what runc's own shim makes of them: in 1.7 it pauses, in 2.1 it knows
    /// none.
    pub fn sandboxes(mut self, runtime: impl Into<String>, script: SandboxScript) -> Self {
        self.runtimes.register(runtime.into(), script);
        self
    }

    /// Plays a host with these cgroups: metrics are of their type. Without, v1, so that a test sees the
    /// same on every machine; [`Cgroups::of_host`] is what a real containerd here would tell.
    pub fn cgroups(mut self, cgroups: Cgroups) -> Self {
        self.cgroups = cgroups;
        self
    }

    /// Lets things go wrong.
    pub fn faults(mut self, faults: Faults) -> Self {
        self.faults = faults;
        self
    }

    /// Every message takes a while that is drawn by this seed, at most 15 ms: what happens at once
    /// happens in another order. In memory, with time that stands still, it is the same order for
    /// the same seed, and takes no time.
    pub fn interleave(mut self, seed: u64) -> Self {
        self.interleave = Some(seed);
        self
    }

    /// How many events wait for a subscriber that does not read; 100,000 unless told otherwise. One
    /// more ends its stream with RESOURCE_EXHAUSTED.
    pub fn event_queue(mut self, events: usize) -> Self {
        self.event_queue = Some(events);
        self
    }

    /// Shows pids of this kind.
    pub fn pids(mut self, pids: Pids) -> Self {
        self.pids = pids;
        self
    }

    fn parts(self, clock: Clock) -> (World, Server, Option<PathBuf>) {
        let engine = Engine::default();
        let bus = Bus::new(engine.clone(), self.event_queue.unwrap_or(QUEUE_MAX));
        let state = State::new(self.profile, self.cgroups, clock).with_runtimes(self.runtimes);
        let world = World::new(state, bus, self.scripts, Store::new(self.root), self.pids);
        let interleave = self.interleave.map(Interleave::new);
        let ledger = self.ledger.unwrap_or_default();
        let server = Server::new(&world, ledger, engine, interleave);
        server.faults().add(self.faults);
        (world, server, self.socket)
    }

    /// Serves in memory, without any socket. Its time is the runtime's: where that is paused
    /// (`tokio::time::pause`), an hour of a process passes at once, and every stamp is the same
    /// in every run.
    pub fn in_memory(mut self) -> InMemory {
        self.pids = Pids::Numbers;
        let (_, server, _) = self.parts(Clock::begin_virtual());
        InMemory::new(server)
    }

    /// Serves on a socket.
    pub async fn start(self) -> Result<MockContainerd, StartError> {
        let (pids, watch) = (self.pids, self.watch.clone());
        let (world, server, socket) = self.parts(Clock::Wall);
        if pids == Pids::Real {
            // Better now than at the first task.
            world.take_pids(true, 0).await.map_err(|failure| StartError::Pids(failure.message))?;
        }
        let (folder, socket) = match socket {
            Some(socket) => (None, socket),
            None => {
                let named = format!("laconic-mock-{}-", std::process::id());
                // Left to the umask, everybody could look into it.
                let folder = tempfile::Builder::new()
                    .prefix(&named)
                    .permissions(std::fs::Permissions::from_mode(0o700))
                    .tempdir();
                let folder = folder
                    .map_err(|cause| StartError::Listen { path: std::env::temp_dir(), cause })?;
                let socket = folder.path().join("containerd.sock");
                (Some(folder), socket)
            }
        };
        let listener = listen(&socket).await?;
        let beside = listen(&beside(&socket)).await?;
        let watchers = match &watch {
            Some(path) => Some(listen(path).await?),
            None => None,
        };
        let forwarding = server.forwarding();
        let by = |door: Door| {
            let server = server.clone();
            move |io| serve(io, server.clone(), server.arrive(door))
        };
        let (clients, watching) = (by(Door::Front), by(Door::Watchers));
        let accepting = tokio::spawn(async move {
            tokio::join!(
                accept(listener, clients),
                accept(beside, move |io| crate::ttrpc::serve(io, forwarding.clone())),
                async {
                    if let Some(watchers) = watchers {
                        accept(watchers, watching).await;
                    }
                },
            );
        });
        Ok(MockContainerd { socket, watch, server, accepting, world, _folder: folder })
    }
}

/// A running mock. Dropping it stops it and removes its socket.
///
/// ```
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// use mock_containerd::MockContainerd;
///
/// let mock = MockContainerd::builder().start().await?;
/// let socket = mock.socket().to_owned();
/// assert!(socket.exists());
/// drop(mock);
/// assert!(!socket.exists());
/// # Ok(())
/// # }
/// ```
#[derive(Debug)]
pub struct MockContainerd {
    socket: PathBuf,
    watch: Option<PathBuf>,
    server: Server,
    accepting: JoinHandle<()>,
    world: World,
    // Private, and removed with the mock.
    _folder: Option<tempfile::TempDir>,
}

impl MockContainerd {
    /// Options.
    pub fn builder() -> Builder {
        Builder::default()
    }

    /// Where it listens.
    pub fn socket(&self) -> &Path {
        &self.socket
    }

    /// Where those who watch come in.
    pub fn watch_socket(&self) -> Option<&Path> {
        self.watch.as_deref()
    }

    /// The connections of clients, by their numbers in the ledger, in the order in which they were
    /// made.
    pub fn connections(&self) -> Vec<ConnectionId> {
        self.server.arrivals().in_order()
    }
}

impl Deref for MockContainerd {
    type Target = Server;

    fn deref(&self) -> &Server {
        &self.server
    }
}

impl Drop for MockContainerd {
    fn drop(&mut self) {
        self.accepting.abort();
        self.world.change(State::end_tasks);
        self.world.store().close();
        let _ = std::fs::remove_file(&self.socket);
        let _ = std::fs::remove_file(beside(&self.socket));
        if let Some(watch) = &self.watch {
            let _ = std::fs::remove_file(watch);
        }
    }
}

/// Where shims forward their events to.
fn beside(socket: &Path) -> PathBuf {
    let mut name = socket.as_os_str().to_owned();
    name.push(".ttrpc");
    PathBuf::from(name)
}

pub(crate) async fn listen(socket: &Path) -> Result<UnixListener, StartError> {
    let failed = |cause| StartError::Listen { path: socket.to_owned(), cause };
    if let Ok(metadata) = std::fs::symlink_metadata(socket) {
        if !metadata.file_type().is_socket() {
            return Err(StartError::NotASocket(socket.to_owned()));
        }
        // A socket file that a dead process left refuses; one that is served does not.
        match UnixStream::connect(socket).await {
            Err(error) if error.kind() == io::ErrorKind::ConnectionRefused => {
                std::fs::remove_file(socket).map_err(failed)?;
            }
            _ => return Err(StartError::Taken(socket.to_owned())),
        }
    }
    let listener = UnixListener::bind(socket).map_err(failed)?;
    let private = std::fs::Permissions::from_mode(0o600);
    std::fs::set_permissions(socket, private).map_err(failed)?;
    Ok(listener)
}

/// Between a connection that could not be accepted and the next.
const ACCEPT_PAUSE: Duration = Duration::from_millis(10);

pub(crate) async fn accept<F>(listener: UnixListener, serve: impl Fn(UnixStream) -> F)
where
    F: Future<Output = ()> + Send + 'static,
{
    // Owned here: aborting this task aborts every connection.
    let mut connections = JoinSet::new();
    loop {
        tokio::select! {
            accepted = listener.accept() => {
                match accepted {
                    Ok((io, _)) => drop(connections.spawn(serve(io))),
                    // It was gone before we came; or no descriptor is left, and asking again at once
                    // would take all there is of the processor.
                    Err(_) => tokio::time::sleep(ACCEPT_PAUSE).await,
                }
            }
            Some(_) = connections.join_next() => {}
        }
    }
}
