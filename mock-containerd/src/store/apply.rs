//! Applies a layer to what a snapshot mounts, without mounting it: root is not needed.

use std::fs::File;
use std::io::{self, Read};
use std::path::{Path, PathBuf};

use containerd_client::types::Mount;
use rustix::fs::{CWD, FileType, Mode, XattrFlags};
use sha2::{Digest as _, Sha256};

use super::compression::{Packing, plain};
use super::scope;
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
    let Some(hidden) = name.strip_prefix(WHITEOUT) else {
        return entry.unpack_in(target.folder()).map(drop);
    };
    // `unpack_in` lets nothing out of the folder; what is hidden must not lie outside either, also
    // where the layer has laid a link before. `.wh...` would name the folder above.
    let folder = scope::within(target.folder(), path.parent().unwrap_or_else(|| Path::new("")))?;
    match hidden {
        _ if name == OPAQUE => hide_all(target, &folder),
        "" | "." | ".." => Ok(()),
        hidden => hide(target, &folder.join(hidden)),
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
    remove(path)?;
    if let Target::Upper(_) = target {
        std::fs::create_dir_all(path.parent().unwrap_or(target.folder()))?;
        // Overlay's own mark: a character device 0/0, which needs no privilege.
        rustix::fs::mknodat(CWD, path, FileType::CharacterDevice, Mode::empty(), 0)?;
    }
    Ok(())
}

/// Hides everything that lower layers have in this folder.
fn hide_all(target: &Target, folder: &Path) -> io::Result<()> {
    match target {
        Target::Upper(_) => {
            std::fs::create_dir_all(folder)?;
            rustix::fs::setxattr(folder, "trusted.overlay.opaque", b"y", XattrFlags::empty())?;
            Ok(())
        }
        Target::Plain(_) => {
            let Ok(entries) = std::fs::read_dir(folder) else { return Ok(()) };
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

#[cfg(test)]
mod tests {
    use std::io::{Seek, SeekFrom};

    use tar::{EntryType, Header};

    use super::*;

    fn header(kind: EntryType) -> Header {
        let mut header = Header::new_gnu();
        header.set_entry_type(kind);
        header.set_size(0);
        header.set_mode(0o644);
        header.set_uid(0);
        header.set_gid(0);
        header.set_mtime(0);
        header
    }

    /// A tar with a link to `folder`, and behind it what hides things there.
    fn layer_through(folder: &Path, hides: &str) -> File {
        let mut tar = tar::Builder::new(tempfile::tempfile().unwrap());
        tar.append_link(&mut header(EntryType::Symlink), "out", folder).unwrap();
        let mark = format!("out/{hides}");
        tar.append_data(&mut header(EntryType::Regular), mark, io::empty()).unwrap();
        let mut file = tar.into_inner().unwrap();
        file.seek(SeekFrom::Start(0)).unwrap();
        file
    }

    #[test]
    fn a_layer_hides_nothing_behind_a_link_that_leads_out() {
        for hides in [".wh.kept", OPAQUE] {
            for upper in [false, true] {
                let (target, outside) =
                    (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
                let kept = outside.path().join("kept");
                std::fs::write(&kept, "").unwrap();
                let folder = target.path().display().to_string();
                let options = if upper { vec![format!("upperdir={folder}")] } else { Vec::new() };
                let mount = Mount { source: folder, options, ..Mount::default() };
                let layer = layer_through(outside.path(), hides);
                // An overlay's marks want privileges that not every test has.
                let _ = apply(layer, Packing::Tar, &[mount]);
                assert!(target.path().join("out").is_symlink());
                let file = kept.symlink_metadata().map(|kept| kept.is_file()).unwrap_or_default();
                assert!(file, "{hides} upper: {upper}");
                assert_eq!(std::fs::read_dir(outside.path()).unwrap().count(), 1);
            }
        }
    }
}
