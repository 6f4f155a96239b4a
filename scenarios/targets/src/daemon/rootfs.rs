//! A root file system without an image: the host's own programs, mounted read-only.

use std::io;
use std::path::{Path, PathBuf};

use rustix::mount::{MountFlags, UnmountFlags, mount_bind, mount_remount, unmount};

/// Programs and their libraries.
const BORROWED: [&str; 4] = ["bin", "lib", "lib64", "usr"];
/// Where runc mounts, and what programs expect.
const EMPTY: [&str; 5] = ["proc", "dev", "sys", "tmp", "etc"];

/// A mounted root file system. Dropping it unmounts it.
#[derive(Debug)]
pub struct Rootfs {
    path: PathBuf,
}

impl Rootfs {
    /// Makes one at `path`.
    pub fn mount(path: &Path) -> io::Result<Self> {
        for name in EMPTY {
            std::fs::create_dir_all(path.join(name))?;
        }
        let rootfs = Self { path: path.to_owned() };
        for name in BORROWED {
            let (host, here) = (Path::new("/").join(name), path.join(name));
            let Ok(metadata) = std::fs::symlink_metadata(&host) else { continue };
            if metadata.is_symlink() {
                std::os::unix::fs::symlink(std::fs::read_link(&host)?, &here)?;
                continue;
            }
            std::fs::create_dir_all(&here)?;
            mount_bind(&host, &here)?;
            mount_remount(&here, MountFlags::BIND | MountFlags::RDONLY, "")?;
        }
        Ok(rootfs)
    }

    /// Where it is.
    pub fn path(&self) -> &Path {
        &self.path
    }
}

impl Drop for Rootfs {
    fn drop(&mut self) {
        for name in BORROWED {
            // Detached: nothing of it is in use by anybody we have not ended.
            let _ = unmount(self.path.join(name), UnmountFlags::DETACH);
        }
    }
}
