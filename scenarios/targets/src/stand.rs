//! A stand: one server, a tap for players, a tap for the observer, and the observer.

use std::fmt;
use std::fs::Permissions;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::sync::OnceLock;
use std::time::Duration;

use driver_protocol::{ContainerId, Lifecycle, Pending};
use laconic_scenarios::{Closing, Event, Injected, Target, TargetFault};
use mock_containerd::{Faults, MockContainerd, Profile};
use rpc_ledger::{CallRecord, Counts, Ledger, Mark};
use rpc_spy::Tap;
use run_record::{TargetRef, Verdict};

use crate::archive;
use crate::daemon::{PrivateDaemon, Rootfs, Unavailable};
use crate::injections::Injections;
use crate::observer::Observer;
use crate::reconcile::{compare_layer, cross_check};
use crate::server::Server;

/// How long connections that were closed may take to end everywhere.
const REST_LIMIT_MS: u64 = 10_000;

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
    spy: Tap,
    observer: Option<Observer>,
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

/// Starts a target on which something goes wrong. Only the mock can be had so.
pub async fn start_with_faults(
    spec: &TargetSpec,
    faults: Option<&Faults>,
) -> Result<Box<dyn Target>, StandError> {
    if faults.is_some() && !matches!(spec, TargetSpec::Mock(_)) {
        let reason = "faults are injected into the mock alone so far".to_owned();
        let remedy = "leave --faults out, or run against mock".to_owned();
        return Err(Unavailable { reason, remedy }.into());
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
    let (server, prefix) = match spec {
        TargetSpec::Mock(profile) => {
            let mock = MockContainerd::builder()
                .profile(*profile)
                .watch_socket(folder.path().join("watch.sock"))
                .faults(faults.cloned().unwrap_or_default())
                .start()
                .await;
            (Server::Mock(mock.map_err(|error| failed(&error))?), format!("laconic-{unique}"))
        }
        TargetSpec::Real(binary) => {
            let daemon = PrivateDaemon::start(binary.as_deref()).await?;
            let prefix = format!("laconic-{}", daemon.run_id());
            (Server::Real(Box::new(daemon)), prefix)
        }
        TargetSpec::Address(path) => {
            (Server::Address(path.clone().into()), format!("laconic-{unique}"))
        }
    };
    let tap = |name: &str, upstream: &Path| {
        let (listen, upstream) = (folder.path().join(name), upstream.to_owned());
        async move { Tap::start(&listen, &upstream, Ledger::new()).await }
    };
    let player = tap("containerd.sock", server.socket()).await.map_err(|error| failed(&error))?;
    let spy = tap("observer.sock", server.watch_socket()).await.map_err(|error| failed(&error))?;
    let observer = Observer::connect(spy.socket(), &prefix).await;
    let observer = observer.map_err(|error| failed(&error))?;
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

impl Stand {
    fn observer(&self) -> &Observer {
        self.observer.as_ref().expect("it is taken only when the stand is closed")
    }

    fn check_sight(&self) -> Result<(), TargetFault> {
        let blind = self.player.blind().into_iter().chain(self.spy.blind()).next();
        match blind {
            None => Ok(()),
            Some(blind) => {
                let what = format!("connection {}: {}", blind.connection, blind.reason);
                Err(TargetFault::Blind(what))
            }
        }
    }

    /// Compares the counts, and ends the server whatever they say.
    async fn close(mut self) -> Result<Closing, TargetFault> {
        self.observer.take();
        let compared = self.compare().await;
        if let Server::Real(daemon) = self.server {
            daemon.stop().await.map_err(|error| TargetFault::Stop(error.to_string()))?;
        }
        compared
    }

    async fn compare(&self) -> Result<Closing, TargetFault> {
        let limit = Duration::from_millis(REST_LIMIT_MS);
        let resting = async {
            rest(&self.player).await;
            rest(&self.spy).await;
        };
        let restless =
            TargetFault::Restless { what: "a connection".to_owned(), limit_ms: REST_LIMIT_MS };
        tokio::time::timeout(limit, resting).await.map_err(|_| restless)?;
        self.check_sight()?;
        let (player, observer) = (self.player.ledger().counts(), self.spy.ledger().counts());
        let (daemon, verdict) = match &self.server {
            Server::Mock(mock) => {
                let layer = layer_at_rest(mock.ledger(), limit).await;
                let verdict = compare_layer(&[&player, &observer], &layer);
                (Some(layer.started_by_short_name()), verdict)
            }
            Server::Real(daemon) => {
                let told = daemon.metrics().await.map_err(|error| TargetFault::Observer {
                    action: "read the daemon's metrics".to_owned(),
                    cause: error.to_string(),
                })?;
                let verdict = cross_check(&[&player, &observer], &told);
                let short = |path: &String| rpc_ledger::Rpc::from_path(path).short();
                (Some(told.iter().map(|(path, count)| (short(path), *count)).collect()), verdict)
            }
            // Somebody else's daemon serves others, too: its own counts say nothing about us.
            Server::Address(_) => (None, Verdict::skip("cross-check", "not our own daemon")),
        };
        let unfired = match &self.server {
            Server::Mock(mock) => mock.faults().unfired(),
            _ => Vec::new(),
        };
        Ok(Closing {
            unfired,
            player: player.started_by_short_name(),
            observer: observer.started_by_short_name(),
            daemon,
            verdicts: vec![verdict],
        })
    }
}

/// Until every connection of the tap has ended and was read to its end.
async fn rest(tap: &Tap) {
    loop {
        let changed = tap.ledger().changed();
        tap.caught_up(tap.mark()).await;
        if tap.ledger().in_flight() == 0 {
            return;
        }
        changed.await;
    }
}

async fn layer_at_rest(ledger: &Ledger, limit: Duration) -> Counts {
    let resting = async {
        loop {
            let changed = ledger.changed();
            if ledger.in_flight() == 0 {
                return;
            }
            changed.await;
        }
    };
    // What does not come to rest shows in the comparison.
    let _ = tokio::time::timeout(limit, resting).await;
    ledger.counts()
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
        self.player.socket()
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

    fn begin(&self, namespace: &str, case: &str) {
        if let Server::Mock(mock) = &self.server {
            self.injections.begin(mock, namespace, case);
        }
    }

    fn provoke(&self, namespace: &str, faults: &str) -> Result<(), String> {
        match &self.server {
            Server::Mock(mock) => self.injections.provoke(mock, namespace, faults),
            _ => Err("nothing is made to go wrong on this target".to_owned()),
        }
    }

    fn injected(&self, namespace: &str) -> Vec<Injected> {
        match &self.server {
            Server::Mock(mock) => self.injections.of(mock, namespace),
            _ => Vec::new(),
        }
    }

    fn calls(&self, namespace: &str, from: Mark, to: Mark) -> Result<Vec<CallRecord>, TargetFault> {
        let calls = self.player.ledger().calls_between(from, to);
        match &self.server {
            Server::Mock(mock) => self.injections.mark(mock, namespace, &self.player, calls),
            _ => Ok(calls),
        }
    }

    fn caught_up(&self, mark: Mark) -> Pending<'_, Result<(), TargetFault>> {
        Box::pin(async move {
            self.player.caught_up(mark).await;
            self.check_sight()
        })
    }

    fn hung_up(&self) -> Pending<'_, ()> {
        Box::pin(self.player.hung_up())
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
        Box::pin(self.observer().task(namespace, container))
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
        Box::pin(self.observer().leftovers(namespace))
    }

    fn clean_up<'a>(&'a self, namespace: &'a str) -> Pending<'a, Result<(), TargetFault>> {
        if let Server::Mock(mock) = &self.server {
            self.injections.end(mock, namespace);
        }
        Box::pin(self.observer().clean_up(namespace))
    }

    fn close(self: Box<Self>) -> Pending<'static, Result<Closing, TargetFault>> {
        Box::pin((*self).close())
    }
}
