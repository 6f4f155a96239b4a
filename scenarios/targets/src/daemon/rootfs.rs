//! A root file system without an image: the host's own programs, mounted read-only.

use std::ffi::OsStr;
use std::io;
use std::path::{Path, PathBuf};

use rustix::fs::{CWD, FileType, Mode, XattrFlags, mknodat, setxattr};
use rustix::mount::{MountFlags, UnmountFlags, mount, mount_bind, mount_remount, unmount};

/// Programs and their libraries.
const BORROWED: [&str; 4] = ["bin", "lib", "lib64", "usr"];
/// Where runc mounts, and what programs expect.
const EMPTY: [&str; 6] = ["proc", "dev", "sys", "tmp", "etc", "run"];

/// A mounted root file system. Dropping it unmounts it.
#[derive(Debug)]
pub struct Rootfs {
    path: PathBuf,
}

impl Rootfs {
    /// Makes one at `path`: one mount where the kernel can, for CRIU follows none below a root.
    pub fn mount(path: &Path) -> io::Result<Self> {
        std::fs::create_dir_all(path)?;
        // Dropped when something fails below, it unmounts what there is.
        let rootfs = Self { path: path.to_owned() };
        if rootfs.overlaid().is_err() {
            rootfs.unmount();
            rootfs.bound()?;
        }
        Ok(rootfs)
    }

    /// The host's root, below a layer that hides all else. The layer lies in memory, for one that
    /// lies within the other is refused, and goes with the mount that stands on it.
    fn overlaid(&self) -> io::Result<()> {
        let path = self.path.as_path();
        mount("tmpfs", path, "tmpfs", MountFlags::empty(), c"mode=755")?;
        for name in EMPTY {
            let here = path.join(name);
            std::fs::create_dir(&here)?;
            setxattr(&here, "trusted.overlay.opaque", b"y", XattrFlags::empty())?;
        }
        for entry in std::fs::read_dir("/")? {
            let name = entry?.file_name();
            if !BORROWED.iter().chain(&EMPTY).any(|one| OsStr::new(one) == name) {
                // A white-out.
                mknodat(CWD, path.join(name), FileType::CharacterDevice, Mode::empty(), 0)?;
            }
        }
        let layers = format!("lowerdir={}:/", path.display());
        let layers = std::ffi::CString::new(layers)?;
        Ok(mount("overlay", path, "overlay", MountFlags::RDONLY, layers.as_c_str())?)
    }

    fn bound(&self) -> io::Result<()> {
        for name in EMPTY {
            std::fs::create_dir_all(self.path.join(name))?;
        }
        for name in BORROWED {
            let (host, here) = (Path::new("/").join(name), self.path.join(name));
            let Ok(metadata) = std::fs::symlink_metadata(&host) else { continue };
            if metadata.is_symlink() {
                std::os::unix::fs::symlink(std::fs::read_link(&host)?, &here)?;
                continue;
            }
            std::fs::create_dir_all(&here)?;
            mount_bind(&host, &here)?;
            mount_remount(&here, MountFlags::BIND | MountFlags::RDONLY, "")?;
        }
        Ok(())
    }

    /// Where it is.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Detached: nothing of it is in use by anybody we have not ended.
    fn unmount(&self) {
        for name in BORROWED {
            let _ = unmount(self.path.join(name), UnmountFlags::DETACH);
        }
        // The two of an overlay.
        for _ in 0..2 {
            let _ = unmount(&self.path, UnmountFlags::DETACH);
        }
    }
}

impl Drop for Rootfs {
    fn drop(&mut self) {
        self.unmount();
    }
}
