//! Images out of an archive: its blobs, the labels that hold them together, the layers unpacked
//! where that is asked for, and the names.

use std::fs::File;

use containerd_client::types::transfer::ImageStore;
use tonic::Code;

use super::blobs::Blobs;
use super::docker;
use super::unpack::Unpacker;
use crate::state::{
    BlobDescriptor, BlobKind, Failure, Labels, Platform, names, names_of_part, references,
};
use crate::store::{Archive, read_archive};

/// Names that were saved, each with its target.
type Saved = Vec<(String, BlobDescriptor)>;

/// Imports everything. Blocks.
pub(super) fn import(
    blobs: &Blobs,
    archive: File,
    compress: bool,
    store: &ImageStore,
) -> Result<Saved, Failure> {
    let read = read_archive(archive, |blob| blobs.write(blob, Labels::new()))?;
    let index = match read {
        Archive::Oci { index } => index,
        Archive::Docker { images } => docker::index(blobs, images, compress)?,
    };
    let walk = Walk {
        blobs,
        store,
        platforms: store.platforms.iter().map(Platform::of).collect(),
        unpacker: Unpacker::new(blobs, &store.unpacks)?,
    };
    if !walk.enter(&index)? {
        return Err(Failure::plain(Code::Unknown, "image might be filtered out"));
    }

    let parts = blobs.children(&index)?;
    let mut saved = Saved::new();
    keep(blobs, store, &mut saved, names(store, &index), &index)?;
    for part in &parts {
        keep(blobs, store, &mut saved, names_of_part(store, part), part)?;
    }
    Ok(saved)
}

fn keep(
    blobs: &Blobs,
    store: &ImageStore,
    saved: &mut Saved,
    names: Vec<String>,
    target: &BlobDescriptor,
) -> Result<(), Failure> {
    blobs.world.change(|state| {
        state.keep_images(&blobs.namespace, blobs.lease(), &names, target, &store.labels)
    })?;
    saved.extend(names.into_iter().map(|name| (name, target.clone())));
    Ok(())
}

/// From an index down to the layers.
struct Walk<'b> {
    blobs: &'b Blobs,
    store: &'b ImageStore,
    /// Those that are wanted; none: all.
    platforms: Vec<Platform>,
    unpacker: Option<Unpacker<'b>>,
}

impl Walk<'_> {
    /// Whether anything is below it that is wanted.
    fn enter(&self, parent: &BlobDescriptor) -> Result<bool, Failure> {
        if parent.kind() == BlobKind::Leaf {
            return Ok(false);
        }
        let children = self.blobs.children(parent)?;
        // All children are held, those too that are not wanted.
        self.blobs.label(&parent.digest, references(&children))?;
        if let (BlobKind::Manifest, Some(unpacker)) = (parent.kind(), &self.unpacker) {
            unpacker.unpack(parent)?;
        }
        let mut wanted = children.iter().filter(|child| self.wants(child)).collect::<Vec<_>>();
        let limit = self.store.manifest_limit as usize;
        if limit > 0 && parent.kind() == BlobKind::Index {
            wanted.truncate(limit);
        }
        for child in &wanted {
            self.enter(child)?;
        }
        Ok(!wanted.is_empty())
    }

    fn wants(&self, child: &BlobDescriptor) -> bool {
        let Some(platform) = &child.platform else { return true };
        self.store.all_metadata
            || self.platforms.is_empty()
            || self.platforms.iter().any(|wanted| wanted.fits(platform))
    }
}
