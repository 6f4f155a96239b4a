//! A stand: one server, a tap for players, a tap for the observer, and the observer.

mod closing;

use std::fmt;
use std::fs::Permissions;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use driver_protocol::{ContainerId, Lifecycle, Pending};
use laconic_scenarios::{Closing, Event, Injected, Target, TargetFault};
use mock_containerd::{Faults, MockContainerd, Profile};
use rpc_ledger::{CallRecord, Ledger, Mark};
use rpc_spy::Tap;
use run_record::TargetRef;
use tokio::sync::RwLockReadGuard;

use crate::archive;
use crate::daemon::{PrivateDaemon, Rootfs, Unavailable};
use crate::detour::Detour;
use crate::injections::{Faulty, Injections};
use crate::kept::KeptDaemon;
use crate::observer::Observer;
use crate::server::Server;

/// Which target is wanted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum TargetSpec {
    /// The mock, as this version.
    Mock(Profile),
    /// A private containerd; `None`: the one on PATH.
    Real(Option<PathBuf>),
    /// A socket that somebody serves.
    Address(PathBuf),
}

/// As it is asked for on a command line.
impl fmt::Display for TargetSpec {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Mock(profile) => write!(f, "mock:{profile}"),
            Self::Real(None) => f.write_str("real"),
            Self::Real(Some(path)) => write!(f, "real:{}", path.display()),
            Self::Address(path) => write!(f, "{}", path.display()),
        }
    }
}

/// Why a target could not be started.
#[derive(Debug, thiserror::Error)]
pub enum StandError {
    /// This machine cannot run it; not an error unless it is required.
    #[error(transparent)]
    Unavailable(#[from] Unavailable),
    /// It failed.
    #[error("cannot start the target: {0}")]
    Failed(String),
}

/// Of the folders in which the taps' sockets stand.
pub(crate) const STAND_PREFIX: &str = "laconic-stand-";

struct Stand {
    server: Server,
    injections: Injections,
    player: Tap,
    /// The way on which things go wrong; a mock needs none.
    detour: Option<Detour>,
    /// Whether all cases take it, and whether the one under way does.
    always: bool,
    takes_detour: AtomicBool,
    /// How often the daemon had been restarted when the case under way began.
    restarts: AtomicU64,
    spy: Tap,
    observer: Option<Arc<Observer>>,
    asked: String,
    version: String,
    profile: Profile,
    prefix: String,
    rootfs: Option<Rootfs>,
    archive: OnceLock<Result<PathBuf, String>>,
    // The taps' sockets stand in it; it goes last.
    folder: tempfile::TempDir,
}

/// Starts a target.
pub async fn start(spec: &TargetSpec) -> Result<Box<dyn Target>, StandError> {
    start_with_faults(spec, None).await
}

/// Nobody may end it, or touch what it started.
const NOT_OURS: &str = "a daemon that is not ours is not restarted, nor are its shims touched";

/// Starts a target on which something goes wrong.
pub async fn start_with_faults(
    spec: &TargetSpec,
    faults: Option<&Faults>,
) -> Result<Box<dyn Target>, StandError> {
    let wants_daemon = faults.is_some_and(Faults::want_a_daemon);
    if wants_daemon && matches!(spec, TargetSpec::Address(_)) {
        let remedy = "leave [[daemon]] out of the faults, or run against mock or real".to_owned();
        return Err(Unavailable { reason: NOT_OURS.to_owned(), remedy }.into());
    }
    let failed = |error: &dyn std::fmt::Display| StandError::Failed(error.to_string());
    // Named by its owner: `laconic clean` removes it once that is dead.
    let named = format!("{STAND_PREFIX}{}-", std::process::id());
    let folder = tempfile::Builder::new()
        .prefix(&named)
        .permissions(Permissions::from_mode(0o700))
        .tempdir();
    let folder = folder.map_err(|error| failed(&error))?;
    // A name of nobody else's: the temporary folder's own.
    let unique = folder.path().file_name().map(|name| name.to_string_lossy().into_owned());
    let unique = unique.unwrap_or_default().replace(STAND_PREFIX, "");
    let (server, prefix) = serve(spec, faults, folder.path(), &unique).await?;
    let tap = |name: &str, upstream: &Path| {
        let (listen, upstream) = (folder.path().join(name), upstream.to_owned());
        async move { Tap::start(&listen, &upstream, Ledger::new()).await }
    };
    let player = tap("containerd.sock", server.socket()).await.map_err(|error| failed(&error))?;
    let spy = tap("observer.sock", server.watch_socket()).await.map_err(|error| failed(&error))?;
    let detour = match &server {
        Server::Mock(_) => None,
        _ => {
            let (faults, ledger) = (faults.cloned().unwrap_or_default(), player.ledger().clone());
            let opened = Detour::open(&server, faults, folder.path(), ledger).await;
            Some(opened.map_err(StandError::Failed)?)
        }
    };
    let observer = Observer::connect(spy.socket(), &prefix).await;
    let observer = Arc::new(observer.map_err(|error| failed(&error))?);
    if let Server::Real(daemon) = &server {
        daemon.heard_by(Some(observer.clone()));
    }
    let version = observer.version().await.map_err(|error| failed(&error))?;
    let profile = match spec {
        TargetSpec::Mock(profile) => *profile,
        _ => Profile::nearest(&version).0,
    };
    let rootfs = match spec {
        TargetSpec::Address(_) => {
            Some(Rootfs::mount(&folder.path().join("rootfs")).map_err(|error| failed(&error))?)
        }
        _ => None,
    };
    let observer = Some(observer);
    Ok(Box::new(Stand {
        server,
        injections: Injections::default(),
        player,
        detour,
        always: faults.is_some(),
        takes_detour: AtomicBool::new(false),
        restarts: AtomicU64::new(0),
        spy,
        observer,
        asked: spec.to_string(),
        version,
        profile,
        prefix,
        rootfs,
        archive: OnceLock::new(),
        folder,
    }))
}

/// The server, and how the names of its namespaces begin.
async fn serve(
    spec: &TargetSpec,
    faults: Option<&Faults>,
    folder: &Path,
    unique: &str,
) -> Result<(Server, String), StandError> {
    let prefix = format!("laconic-{unique}");
    Ok(match spec {
        TargetSpec::Mock(profile) => {
            let mock = MockContainerd::builder()
                .profile(*profile)
                .watch_socket(folder.join("watch.sock"))
                .faults(faults.cloned().unwrap_or_default())
                .start()
                .await;
            (Server::Mock(mock.map_err(|error| StandError::Failed(error.to_string()))?), prefix)
        }
        TargetSpec::Real(binary) => {
            let daemon = PrivateDaemon::start(binary.as_deref()).await?;
            let prefix = format!("laconic-{}", daemon.run_id());
            (Server::Real(Arc::new(KeptDaemon::new(daemon))), prefix)
        }
        TargetSpec::Address(path) => (Server::Address(path.clone().into()), prefix),
    })
}

impl Stand {
    fn observer(&self) -> &Observer {
        self.observer.as_ref().expect("it is taken only when the stand is closed")
    }

    fn taps(&self) -> impl Iterator<Item = &Tap> {
        let detour = self.detour.as_ref().map(|detour| &detour.tap);
        [&self.player, &self.spy].into_iter().chain(detour)
    }

    /// Who makes things go wrong in the case under way.
    fn faulty(&self) -> Option<Faulty<'_>> {
        match (&self.server, &self.detour) {
            (Server::Mock(mock), _) => Some(Faulty::Mock(mock, &self.player)),
            (_, Some(detour)) => self.takes_detour.load(Ordering::Relaxed).then(|| detour.faulty()),
            _ => None,
        }
    }

    /// Waits until the server can be asked: one of ours may be away. It is not ended as long as what this
    /// returns is held.
    async fn asking(&self) -> Result<Option<RwLockReadGuard<'_, ()>>, TargetFault> {
        match &self.server {
            Server::Real(daemon) => daemon.asking().await.map(Some),
            _ => Ok(None),
        }
    }

    fn check_sight(&self) -> Result<(), TargetFault> {
        match self.taps().flat_map(Tap::blind).next() {
            None => Ok(()),
            Some(blind) => {
                let what = format!("connection {}: {}", blind.connection, blind.reason);
                Err(TargetFault::Blind(what))
            }
        }
    }
}

impl Target for Stand {
    fn describe(&self) -> TargetRef {
        TargetRef {
            kind: self.server.kind().to_owned(),
            version: self.version.clone(),
            profile: self.profile.to_string(),
            asked: Some(self.asked.clone()),
        }
    }

    fn socket(&self) -> &Path {
        match &self.detour {
            Some(detour) if self.takes_detour.load(Ordering::Relaxed) => detour.tap.socket(),
            _ => self.player.socket(),
        }
    }

    fn rootfs(&self) -> Option<&Path> {
        match &self.server {
            Server::Real(daemon) => Some(daemon.rootfs()),
            _ => self.rootfs.as_ref().map(Rootfs::path),
        }
    }

    fn archive(&self) -> Result<&Path, String> {
        let make = || {
            let made = archive::make(self.folder.path());
            made.map_err(|error| format!("no archive of images can be made here: {error}"))
        };
        self.archive.get_or_init(make).as_deref().map_err(Clone::clone)
    }

    fn can_checkpoint(&self) -> Result<(), String> {
        match &self.server {
            Server::Real(daemon) if !daemon.has_criu() => {
                Err("could not run: there is no criu beside this containerd (ci/fetch criu)"
                    .to_owned())
            }
            Server::Address(_) => Err("whether an address has criu is not known".to_owned()),
            Server::Real(_) | Server::Mock(_) => Ok(()),
        }
    }

    fn folder(&self) -> &Path {
        self.folder.path()
    }

    fn namespace(&self, case: usize) -> String {
        format!("{}-{case}", self.prefix)
    }

    fn ledger(&self) -> &Ledger {
        self.player.ledger()
    }

    fn begin(&self, namespace: &str, case: &str, faulty: bool) {
        self.takes_detour.store(self.always || faulty, Ordering::Relaxed);
        if let Server::Real(daemon) = &self.server {
            self.restarts.store(daemon.restarts(), Ordering::Relaxed);
        }
        if let Some(faulty) = self.faulty() {
            self.injections.begin(faulty, namespace, case);
        }
    }

    fn provoke(&self, namespace: &str, faults: &str) -> Result<(), String> {
        let faults = Faults::parse("step", faults).map_err(|error| error.to_string())?;
        if faults.want_a_daemon() && matches!(self.server, Server::Address(_)) {
            return Err(NOT_OURS.to_owned());
        }
        let faulty = self.faulty().ok_or("nothing was to go wrong in this case")?;
        self.injections.provoke(faulty, namespace, faults);
        Ok(())
    }

    fn injected(&self, namespace: &str) -> Vec<Injected> {
        self.faulty().map(|faulty| self.injections.of(faulty, namespace)).unwrap_or_default()
    }

    fn calls(&self, namespace: &str, from: Mark, to: Mark) -> Result<Vec<CallRecord>, TargetFault> {
        let calls = self.player.ledger().calls_between(from, to);
        match self.faulty() {
            Some(faulty) => self.injections.mark(faulty, namespace, calls),
            None => Ok(calls),
        }
    }

    fn serves(&self) -> Pending<'_, Result<(), TargetFault>> {
        Box::pin(async move { self.asking().await.map(drop) })
    }

    fn caught_up(&self, mark: Mark) -> Pending<'_, Result<(), TargetFault>> {
        Box::pin(async move {
            self.player.caught_up(mark).await;
            if let Some(detour) = &self.detour {
                detour.tap.caught_up(mark).await;
            }
            self.check_sight()
        })
    }

    fn hung_up(&self) -> Pending<'_, ()> {
        Box::pin(async move {
            self.player.hung_up().await;
            if let Some(detour) = &self.detour {
                detour.tap.hung_up().await;
            }
        })
    }

    fn died(&self) -> Pending<'_, TargetFault> {
        Box::pin(async move {
            match &self.server {
                Server::Real(daemon) => TargetFault::Died(daemon.died().await),
                _ => std::future::pending().await,
            }
        })
    }

    fn task<'a>(
        &'a self,
        namespace: &'a str,
        container: &'a ContainerId,
    ) -> Pending<'a, Result<Option<Lifecycle>, TargetFault>> {
        Box::pin(async move {
            let _asking = self.asking().await?;
            self.observer().task(namespace, container).await
        })
    }

    fn missed(&self) -> Option<String> {
        let Server::Real(daemon) = &self.server else { return None };
        let restarted = daemon.restarts() > self.restarts.load(Ordering::Relaxed);
        restarted
            .then(|| "the daemon was restarted, and nobody heard what it told meanwhile".into())
    }

    fn events(&self, namespace: &str) -> Vec<Event> {
        self.observer().seen().of(namespace)
    }

    fn events_changed<'a>(
        &'a self,
        namespace: &'a str,
        seen: usize,
        limit: Duration,
    ) -> Pending<'a, ()> {
        Box::pin(self.observer().seen().more_than(namespace, seen, limit))
    }

    fn leftovers<'a>(
        &'a self,
        namespace: &'a str,
    ) -> Pending<'a, Result<Vec<String>, TargetFault>> {
        Box::pin(async move {
            let _asking = self.asking().await?;
            self.observer().leftovers(namespace).await
        })
    }

    fn clean_up<'a>(&'a self, namespace: &'a str) -> Pending<'a, Result<(), TargetFault>> {
        if let Some(faulty) = self.faulty() {
            self.injections.end(faulty, namespace);
        }
        Box::pin(async move {
            let _asking = self.asking().await?;
            self.observer().clean_up(namespace).await
        })
    }

    fn close(self: Box<Self>) -> Pending<'static, Result<Closing, TargetFault>> {
        Box::pin((*self).close())
    }
}
