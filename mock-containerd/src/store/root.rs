//! The folder of everything: made when it is first needed, removed with the mock when it is ours.

use std::io;
use std::os::unix::fs::{DirBuilderExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::sync::Mutex;

use tempfile::TempDir;

use crate::state::{Digest, Failure, Garbage};

#[derive(Debug)]
pub(crate) struct Store {
    root: Mutex<Root>,
}

#[derive(Debug)]
enum Root {
    /// Somebody's; it stays.
    Given(PathBuf),
    Own(TempDir),
    /// Not needed so far.
    Unmade,
    /// The mock has stopped.
    Closed,
}

impl Store {
    pub(crate) fn new(root: Option<PathBuf>) -> Self {
        Self { root: Mutex::new(root.map_or(Root::Unmade, Root::Given)) }
    }

    /// The folder, which is there from now on.
    pub(crate) fn root(&self) -> io::Result<PathBuf> {
        let mut root = self.root.lock().expect("nothing panics while it holds the folder's name");
        if let Root::Unmade = *root {
            let named = format!("laconic-mock-{}-root-", std::process::id());
            let private = std::fs::Permissions::from_mode(0o700);
            let folder = tempfile::Builder::new().prefix(&named).permissions(private).tempdir()?;
            *root = Root::Own(folder);
        }
        Ok(match &*root {
            Root::Given(path) => path.clone(),
            Root::Own(folder) => folder.path().to_owned(),
            Root::Unmade => unreachable!("it was made a line ago"),
            Root::Closed => return Err(io::Error::other("the mock has stopped")),
        })
    }

    /// Removes the folder, if it is the mock's own: calls that still hold the store must not keep it.
    pub(crate) fn close(&self) {
        let mut root = self.root.lock().expect("nothing panics while it holds the folder's name");
        *root = Root::Closed;
    }

    /// Removes blobs that no namespace knows any more.
    pub(crate) fn remove_blobs(&self, blobs: &[Digest]) {
        blobs.iter().for_each(|digest| self.remove_blob(digest));
    }

    /// Removes unfinished blobs and layers that belong to nothing any more.
    pub(crate) fn remove_numbered(&self, garbage: Garbage) {
        garbage.ingests.iter().for_each(|file| self.remove_ingest(*file));
        for (snapshotter, directory) in garbage.snapshots {
            self.remove_layer(snapshotter, directory);
        }
    }

    /// The folder, when there is one.
    pub(super) fn made(&self) -> Option<PathBuf> {
        let root = self.root.lock().expect("nothing panics while it holds the folder's name");
        match &*root {
            Root::Given(path) => Some(path.clone()),
            Root::Own(folder) => Some(folder.path().to_owned()),
            Root::Unmade | Root::Closed => None,
        }
    }
}

/// Makes a folder and those above it.
pub(super) fn make(folder: &Path, mode: u32) -> io::Result<()> {
    let made = std::fs::DirBuilder::new().recursive(true).mode(mode).create(folder);
    made.map_err(|cause| io::Error::new(cause.kind(), format!("{}: {cause}", folder.display())))
}

impl Failure {
    /// The disk said no: nobody's fault but the mock's surroundings'.
    pub(crate) fn disk(what: &str, error: &io::Error) -> Self {
        Self::plain(tonic::Code::Internal, format!("mock: {what}: {error}"))
    }
}
