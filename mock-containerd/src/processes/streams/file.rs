//! Files that output is appended to.

use std::io;
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::Path;

use tokio::fs::File;

/// For all to read, and its folder too.
const FILE_MODE: u32 = 0o644;
const FOLDER_MODE: u32 = 0o755;

/// Makes it, and the folders above it, where they are missing.
pub(super) async fn create(path: &str) -> io::Result<()> {
    let path = path.to_owned();
    blocking(move || {
        if let Some(folder) = Path::new(&path).parent() {
            std::fs::DirBuilder::new().recursive(true).mode(FOLDER_MODE).create(folder)?;
        }
        let mut options = std::fs::OpenOptions::new();
        options.append(true).create(true).mode(FILE_MODE).open(path).map(drop)
    })
    .await
}

/// One that is there.
pub(super) async fn append(path: &str) -> io::Result<File> {
    let path = path.to_owned();
    blocking(move || std::fs::OpenOptions::new().append(true).open(path)).await.map(File::from_std)
}

async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> io::Result<T> + Send + 'static,
) -> io::Result<T> {
    tokio::task::spawn_blocking(work).await.expect("it does not panic, and is not aborted")
}
