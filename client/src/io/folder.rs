//! The private folder of a process's FIFOs.

use std::fs::Permissions;
use std::io;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use super::FifoPaths;

const PREFIX: &str = "laconic-fifo-";

/// A folder and the FIFOs in it. It goes when it is dropped, until it is kept: a process that lives
/// on is attached to again by whoever comes next, and deletes it with the process.
#[derive(Debug)]
pub(crate) struct Folder {
    path: PathBuf,
    keep: bool,
}

impl Folder {
    /// Makes one. Named by its owner, so that whoever finds it later can tell whether that is dead.
    pub(super) fn make(root: &Path) -> io::Result<Self> {
        let named = format!("{PREFIX}{}-", std::process::id());
        let folder = tempfile::Builder::new()
            .prefix(&named)
            .permissions(Permissions::from_mode(0o700))
            .tempdir_in(std::path::absolute(root)?)?;
        Ok(Self { path: folder.keep(), keep: false })
    }

    /// The folder of these FIFOs, if an earlier client of this crate made it.
    pub(super) fn of(paths: &FifoPaths) -> Option<Self> {
        let folder = paths.stdout.as_deref()?.parent()?;
        let ours = folder.file_name()?.to_str()?.starts_with(PREFIX);
        ours.then(|| Self { path: folder.to_owned(), keep: true })
    }

    pub(super) fn at(&self, name: &str) -> PathBuf {
        self.path.join(name)
    }

    pub(super) fn keep(mut self) -> Self {
        self.keep = true;
        self
    }

    /// Removes it now.
    pub(super) fn remove(mut self) {
        self.keep = false;
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        if self.keep {
            return;
        }
        // The FIFOs that were made, and nothing that somebody else may have put there.
        for name in ["stdin", "stdout", "stderr"] {
            let _ = std::fs::remove_file(self.at(name));
        }
        if let Err(error) = std::fs::remove_dir(&self.path)
            && error.kind() != io::ErrorKind::NotFound
        {
            tracing::warn!(%error, folder = %self.path.display(), "FIFOs could not be removed");
        }
    }
}
