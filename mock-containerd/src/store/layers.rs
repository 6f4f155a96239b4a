//! The directories of snapshots, and how they are mounted.

use std::io;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use containerd_client::types::Mount;

use super::Store;
use super::root::make;
use super::tree::copy_tree;
use crate::state::{Layers, Snapshotter};

impl Store {
    fn snapshots(&self, snapshotter: Snapshotter) -> io::Result<PathBuf> {
        let folder = format!("io.containerd.snapshotter.v1.{}/snapshots", snapshotter.name());
        Ok(self.root()?.join(folder))
    }

    /// What a snapshot of its own is written into.
    fn files(&self, snapshotter: Snapshotter, directory: u64) -> io::Result<PathBuf> {
        let folder = self.snapshots(snapshotter)?.join(directory.to_string());
        Ok(match snapshotter {
            Snapshotter::Overlayfs => folder.join("fs"),
            Snapshotter::Native => folder,
        })
    }

    /// Makes the directories of a new snapshot.
    pub(crate) fn make_layer(&self, layers: &Layers) -> io::Result<()> {
        let files = self.files(layers.snapshotter, layers.directory)?;
        match (layers.snapshotter, layers.parents.first()) {
            (Snapshotter::Overlayfs, _) => {
                make(&files, 0o755)?;
                if layers.writable {
                    make(&files.with_file_name("work"), 0o711)?;
                }
                Ok(())
            }
            // A view looks at its parent itself.
            (Snapshotter::Native, Some(_)) if !layers.writable => Ok(()),
            (Snapshotter::Native, parent) => {
                make(&files, 0o755)?;
                match parent {
                    Some(parent) => copy_tree(&self.files(layers.snapshotter, *parent)?, &files),
                    None => Ok(()),
                }
            }
        }
    }

    /// How it is mounted: bind for a first layer, overlay above it.
    pub(crate) fn mounts(&self, layers: &Layers) -> io::Result<Vec<Mount>> {
        let of = |directory: u64| -> io::Result<String> {
            Ok(self.files(layers.snapshotter, directory)?.display().to_string())
        };
        let mode = if layers.writable { "rw" } else { "ro" };
        let bind = |source: String, options: [&str; 2]| Mount {
            r#type: "bind".to_owned(),
            source,
            target: String::new(),
            options: options.map(str::to_owned).into(),
        };
        let mount = match (layers.snapshotter, layers.parents.as_slice()) {
            (Snapshotter::Native, [parent, ..]) if !layers.writable => {
                bind(of(*parent)?, ["rbind", mode])
            }
            (Snapshotter::Native, _) => bind(of(layers.directory)?, ["rbind", mode]),
            (Snapshotter::Overlayfs, []) => bind(of(layers.directory)?, [mode, "rbind"]),
            (Snapshotter::Overlayfs, [parent]) if !layers.writable => {
                bind(of(*parent)?, [mode, "rbind"])
            }
            (Snapshotter::Overlayfs, parents) => {
                let mut options = Vec::new();
                if layers.writable {
                    let upper = of(layers.directory)?;
                    let work = Path::new(&upper).with_file_name("work");
                    options.push(format!("workdir={}", work.display()));
                    options.push(format!("upperdir={upper}"));
                }
                let lower: io::Result<Vec<String>> = parents.iter().map(|id| of(*id)).collect();
                options.push(format!("lowerdir={}", lower?.join(":")));
                options.push("index=off".to_owned());
                Mount {
                    r#type: "overlay".to_owned(),
                    source: "overlay".to_owned(),
                    target: String::new(),
                    options,
                }
            }
        };
        Ok(vec![mount])
    }

    /// Bytes on disk and number of inodes of a snapshot's own layer.
    pub(crate) fn usage(&self, layers: &Layers) -> io::Result<(i64, i64)> {
        let files = self.files(layers.snapshotter, layers.directory)?;
        let (mut size, mut inodes) = (0, std::collections::BTreeSet::new());
        let mut folders = vec![files];
        while let Some(path) = folders.pop() {
            let metadata = match path.symlink_metadata() {
                Ok(metadata) => metadata,
                // A view of native has none.
                Err(error) if error.kind() == io::ErrorKind::NotFound => continue,
                Err(error) => return Err(error),
            };
            if !inodes.insert((metadata.dev(), metadata.ino())) {
                continue;
            }
            size += metadata.blocks() * 512;
            if metadata.is_dir() {
                for entry in std::fs::read_dir(&path)? {
                    folders.push(entry?.path());
                }
            }
        }
        let inodes = inodes.len();
        Ok((i64::try_from(size).unwrap_or(i64::MAX), i64::try_from(inodes).unwrap_or(i64::MAX)))
    }

    pub(super) fn remove_layer(&self, snapshotter: Snapshotter, directory: u64) {
        if self.made().is_some()
            && let Ok(snapshots) = self.snapshots(snapshotter)
        {
            let _ = std::fs::remove_dir_all(snapshots.join(directory.to_string()));
        }
    }
}
