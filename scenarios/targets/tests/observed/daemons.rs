//! Real daemons, as a kind of server.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use laconic_targets::daemon::{Machine, PrivateDaemon};
use rustix::process::{Pid, Signal, kill_process};
use tempfile::TempDir;
use tokio::sync::Mutex;

use crate::case::Need;
use crate::log::Watcher;
use crate::server::{Ground, Kind, Pending, Server};
use crate::step::Deed;

pub(crate) struct Daemons {
    version: &'static str,
    binary: Option<PathBuf>,
    /// Of 1.7.
    shim: Option<PathBuf>,
}

impl Daemons {
    /// Those of a version, if they can run here; else why not.
    pub(crate) fn of(version: &'static str) -> Result<Self, String> {
        let fetched = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../target/daemons");
        let named = |version: &str| format!("LACONIC_CONTAINERD_{}", version.replace('.', "_"));
        let binary = |version: &str| match std::env::var_os(named(version)) {
            Some(path) => Some(PathBuf::from(path)),
            None => {
                let binary = fetched.join(version).join("bin/containerd");
                // The host's own is on PATH.
                (version != "1.6" || binary.is_file()).then_some(binary)
            }
        };
        let shim = binary("1.7").map(|path| path.with_file_name("containerd-shim-runc-v2"));
        let (named, binary) = (named(version), binary(version));
        if let Some(missing) = binary.as_ref().filter(|path| !path.is_file()) {
            return Err(format!(
                "no containerd {version} at {}; name one in {named}",
                missing.display()
            ));
        }
        match Machine::look().lacks() {
            Some(lack) => Err(lack.to_string()),
            None => Ok(Self { version, binary, shim }),
        }
    }
}

impl Daemons {
    /// Of runc's own shims that of 1.7 plays sandboxes; 2.1 takes it by its path.
    fn sandboxing(&self) -> String {
        match (self.version, &self.shim) {
            ("2.1", Some(shim)) => std::fs::canonicalize(shim)
                .unwrap_or_else(|error| panic!("{}: {error}", shim.display()))
                .display()
                .to_string(),
            _ => "io.containerd.runc.v2".to_owned(),
        }
    }
}

struct Held {
    daemon: Mutex<Option<PrivateDaemon>>,
    _folder: TempDir,
}

impl Kind for Daemons {
    fn start(&self) -> Pending<'_, Server> {
        Box::pin(async {
            let daemon = PrivateDaemon::start(self.binary.as_deref()).await.unwrap();
            let socket = daemon.socket().to_owned();
            let home = socket.parent().unwrap().to_owned();
            let channel = containerd_client::connect(&socket).await.unwrap();
            let folder = tempfile::tempdir().unwrap();
            Server {
                watcher: Watcher::start(&channel).await,
                socket,
                version: self.version,
                stands_in: false,
                prefix: format!("laconic-{}-", daemon.run_id()),
                rootfs: daemon.rootfs().to_owned(),
                root: home.join("root"),
                state: home.join("state"),
                sandboxing: self.sandboxing(),
                folder: folder.path().to_owned(),
                ground: Arc::new(Held { daemon: Mutex::new(Some(daemon)), _folder: folder }),
            }
        })
    }

    fn has(&self, need: Need) -> bool {
        let beside = |binary: &PathBuf| binary.with_file_name("criu").exists();
        let criu = self.binary.as_ref().is_some_and(beside);
        match need {
            Need::Criu => criu,
            Need::CriuOfPaused => criu && Path::new("/sys/fs/cgroup/cgroup.controllers").exists(),
        }
    }
}

impl Ground for Held {
    fn perform(&self, deed: Deed, namespace: String) -> Pending<'_, Result<(), String>> {
        Box::pin(async move {
            let mut daemon = self.daemon.lock().await;
            let daemon = daemon.as_mut().ok_or("the daemon was ended")?;
            match deed {
                Deed::Stop => daemon.halt().await,
                Deed::Start => daemon.resume().await.map_err(|error| error.to_string())?,
                Deed::KillShim { container } => kill(shim(&namespace, &container)?)?,
                Deed::KillProcess { container, pid } => {
                    kill(pid).map_err(|error| format!("{container}: {error}"))?;
                    reaped(pid).await;
                }
            }
            Ok(())
        })
    }

    fn end(&self) -> Pending<'_, ()> {
        Box::pin(async {
            if let Some(daemon) = self.daemon.lock().await.take() {
                daemon.stop().await.unwrap();
            }
        })
    }
}

fn kill(pid: i32) -> Result<(), String> {
    let pid = Pid::from_raw(pid).ok_or("0 is no process")?;
    kill_process(pid, Signal::KILL).map_err(|error| error.to_string())
}

/// Waits until its parent knows that it ended: a daemon that starts sooner would still find it.
async fn reaped(pid: i32) {
    while Path::new("/proc").join(pid.to_string()).exists() {
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
}

/// The process between the daemon and a container: of our own namespaces, so nobody else's.
fn shim(namespace: &str, container: &str) -> Result<i32, String> {
    let wanted = ["-namespace", namespace, "-id", container];
    let processes = std::fs::read_dir("/proc").map_err(|error| error.to_string())?;
    let mut pids = processes.filter_map(|entry| entry.ok()?.file_name().to_str()?.parse().ok());
    let is_it = |pid: &i32| {
        let line = std::fs::read_to_string(format!("/proc/{pid}/cmdline")).unwrap_or_default();
        let words: Vec<&str> = line.split('\0').collect();
        words.windows(wanted.len()).any(|some| some == wanted)
    };
    pids.find(is_it).ok_or_else(|| format!("{container} has no shim"))
}
