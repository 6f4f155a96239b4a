//! A containerd with its own root, state and sockets.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::io;
use std::iter;
use std::net::{SocketAddr, TcpListener};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;

use rustix::process::{Signal, set_child_subreaper};
use tokio::net::UnixStream;
use tokio::process::{Child, Command};
use tokio::sync::watch;
use tokio::time::Instant;

use super::machine::{Machine, Unavailable};
use super::manifest::{Manifest, RunId};
use super::metrics::{self, MetricsError};
use super::process::{Process, reap_adopted};
use super::rootfs::Rootfs;
use super::sweep::{leftovers_of, sweep};
use crate::StandError;

/// How long it may take to boot, and to end when asked.
const BOOT_LIMIT_MS: u64 = 20_000;
const END_LIMIT_MS: u64 = 5_000;
/// Nothing tells that its socket is there: it is tried this often.
const BOOT_POLL_MS: u64 = 10;
const LOG_LINES_SHOWN: usize = 8;

/// A private containerd could not be started or ended.
#[derive(Debug, thiserror::Error)]
pub enum DaemonError {
    /// Its files could not be made.
    #[error("cannot prepare a private containerd: {0}")]
    Prepare(#[from] io::Error),
    /// It did not come up.
    #[error("containerd did not come up: {cause}\n{log}")]
    Boot {
        /// Why.
        cause: String,
        /// Its last words.
        log: String,
    },
    /// Something of it is left.
    #[error("after containerd was ended there is still: {}", .0.join(", "))]
    Left(Vec<String>),
}

impl From<DaemonError> for StandError {
    fn from(error: DaemonError) -> Self {
        Self::Failed(error.to_string())
    }
}

/// A running private containerd.
#[derive(Debug)]
pub struct PrivateDaemon {
    run_id: RunId,
    binary: Option<PathBuf>,
    folder: PathBuf,
    socket: PathBuf,
    metrics: SocketAddr,
    rootfs: Option<Rootfs>,
    process: Option<Process>,
    ended: watch::Receiver<Option<String>>,
}

impl PrivateDaemon {
    /// Starts one; `binary`: not the one on PATH.
    pub async fn start(binary: Option<&Path>) -> Result<Self, StandError> {
        let machine = Machine::look();
        let lack = machine
            .lacks()
            .filter(|lack| binary.is_none() || lack.reason != "containerd is not installed");
        if let Some(lack) = lack {
            return Err(lack.into());
        }
        if let Some(path) = binary.filter(|path| !path.is_file()) {
            let reason = format!("there is no containerd at {}", path.display());
            let remedy = "give the path of one, or leave it out".to_owned();
            return Err(Unavailable { reason, remedy }.into());
        }
        // Shims outlive the daemon and are adopted: by us, so that we can end them and know it.
        set_child_subreaper(rustix::process::getpid().into())
            .map_err(io::Error::from)
            .map_err(DaemonError::from)?;
        let (folder, manifest) = Manifest::create().map_err(DaemonError::from)?;
        let run_id = manifest.run_id;
        match Self::boot(binary, folder, run_id.clone()).await {
            Ok(daemon) => Ok(daemon),
            Err(error) => {
                sweep(&run_id).await;
                Err(error.into())
            }
        }
    }

    /// Whether CRIU stands beside it. One that is on PATH is not taken: Debian 12's cannot dump on
    /// every kernel (seen), and a checkpoint that CRIU refuses says nothing of a client.
    pub(crate) fn has_criu(&self) -> bool {
        let beside = self.binary.as_deref().and_then(Path::parent);
        beside.is_some_and(|place| place.join("criu").is_file())
    }

    async fn boot(
        binary: Option<&Path>,
        folder: PathBuf,
        run_id: RunId,
    ) -> Result<Self, DaemonError> {
        let metrics = free_port()?;
        std::fs::write(folder.join("config.toml"), configuration(&folder, metrics))?;
        let rootfs = Rootfs::mount(&folder.join("rootfs"))?;
        let mut daemon = Self {
            run_id,
            binary: binary.map(Path::to_owned),
            socket: folder.join("containerd.sock"),
            folder,
            metrics,
            rootfs: Some(rootfs),
            process: None,
            ended: watch::channel(None).1,
        };
        daemon.launch().await?;
        Ok(daemon)
    }

    async fn launch(&mut self) -> Result<(), DaemonError> {
        let log_path = self.folder.join("containerd.log");
        let log = std::fs::File::options().append(true).create(true).open(&log_path)?;
        let binary = self.binary.as_deref();
        let mut command = std::process::Command::new(binary.unwrap_or(Path::new("containerd")));
        if let Some(path) = binary.and_then(path_from) {
            command.env("PATH", path);
        }
        // What a failed checkpoint leaves there, no daemon removes.
        let temporary = self.folder.join("tmp");
        std::fs::create_dir_all(&temporary)?;
        command.env("TMPDIR", temporary);
        command.arg("--config").arg(self.folder.join("config.toml")).stdin(Stdio::null());
        command.stdout(log.try_clone()?).stderr(log);
        // An interrupt at the terminal is ours to hear; the daemon is ended after the cleaning up.
        command.process_group(0);
        let mut child = Command::from(command).spawn()?;
        self.process = child.id().and_then(|pid| Process::of(i32::try_from(pid).ok()?));
        let (tell, ended) = watch::channel(None);
        self.ended = ended;
        let booted = wait_for(&self.socket, &mut child).await;
        booted.map_err(|cause| DaemonError::Boot { cause, log: self.log_tail() })?;
        tokio::spawn(async move {
            let status = child.wait().await;
            let status = status.map_or_else(|error| error.to_string(), |status| status.to_string());
            tell.send_replace(Some(format!("{status}\n{}", tail(&log_path))));
        });
        Ok(())
    }

    /// Ends the daemon alone, as its unit would: what it started lives on.
    pub async fn halt(&mut self) {
        if let Some(process) = self.process.take() {
            process.kill(Signal::TERM);
            let limit = Duration::from_millis(END_LIMIT_MS);
            if tokio::time::timeout(limit, self.died()).await.is_err() {
                process.kill(Signal::KILL);
                self.died().await;
            }
        }
    }

    /// Kills the daemon alone, as nobody should: what it started lives on.
    pub async fn kill(&mut self) {
        if let Some(process) = self.process.take() {
            process.kill(Signal::KILL);
            self.died().await;
        }
    }

    /// Starts it again, after [`halt`](Self::halt), [`kill`](Self::kill) or when it has died, on what it had.
    pub async fn resume(&mut self) -> Result<(), DaemonError> {
        self.halt().await;
        // A dead daemon leaves its socket, which must not be taken for a living one's.
        let _ = std::fs::remove_file(&self.socket);
        self.launch().await
    }

    /// Where it listens.
    pub fn socket(&self) -> &Path {
        &self.socket
    }

    /// Names the run; namespaces in it must begin with `laconic-<run id>-`.
    pub fn run_id(&self) -> &RunId {
        &self.run_id
    }

    /// A root file system for containers.
    pub fn rootfs(&self) -> &Path {
        self.rootfs.as_ref().expect("it is taken only when the daemon is stopped").path()
    }

    /// Calls that it started to handle, by `/service/Method`.
    pub async fn metrics(&self) -> Result<BTreeMap<String, u64>, MetricsError> {
        metrics::read(self.metrics).await
    }

    /// Its last words.
    pub fn log_tail(&self) -> String {
        tail(&self.folder.join("containerd.log"))
    }

    /// Done when it has ended, with how.
    pub async fn died(&self) -> String {
        let mut ended = self.ending();
        match ended.wait_for(Option::is_some).await {
            Ok(how) => how.clone().unwrap_or_default(),
            Err(_) => "nobody knows how".to_owned(),
        }
    }

    /// Tells how the process that serves now ends.
    pub(crate) fn ending(&self) -> watch::Receiver<Option<String>> {
        self.ended.clone()
    }

    /// Ends it and all that came of it.
    pub async fn stop(mut self) -> Result<(), DaemonError> {
        if let Some(process) = self.process.take() {
            process.kill(Signal::TERM);
            let limit = Duration::from_millis(END_LIMIT_MS);
            // What does not end when asked is killed by the sweep.
            let _ = tokio::time::timeout(limit, self.died()).await;
        }
        drop(self.rootfs.take());
        sweep(&self.run_id).await;
        reap_adopted();
        let left = leftovers_of(&self.run_id);
        if left.is_empty() { Ok(()) } else { Err(DaemonError::Left(left)) }
    }
}

/// Not stopped: the process is killed at once, the rest is left to `laconic clean`.
impl Drop for PrivateDaemon {
    fn drop(&mut self) {
        if let Some(process) = self.process.take() {
            process.kill(Signal::KILL);
        }
    }
}

/// A PATH that begins with the binary's own folder: the daemon looks for its shim, and the shim for
/// runc, and those of another version may stand elsewhere.
fn path_from(binary: &Path) -> Option<OsString> {
    let own = std::path::absolute(binary).ok()?.parent()?.to_owned();
    let rest = std::env::var_os("PATH").unwrap_or_default();
    std::env::join_paths(iter::once(own).chain(std::env::split_paths(&rest))).ok()
}

fn free_port() -> io::Result<SocketAddr> {
    TcpListener::bind("127.0.0.1:0")?.local_addr()
}

fn configuration(folder: &Path, metrics: SocketAddr) -> String {
    let at = |name: &str| folder.join(name).display().to_string();
    format!(
        "version = 2\nroot = {:?}\nstate = {:?}\n\
         disabled_plugins = [\"io.containerd.grpc.v1.cri\"]\n\
         [grpc]\naddress = {:?}\n[ttrpc]\naddress = {:?}\n\
         [metrics]\naddress = \"{metrics}\"\ngrpc_histogram = true\n",
        at("root"),
        at("state"),
        at("containerd.sock"),
        at("containerd.sock.ttrpc"),
    )
}

async fn wait_for(socket: &Path, child: &mut Child) -> Result<(), String> {
    let limit = Instant::now() + Duration::from_millis(BOOT_LIMIT_MS);
    let mut poll = tokio::time::interval(Duration::from_millis(BOOT_POLL_MS));
    loop {
        if UnixStream::connect(socket).await.is_ok() {
            return Ok(());
        }
        if let Ok(Some(status)) = child.try_wait() {
            return Err(format!("it ended with {status}"));
        }
        if Instant::now() > limit {
            return Err(format!("its socket was not served within {BOOT_LIMIT_MS} ms"));
        }
        poll.tick().await;
    }
}

fn tail(log: &Path) -> String {
    let text = std::fs::read_to_string(log).unwrap_or_default();
    let lines: Vec<&str> = text.lines().collect();
    lines[lines.len().saturating_sub(LOG_LINES_SHOWN)..].join("\n")
}
