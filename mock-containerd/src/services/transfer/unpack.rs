//! Layers of an image, unpacked into snapshots: one on the other, each named by the chain of
//! digests down to it.

use containerd_client::services::v1::snapshots::Kind;
use containerd_client::types::transfer::UnpackConfiguration;
use sha2::{Digest as _, Sha256};
use tonic::Code;

use super::blobs::Blobs;
use crate::Profile;
use crate::state::{
    BlobDescriptor, Config, Digest, Failure, Labels, NewSnapshot, Platform, Snapshotter,
};
use crate::store::{Packing, UNCOMPRESSED, apply};

const SNAPSHOT_REF: &str = "containerd.io/snapshot.ref";
/// By which a configuration keeps the uppermost of its snapshots.
const REF_SNAPSHOT: &str = "containerd.io/gc.ref.snapshot.overlayfs";
/// The only one that is configured to unpack into.
const SNAPSHOTTER: Snapshotter = Snapshotter::Overlayfs;

/// Unpacks manifests.
pub(super) struct Unpacker<'b> {
    blobs: &'b Blobs,
    profile: Profile,
}

impl<'b> Unpacker<'b> {
    /// `None`: nothing is to be unpacked.
    pub(super) fn new(
        blobs: &'b Blobs,
        asked: &[UnpackConfiguration],
    ) -> Result<Option<Self>, Failure> {
        if asked.is_empty() {
            return Ok(None);
        }
        let profile = blobs.world.profile();
        let supported = asked.iter().any(|asked| {
            let platform = Platform::of(&asked.platform.clone().unwrap_or_default());
            // 2.1 takes every platform, and unpacks all that there are.
            let platform = profile == Profile::V2_1 || platform.fits(&Platform::of_host());
            platform && (asked.snapshotter.is_empty() || asked.snapshotter == SNAPSHOTTER.name())
        });
        if !supported {
            let what = "unable to initialize unpacker: no unpack platforms defined";
            return Err(Failure::invalid(what));
        }
        Ok(Some(Self { blobs, profile }))
    }

    pub(super) fn unpack(&self, manifest: &BlobDescriptor) -> Result<(), Failure> {
        let mut children = self.blobs.children(manifest)?;
        if children.is_empty() {
            return Ok(());
        }
        let (config, layers) = (children.remove(0), children);
        let known: Config = serde_json::from_slice(&self.blobs.read(&config.digest)?)
            .map_err(|error| Failure::plain(Code::Unknown, error.to_string()))?;
        let platform = manifest.platform.as_ref().unwrap_or(&known.platform);
        if self.profile < Profile::V2_1 && !platform.fits(&Platform::of_host()) {
            return Ok(());
        }
        let ids = known.rootfs.diff_ids;
        if ids.len() != layers.len() {
            let what = format!(
                "number of layers and diffIDs don't match: {} != {}",
                layers.len(),
                ids.len()
            );
            return Err(Failure::plain(Code::Unknown, what));
        }
        let mut below = String::new();
        for (layer, id) in layers.iter().zip(&ids) {
            let chain = chained(&below, id);
            self.layer(layer, id, &below, &chain)?;
            below = chain;
        }
        if below.is_empty() {
            return Ok(());
        }
        self.blobs.label(&config.digest, Labels::from([(REF_SNAPSHOT.to_owned(), below)]))
    }

    /// Unpacks one layer, unless it is there already.
    fn layer(
        &self,
        layer: &BlobDescriptor,
        id: &str,
        parent: &str,
        chain: &str,
    ) -> Result<(), Failure> {
        let (world, namespace) = (&self.blobs.world, self.blobs.namespace.as_str());
        if world.change(|state| state.snapshot_info(namespace, SNAPSHOTTER, chain)).is_ok() {
            return Ok(());
        }
        let active = world.change(|state| {
            let file = state.take_file();
            format!("extract-{}-{file:04} {chain}", state.clock.now().nanos)
        });
        let extracted = self.extract(layer, id, parent, &active, chain);
        if extracted.is_err() {
            let _ = world.change(|state| state.remove_snapshot(namespace, SNAPSHOTTER, &active));
        }
        extracted.map_err(|failure| {
            let (kind, digest) = (&layer.media_type, &layer.digest);
            failure.within(&match self.profile {
                Profile::V2_1 => {
                    format!("failed to extract layer ({kind} {digest}) to overlayfs as {active:?}")
                }
                _ => format!("failed to extract layer {id}"),
            })
        })
    }

    fn extract(
        &self,
        layer: &BlobDescriptor,
        id: &str,
        parent: &str,
        active: &str,
        chain: &str,
    ) -> Result<(), Failure> {
        let Blobs { world, namespace, .. } = self.blobs;
        let labels = Labels::from([(SNAPSHOT_REF.to_owned(), chain.to_owned())]);
        let new = NewSnapshot {
            snapshotter: SNAPSHOTTER,
            key: active.to_owned(),
            parent: parent.to_owned(),
            labels: labels.clone(),
            kind: Kind::Active,
        };
        let lease = self.blobs.lease();
        let layers = world.change(|state| state.create_snapshot(namespace, lease, new))?;
        let failed = |error: std::io::Error| Failure::disk("cannot apply a layer", &error);
        let store = world.store();
        store.make_layer(&layers).map_err(failed)?;
        let mounts = store.mounts(&layers).map_err(failed)?;
        let packing = Packing::of(&layer.media_type)?;
        let file = self.blobs.open(&layer.digest);
        let file =
            file.map_err(|failure| failure.within("failed to get reader from content store"))?;
        let applied = apply(file, packing, &mounts).map_err(failed)?;
        if applied.digest.as_str() != id {
            let what = format!("wrong diff id calculated on extraction {:?}", applied.digest);
            return Err(Failure::plain(Code::Unknown, what));
        }
        world.change(|state| {
            state.commit_snapshot(namespace, lease, SNAPSHOTTER, (chain, active), labels)
        })?;
        self.blobs.label(&layer.digest, Labels::from([(UNCOMPRESSED.to_owned(), id.to_owned())]))
    }
}

/// The name of a layer on what is below it.
fn chained(below: &str, id: &str) -> String {
    if below.is_empty() {
        return id.to_owned();
    }
    Digest::finished(Sha256::new_with_prefix(format!("{below} {id}"))).to_string()
}
