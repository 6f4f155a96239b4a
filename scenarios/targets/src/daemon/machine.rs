//! What this machine has, and what it lacks for a real containerd.

use std::path::{Path, PathBuf};
use std::process::Command;

/// A real containerd cannot run here.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{reason}; {remedy}")]
pub struct Unavailable {
    /// What is missing.
    pub reason: String,
    /// What to do.
    pub remedy: String,
}

/// One thing that was looked for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Item {
    /// What.
    pub name: &'static str,
    /// What was found; the error says what to do.
    pub found: Result<String, Unavailable>,
}

/// What was found on this machine.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Machine {
    /// In the order in which they matter.
    pub items: Vec<Item>,
}

const INSTALL: &str = "install it: apt-get install containerd runc";

fn on_path(name: &str) -> Option<PathBuf> {
    let path = std::env::var_os("PATH")?;
    // Root's own tools stand where a plain user's PATH does not look.
    let more = ["/usr/sbin", "/sbin", "/usr/local/sbin"].map(PathBuf::from);
    std::env::split_paths(&path).chain(more).map(|folder| folder.join(name)).find(|p| p.is_file())
}

fn first_line(program: &Path) -> Option<String> {
    let output = Command::new(program).arg("--version").output().ok()?;
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    text.lines().next().map(str::to_owned)
}

fn binary(name: &'static str) -> Item {
    let missing =
        || Unavailable { reason: format!("{name} is not installed"), remedy: INSTALL.to_owned() };
    let found = on_path(name).ok_or_else(missing);
    let found = found.map(|path| match first_line(&path) {
        Some(version) if name != "containerd-shim-runc-v2" => {
            format!("{} ({version})", path.display())
        }
        _ => path.display().to_string(),
    });
    Item { name, found }
}

impl Machine {
    /// Looks.
    pub fn look() -> Self {
        let root = if rustix::process::geteuid().is_root() {
            Ok("yes".to_owned())
        } else {
            Err(Unavailable {
                reason: "a private containerd needs root".to_owned(),
                remedy: "run as root, or against the mock alone: --target mock".to_owned(),
            })
        };
        let cgroup = match cgroup_version() {
            "none" => Err(Unavailable {
                reason: "no cgroup hierarchy is mounted".to_owned(),
                remedy: "mount cgroups at /sys/fs/cgroup".to_owned(),
            }),
            version => Ok(version.to_owned()),
        };
        Self {
            items: vec![
                Item { name: "root", found: root },
                binary("containerd"),
                binary("containerd-shim-runc-v2"),
                binary("runc"),
                Item { name: "cgroup", found: cgroup },
            ],
        }
    }

    /// The first thing that is missing.
    pub fn lacks(&self) -> Option<Unavailable> {
        self.items.iter().find_map(|item| item.found.as_ref().err().cloned())
    }

    /// What was found under a name.
    pub fn found(&self, name: &str) -> Option<&str> {
        let item = self.items.iter().find(|item| item.name == name)?;
        item.found.as_ref().ok().map(String::as_str)
    }
}

/// `v1`, `v2` or `none`.
pub(super) fn cgroup_version() -> &'static str {
    if Path::new("/sys/fs/cgroup/cgroup.controllers").exists() {
        "v2"
    } else if Path::new("/sys/fs/cgroup/memory").is_dir()
        || Path::new("/sys/fs/cgroup/devices").is_dir()
    {
        "v1"
    } else {
        "none"
    }
}
