//! The difference of two mounted trees, as a layer.

use std::fs::File;
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::os::unix::fs::MetadataExt;
use std::path::Path;

use containerd_client::types::Mount;
use flate2::Compression;
use flate2::write::GzEncoder;
use sha2::{Digest as _, Sha256};

use super::tree::{Shown, tree};
use crate::state::Digest;

/// A layer that was made.
#[derive(Debug)]
pub(crate) struct Difference {
    /// Its bytes, read from the beginning.
    pub(crate) layer: File,
    /// Of the tar inside.
    pub(crate) uncompressed: Digest,
}

/// What leads from the left to the right. Blocks.
pub(crate) fn difference(left: &[Mount], right: &[Mount], gzip: bool) -> io::Result<Difference> {
    let (left, right) = (tree(left)?, tree(right)?);
    let mut tar =
        tar::Builder::new(Hashing { inner: tempfile::tempfile()?, hasher: Sha256::new() });
    tar.follow_symlinks(false);
    for (path, shown) in &right {
        if left.get(path).is_none_or(|before| changed(before, shown)) {
            tar.append_path_with_name(&shown.file, path)?;
        }
    }
    for path in left.keys().filter(|path| !right.contains_key(*path)) {
        // The folder's own mark hides what was in it.
        let parent = path.parent().unwrap_or_else(|| Path::new(""));
        if parent == Path::new("") || right.contains_key(parent) {
            append_whiteout(&mut tar, path)?;
        }
    }
    let Hashing { inner: mut layer, hasher } = tar.into_inner()?;
    layer.seek(SeekFrom::Start(0))?;
    if gzip {
        layer = compressed(layer)?;
    }
    Ok(Difference { layer, uncompressed: Digest::finished(hasher) })
}

fn changed(before: &Shown, now: &Shown) -> bool {
    let told = |shown: &Shown| {
        let metadata = &shown.metadata;
        let folder = metadata.is_dir();
        // A folder's size and time tell of its entries, which stand for themselves.
        let size = if folder { 0 } else { metadata.size() };
        let time = if folder { (0, 0) } else { (metadata.mtime(), metadata.mtime_nsec()) };
        (metadata.mode(), metadata.uid(), metadata.gid(), metadata.rdev(), size, time)
    };
    told(before) != told(now)
}

fn append_whiteout<W: Write>(tar: &mut tar::Builder<W>, path: &Path) -> io::Result<()> {
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    let mut header = tar::Header::new_gnu();
    header.set_size(0);
    header.set_mode(0o644);
    tar.append_data(&mut header, path.with_file_name(format!(".wh.{name}")), io::empty())
}

fn compressed(mut plain: File) -> io::Result<File> {
    let mut encoder = GzEncoder::new(tempfile::tempfile()?, Compression::fast());
    io::copy(&mut plain, &mut encoder)?;
    let mut layer = encoder.finish()?;
    layer.seek(SeekFrom::Start(0))?;
    Ok(layer)
}

/// Hashes what is written through it.
struct Hashing {
    inner: File,
    hasher: Sha256,
}

impl Write for Hashing {
    fn write(&mut self, buffer: &[u8]) -> io::Result<usize> {
        let length = self.inner.write(buffer)?;
        self.hasher.update(&buffer[..length]);
        Ok(length)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.inner.flush()
    }
}

impl Difference {
    /// Reads it into an unfinished blob.
    pub(crate) fn copy_to(&mut self, file: &mut File) -> io::Result<(Digest, i64)> {
        let mut hasher = Sha256::new();
        let mut size = 0;
        let mut buffer = vec![0; 64 * 1024];
        loop {
            let length = self.layer.read(&mut buffer)?;
            if length == 0 {
                return Ok((Digest::finished(hasher), size));
            }
            hasher.update(&buffer[..length]);
            file.write_all(&buffer[..length])?;
            size += i64::try_from(length).expect("a buffer fits into memory");
        }
    }
}
