//! Bytes of content, whole and unfinished.

use std::fs::{File, OpenOptions};
use std::io;
use std::path::{Path, PathBuf};

use super::Store;
use super::root::make;
use crate::state::Digest;

/// Bytes that were written and are to become a blob.
#[derive(Debug)]
pub(crate) struct Spooled {
    /// Names their file.
    pub(crate) file: u64,
    pub(crate) digest: Digest,
    pub(crate) size: i64,
}

/// An error of the system, with the path that it is about.
fn at(path: &Path) -> impl Fn(io::Error) -> io::Error {
    move |cause| io::Error::new(cause.kind(), format!("{}: {cause}", path.display()))
}

impl Store {
    fn blob_path(&self, digest: &Digest) -> io::Result<PathBuf> {
        let (algorithm, hex) = digest.parts();
        let blobs = self.root()?.join("io.containerd.content.v1.content/blobs");
        Ok(blobs.join(algorithm).join(hex))
    }

    fn ingest_path(&self, file: u64) -> io::Result<PathBuf> {
        let ingests = self.root()?.join("io.containerd.content.v1.content/ingest");
        Ok(ingests.join(file.to_string()).join("data"))
    }

    /// Opens an unfinished blob to write on at its end.
    pub(crate) fn open_ingest(&self, file: u64) -> io::Result<File> {
        let path = self.ingest_path(file)?;
        make(path.parent().expect("it lies in a folder of its own"), 0o700)?;
        OpenOptions::new().create(true).append(true).open(&path).map_err(at(&path))
    }

    /// Writes bytes that have no digest yet. What could not be written whole does not stay.
    pub(crate) fn spool<E: From<io::Error>>(
        &self,
        file: u64,
        write: impl FnOnce(&mut File) -> Result<(Digest, i64), E>,
    ) -> Result<Spooled, E> {
        let written = self.open_ingest(file).map_err(E::from).and_then(|mut open| write(&mut open));
        match written {
            Ok((digest, size)) => Ok(Spooled { file, digest, size }),
            Err(error) => {
                self.remove_ingest(file);
                Err(error)
            }
        }
    }

    /// Makes an unfinished blob a whole one.
    pub(crate) fn finish_ingest(&self, file: u64, digest: &Digest) -> io::Result<()> {
        let (from, to) = (self.ingest_path(file)?, self.blob_path(digest)?);
        make(to.parent().expect("it lies in a folder"), 0o700)?;
        // An empty blob may never have been opened.
        OpenOptions::new().create(true).append(true).open(&from).or_else(|_| {
            make(from.parent().expect("it lies in a folder of its own"), 0o700)?;
            File::create(&from)
        })?;
        std::fs::rename(&from, &to).map_err(at(&to))?;
        std::fs::remove_dir_all(from.parent().expect("it lies in a folder of its own"))
    }

    pub(crate) fn open_blob(&self, digest: &Digest) -> io::Result<File> {
        let path = self.blob_path(digest)?;
        File::open(&path).map_err(at(&path))
    }

    /// Removes what may be there.
    pub(super) fn remove_blob(&self, digest: &Digest) {
        if self.made().is_some()
            && let Ok(path) = self.blob_path(digest)
        {
            let _ = std::fs::remove_file(path);
        }
    }

    /// Removes what may be there of an unfinished blob.
    pub(crate) fn remove_ingest(&self, file: u64) {
        if self.made().is_some()
            && let Ok(path) = self.ingest_path(file)
        {
            let folder = path.parent().expect("it lies in a folder of its own");
            let _ = std::fs::remove_dir_all(folder);
        }
    }
}
