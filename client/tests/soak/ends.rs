//! Processes that say themselves how they end: each writes its status into a file of the host's
//! before it exits with it. Who is killed writes nothing.

use std::fs::File;
use std::io::Write;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use laconic_client::NewContainer;
use rustix::fs::{CWD, Mode, mkfifoat};
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::plan::{Ends, Plan, Role};

/// Where the folder is mounted in every container.
const INSIDE: &str = "/tmp";

/// A folder of the host's with what processes have said.
pub(crate) struct Said {
    folder: TempDir,
}

/// Tells a process to end. It is there before the process, and stays until that has ended: what is
/// written into a FIFO that nobody holds is lost.
pub(crate) struct Cue(File);

impl Cue {
    pub(crate) fn give(&mut self, code: u8) {
        // As long as a pipe has room, this does not wait.
        writeln!(self.0, "{code}").unwrap();
    }
}

/// The name of a process, as it signs.
pub(crate) fn name(container: &str, exec: Option<&str>) -> String {
    exec.map_or_else(|| container.to_owned(), |exec| format!("{container}.{exec}"))
}

impl Role {
    /// Its command. The first thing that it does is to say its name on its output.
    pub(crate) fn command(&self, container: &str) -> [String; 3] {
        let name = name(container, self.exec.as_deref());
        let end = match self.ends {
            Ends::ByItself { after_ms, code } => {
                let seconds = format!("{}.{:03}", after_ms / 1000, after_ms % 1000);
                format!("sleep {seconds}; echo {code} >{INSIDE}/{name}; exit {code}")
            }
            Ends::Told { .. } => {
                format!("read code <{INSIDE}/{name}.cue; echo $code >{INSIDE}/{name}; exit $code")
            }
            Ends::Killed | Ends::WithItsTask => "exec sleep 600".to_owned(),
        };
        ["sh".to_owned(), "-c".to_owned(), format!("echo {name}; {end}")]
    }
}

impl Said {
    pub(crate) fn new() -> Self {
        Self { folder: tempfile::tempdir().unwrap() }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// A container whose processes can say how they end.
    pub(crate) fn container(&self, plan: &Plan, rootfs: &Path, namespace: &str) -> NewContainer {
        let rootfs = rootfs.to_str().unwrap();
        let new = NewContainer::new(&plan.id, plan.init.command(&plan.id)).rootfs(rootfs);
        let spec = new.record(namespace).unwrap().spec.unwrap();
        let mut spec: Value = serde_json::from_slice(&spec.value).unwrap();
        spec["mounts"].as_array_mut().unwrap().push(json!({
            "destination": INSIDE, "type": "bind", "source": self.folder.path(),
            "options": ["rbind", "rw"],
        }));
        new.spec(&spec)
    }

    /// For those that end when they are told.
    pub(crate) fn cue(&self, container: &str, role: &Role) -> Option<Cue> {
        let Ends::Told { .. } = role.ends else { return None };
        let path = self.path(&format!("{}.cue", name(container, role.exec.as_deref())));
        mkfifoat(CWD, &path, Mode::RUSR | Mode::WUSR).unwrap();
        // Open for both, it waits for nobody.
        Some(Cue(File::options().read(true).write(true).open(path).unwrap()))
    }

    /// With what a process said that it ends, and when.
    pub(crate) fn told(&self, name: &str) -> Option<(u32, i64)> {
        let path = self.path(name);
        let code = std::fs::read_to_string(&path).ok()?.trim().parse().ok()?;
        Some((code, changed_ns(&path)))
    }

    /// The present, by the clock by which files are dated.
    pub(crate) fn now_ns(&self) -> i64 {
        let file = tempfile::NamedTempFile::new_in(self.folder.path()).unwrap();
        changed_ns(file.path())
    }
}

fn changed_ns(path: &Path) -> i64 {
    let file = path.metadata().unwrap();
    file.mtime() * 1_000_000_000 + file.mtime_nsec()
}
