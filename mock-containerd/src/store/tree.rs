//! What mounts show, looked at without mounting: every path, and the file that stands for it.

use std::collections::BTreeMap;
use std::fs::Metadata;
use std::io;
use std::os::unix::fs::{FileTypeExt, MetadataExt, PermissionsExt};
use std::path::{Path, PathBuf};

use containerd_client::types::Mount;

/// Paths below the root, each with the file that it shows.
pub(super) type Tree = BTreeMap<PathBuf, Shown>;

#[derive(Debug)]
pub(super) struct Shown {
    pub(super) file: PathBuf,
    pub(super) metadata: Metadata,
}

/// The tree that mounts show: lower layers first, what is above hides what is below.
pub(super) fn tree(mounts: &[Mount]) -> io::Result<Tree> {
    let mut tree = Tree::new();
    let Some(mount) = mounts.first() else { return Ok(tree) };
    let option = |name: &str| mount.options.iter().find_map(|option| option.strip_prefix(name));
    if mount.r#type != "overlay" {
        enter(&mut tree, Path::new(&mount.source), Path::new(""))?;
        return Ok(tree);
    }
    let lower = option("lowerdir=").unwrap_or_default().split(':').rev();
    for layer in lower.chain(option("upperdir=")).filter(|layer| !layer.is_empty()) {
        enter(&mut tree, Path::new(layer), Path::new(""))?;
    }
    Ok(tree)
}

/// Lays one folder of a layer over what is there.
fn enter(tree: &mut Tree, layer: &Path, folder: &Path) -> io::Result<()> {
    for entry in std::fs::read_dir(layer.join(folder))? {
        let file = entry?.path();
        let path = folder.join(file.file_name().expect("an entry has a name"));
        let metadata = file.symlink_metadata()?;
        let hides = metadata.file_type().is_char_device() && metadata.rdev() == 0;
        if hides || !metadata.is_dir() || opaque(&file) {
            tree.retain(|have, _| !have.starts_with(&path));
        }
        if hides {
            continue;
        }
        let is_folder = metadata.is_dir();
        tree.insert(path.clone(), Shown { file, metadata });
        if is_folder {
            enter(tree, layer, &path)?;
        }
    }
    Ok(())
}

fn opaque(folder: &Path) -> bool {
    let mut value = [0; 1];
    let read = rustix::fs::getxattr(folder, "trusted.overlay.opaque", &mut value[..]);
    matches!(read, Ok(1)) && value == *b"y"
}

/// Copies everything below a folder. Devices and sockets are left out: no layer that a test writes
/// has them.
pub(super) fn copy_tree(from: &Path, to: &Path) -> io::Result<()> {
    for entry in std::fs::read_dir(from)? {
        let entry = entry?;
        let (file, copy) = (entry.path(), to.join(entry.file_name()));
        let metadata = file.symlink_metadata()?;
        if metadata.is_dir() {
            std::fs::create_dir(&copy)?;
            copy_tree(&file, &copy)?;
            let mode = std::fs::Permissions::from_mode(metadata.mode() & 0o7777);
            std::fs::set_permissions(&copy, mode)?;
        } else if metadata.is_symlink() {
            std::os::unix::fs::symlink(std::fs::read_link(&file)?, &copy)?;
        } else if metadata.is_file() {
            std::fs::copy(&file, &copy)?;
        }
    }
    Ok(())
}
