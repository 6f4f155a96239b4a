//! An image into an archive: a layout of OCI, which docker can load, too.

use std::collections::btree_map::Entry;
use std::collections::{BTreeMap, BTreeSet};
use std::fs::File;

use containerd_client::services::v1::Image;
use containerd_client::types::transfer::ImageExportStream;

use super::blobs::Blobs;
use crate::state::{
    BlobDescriptor, BlobKind, Failure, Index, OCI_INDEX, Platform, annotate, familiar,
};
use crate::store::{DockerEntry, Writer};

/// Exports images. Blocks.
pub(super) fn export(
    blobs: &Blobs,
    images: &[Image],
    to: &ImageExportStream,
) -> Result<File, Failure> {
    let platforms = match (to.all_platforms, to.platforms.as_slice()) {
        (true, _) => None,
        (false, []) => Some(vec![Platform::of_host()]),
        (false, told) => Some(told.iter().map(Platform::of).collect()),
    };
    let mut export = Export {
        blobs,
        platforms,
        distributable: to.skip_non_distributable,
        whole: BTreeSet::new(),
        manifests: Vec::new(),
    };
    let media_type = OCI_INDEX.to_owned();
    let mut index = Index { schema_version: 2, media_type, manifests: Vec::new() };
    // By manifest: an image has all its names in one entry.
    let mut entries = BTreeMap::<String, DockerEntry>::new();
    for image in images {
        let mut target = BlobDescriptor::of(&image.target.clone().unwrap_or_default());
        export.enter(&target)?;
        annotate(&mut target, &image.name);
        index.manifests.push(target);
        if let Some(manifest) = export.for_docker() {
            let entry = match entries.entry(manifest.digest.clone()) {
                Entry::Occupied(entry) => entry.into_mut(),
                Entry::Vacant(place) => place.insert(DockerEntry::new(&blobs.children(&manifest)?)),
            };
            entry.tag(familiar(&image.name));
        }
    }

    let failed = |error: std::io::Error| Failure::disk("cannot write an archive", &error);
    let mut writer = Writer::new().map_err(failed)?;
    for digest in export.whole {
        writer.blob(&digest, blobs.open(&digest)?).map_err(failed)?;
    }
    writer.index(&index).map_err(failed)?;
    if !to.skip_compatibility_manifest && !entries.is_empty() {
        writer.docker(&entries.into_values().collect::<Vec<_>>()).map_err(failed)?;
    }
    writer.finish().map_err(failed)
}

struct Export<'b> {
    blobs: &'b Blobs,
    /// Those that are wanted; none: all.
    platforms: Option<Vec<Platform>>,
    /// Layers that must not be passed on are left out.
    distributable: bool,
    /// Digests, in order.
    whole: BTreeSet<String>,
    manifests: Vec<BlobDescriptor>,
}

impl Export<'_> {
    fn enter(&mut self, blob: &BlobDescriptor) -> Result<(), Failure> {
        let foreign = ["nondistributable", "foreign"];
        if self.distributable && foreign.iter().any(|kind| blob.media_type.contains(kind)) {
            return Ok(());
        }
        self.whole.insert(blob.digest.clone());
        if blob.kind() == BlobKind::Manifest {
            self.manifests.push(blob.clone());
        }
        let children = self.blobs.children(blob)?;
        let wanted: Vec<_> = children.into_iter().filter(|child| self.wants(child)).collect();
        if wanted.is_empty() && blob.kind() == BlobKind::Index {
            return Err(Failure::not_found("no manifest found for platform"));
        }
        wanted.iter().try_for_each(|child| self.enter(child))
    }

    /// Docker knows one platform of the image that was entered: the first that was asked for, or the
    /// host's.
    fn for_docker(&mut self) -> Option<BlobDescriptor> {
        let manifests = std::mem::take(&mut self.manifests);
        let host = [Platform::of_host()];
        let wanted = self.platforms.as_deref().unwrap_or(&host);
        let fits = |wanted: &Platform, manifest: &&BlobDescriptor| {
            manifest.platform.as_ref().is_none_or(|platform| wanted.fits(platform))
        };
        let of = |wanted| manifests.iter().find(|manifest| fits(wanted, manifest));
        wanted.iter().find_map(of).cloned()
    }

    fn wants(&self, child: &BlobDescriptor) -> bool {
        match (&self.platforms, &child.platform) {
            (Some(wanted), Some(platform)) => wanted.iter().any(|wanted| wanted.fits(platform)),
            _ => true,
        }
    }
}
