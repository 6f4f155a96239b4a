//! Applies a layer to what a snapshot mounts, without mounting it: root is not needed.

use std::fs::File;
use std::io::{self, Read};
use std::path::{Path, PathBuf};

use containerd_client::types::Mount;
use rustix::fs::{CWD, FileType, Mode, XattrFlags};
use sha2::{Digest as _, Sha256};

use super::compression::{Packing, plain};
use crate::state::Digest;

const WHITEOUT: &str = ".wh.";
const OPAQUE: &str = ".wh..wh..opq";

/// The tar that was applied, uncompressed.
#[derive(Debug)]
pub(crate) struct Applied {
    pub(crate) digest: Digest,
    pub(crate) size: i64,
}

/// Where a layer goes.
enum Target {
    /// A first layer, or nothing below: what is hidden is not there.
    Plain(PathBuf),
    /// The upper directory of an overlay: what is hidden gets a mark.
    Upper(PathBuf),
}

impl Target {
    /// Without any mount it goes nowhere, and that is no error.
    fn of(mounts: &[Mount]) -> Option<Self> {
        let mount = mounts.first()?;
        let upper = mount.options.iter().find_map(|option| option.strip_prefix("upperdir="));
        Some(match upper {
            Some(upper) => Self::Upper(PathBuf::from(upper)),
            None => Self::Plain(PathBuf::from(&mount.source)),
        })
    }

    fn folder(&self) -> &Path {
        match self {
            Self::Plain(folder) | Self::Upper(folder) => folder,
        }
    }
}

/// Unpacks a layer. Blocks.
pub(crate) fn apply(layer: File, packing: Packing, mounts: &[Mount]) -> io::Result<Applied> {
    let target = Target::of(mounts);
    let mut tar = tar::Archive::new(Hashing {
        inner: plain(layer, packing)?,
        hasher: Sha256::new(),
        size: 0,
    });
    tar.set_preserve_permissions(true);
    tar.set_preserve_ownerships(rustix::process::geteuid().is_root());
    tar.set_unpack_xattrs(true);
    tar.set_overwrite(true);
    if let Some(target) = &target {
        for entry in tar.entries()? {
            unpack(&mut entry?, target)?;
        }
    }
    let mut rest = tar.into_inner();
    // What follows the end of the archive belongs to the digest, too.
    io::copy(&mut rest, &mut io::sink())?;
    Ok(Applied { digest: Digest::finished(rest.hasher), size: rest.size })
}

fn unpack<R: Read>(entry: &mut tar::Entry<'_, R>, target: &Target) -> io::Result<()> {
    let path = entry.path()?.into_owned();
    let name = path.file_name().and_then(|name| name.to_str()).unwrap_or_default();
    let hidden = name.strip_prefix(WHITEOUT);
    // A path that leads out of the layer is refused by `unpack_in`; ours must be, too.
    let inside = path
        .components()
        .all(|part| matches!(part, std::path::Component::Normal(_) | std::path::Component::CurDir));
    match hidden {
        None => entry.unpack_in(target.folder()).map(drop),
        Some(_) if !inside => Ok(()),
        Some(_) if name == OPAQUE => {
            hide_all(target, path.parent().unwrap_or_else(|| Path::new("")))
        }
        Some(hidden) => hide(target, &path.with_file_name(hidden)),
    }
}

fn remove(path: &Path) -> io::Result<()> {
    match path.symlink_metadata() {
        Ok(metadata) if metadata.is_dir() => std::fs::remove_dir_all(path),
        Ok(_) => std::fs::remove_file(path),
        Err(_) => Ok(()),
    }
}

/// Hides what a lower layer has at this path.
fn hide(target: &Target, path: &Path) -> io::Result<()> {
    let path = target.folder().join(path);
    remove(&path)?;
    if let Target::Upper(_) = target {
        std::fs::create_dir_all(path.parent().unwrap_or(target.folder()))?;
        // Overlay's own mark: a character device 0/0, which needs no privilege.
        rustix::fs::mknodat(CWD, &path, FileType::CharacterDevice, Mode::empty(), 0)?;
    }
    Ok(())
}

/// Hides everything that lower layers have in this folder.
fn hide_all(target: &Target, folder: &Path) -> io::Result<()> {
    let folder = target.folder().join(folder);
    match target {
        Target::Upper(_) => {
            std::fs::create_dir_all(&folder)?;
            rustix::fs::setxattr(&folder, "trusted.overlay.opaque", b"y", XattrFlags::empty())?;
            Ok(())
        }
        Target::Plain(_) => {
            let Ok(entries) = std::fs::read_dir(&folder) else { return Ok(()) };
            for entry in entries {
                remove(&entry?.path())?;
            }
            Ok(())
        }
    }
}

/// Hashes and counts what is read through it.
struct Hashing {
    inner: Box<dyn Read>,
    hasher: Sha256,
    size: i64,
}

impl Read for Hashing {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let length = self.inner.read(buffer)?;
        self.hasher.update(&buffer[..length]);
        self.size += i64::try_from(length).expect("a buffer fits into memory");
        Ok(length)
    }
}
