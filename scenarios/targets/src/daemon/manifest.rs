//! What a run has made, written down before it is made: so that a run that was killed can be
//! cleaned up after.

use std::fmt;
use std::fs::Permissions;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use super::process::Process;
use super::sweep::{leftovers_of, remove_mounts_and_files, sweep};

const PREFIX: &str = "laconic-run-";
const FILE: &str = "manifest.json";
/// Folders of stands, of mocks, of spies, and of the client's FIFOs.
const ABANDONED: [&str; 4] =
    [crate::stand::STAND_PREFIX, "laconic-mock-", "laconic-spy-", "laconic-fifo-"];

/// Names a run: its folder, and every namespace that it uses.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(transparent)]
pub struct RunId(String);

impl RunId {
    /// From what was printed.
    pub fn new(id: impl Into<String>) -> Self {
        Self(id.into())
    }

    /// The text.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Every namespace of the run begins so.
    pub(super) fn namespace_prefix(&self) -> String {
        format!("laconic-{}-", self.0)
    }

    pub(super) fn folder(&self) -> PathBuf {
        std::env::temp_dir().join(format!("{PREFIX}{}", self.0))
    }
}

impl fmt::Display for RunId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Manifest {
    pub(super) run_id: RunId,
    harness: Option<Process>,
}

impl Manifest {
    /// Makes a private folder with a manifest in it.
    pub(super) fn create() -> std::io::Result<(PathBuf, Self)> {
        let folder = tempfile::Builder::new()
            .prefix(PREFIX)
            .permissions(Permissions::from_mode(0o700))
            .tempdir()?
            .keep();
        let name = folder.file_name().map(|name| name.to_string_lossy().into_owned());
        let run_id = RunId(name.unwrap_or_default().replace(PREFIX, ""));
        let manifest = Self { run_id, harness: Process::own() };
        std::fs::write(folder.join(FILE), serde_json::to_vec(&manifest)?)?;
        Ok((folder, manifest))
    }

    fn read(folder: &Path) -> Option<Self> {
        serde_json::from_slice(&std::fs::read(folder.join(FILE)).ok()?).ok()
    }
}

/// What `clean` did.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct CleanReport {
    /// Runs of which nothing is left.
    pub cleaned: Vec<RunId>,
    /// Runs whose harness is alive: not touched.
    pub alive: Vec<RunId>,
    /// What could not be removed.
    pub left: Vec<String>,
}

/// Undoes what dead runs left. One run by its id, else all of this machine's.
pub async fn clean(only: Option<&RunId>) -> std::io::Result<CleanReport> {
    let mut report = CleanReport::default();
    for entry in std::fs::read_dir(std::env::temp_dir())? {
        let path = entry?.path();
        let name = path.file_name().and_then(|name| name.to_str()).unwrap_or_default();
        let Some(id) = name.strip_prefix(PREFIX).map(RunId::new) else { continue };
        if only.is_some_and(|only| *only != id) {
            continue;
        }
        let Some(manifest) = Manifest::read(&path) else { continue };
        if manifest.harness.is_some_and(Process::alive) {
            report.alive.push(id);
            continue;
        }
        sweep(&id).await;
        let left = leftovers_of(&id);
        if left.is_empty() {
            report.cleaned.push(id);
        }
        report.left.extend(left);
    }
    if only.is_none() {
        remove_abandoned()?;
    }
    Ok(report)
}

/// Folders that only held sockets and FIFOs of a process, whose pid is part of their name.
fn remove_abandoned() -> std::io::Result<()> {
    for entry in std::fs::read_dir(std::env::temp_dir())? {
        let path = entry?.path();
        let name = path.file_name().and_then(|name| name.to_str()).unwrap_or_default();
        let rest = ABANDONED.iter().find_map(|prefix| name.strip_prefix(prefix));
        let Some((pid, _)) = rest.and_then(|rest| rest.split_once('-')) else { continue };
        if pid.parse().is_ok_and(|pid| Process::of(pid).is_none()) {
            remove_mounts_and_files(&path);
        }
    }
    Ok(())
}
