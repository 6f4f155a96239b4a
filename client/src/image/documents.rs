//! From an image's target to its manifest and configuration.

use std::collections::BTreeMap;

use serde::de::DeserializeOwned;

use super::chain::chain_ids;
use super::config::ImageConfig;
use super::content;
use super::handle::Retained;
use super::manifest::{Descriptor, Index, Manifest, Platform};
use crate::wire::{Doing, Wire};
use crate::{Error, Kind};

/// Indexes in indexes; more is a loop.
const DEPTH_MAX: usize = 4;

/// Where documents are read.
pub(super) enum Documents<'d> {
    /// Of an archive, by digest.
    Kept(&'d BTreeMap<String, Vec<u8>>),
    /// Of the server. A Content/Read each.
    Stored(&'d Wire),
}

impl Documents<'_> {
    async fn read<T: DeserializeOwned>(
        &self,
        doing: &Doing<'_>,
        blob: &Descriptor,
    ) -> Result<T, Error> {
        let reading = doing.part_on("read", &blob.digest);
        let parse = |bytes: &[u8]| {
            serde_json::from_slice(bytes).map_err(|error| {
                let what = format!("as {}: {error}", blob.media_type);
                Error::caused(&reading, Kind::InvalidArgument, what, error)
            })
        };
        match self {
            Self::Stored(wire) => parse(&content::read(wire, doing, blob).await?),
            Self::Kept(kept) => match kept.get(&blob.digest) {
                Some(bytes) => parse(bytes),
                None => Err(Error::refusal(&reading, Kind::NotFound, "the archive lacks it")),
            },
        }
    }

    /// What a handle keeps of an image, for this machine's platform.
    pub(super) async fn resolve(
        &self,
        doing: &Doing<'_>,
        name: &str,
        target: Descriptor,
    ) -> Result<Retained, Error> {
        let doing = &doing.part_on("read image", name);
        let refuse = |kind, what: String| Error::refusal(doing, kind, what);
        let here = Platform::here();
        let mut at = target.clone();
        for _ in 0..DEPTH_MAX {
            if !at.is_index() {
                break;
            }
            let index: Index = self.read(doing, &at).await?;
            at = index.pick(&here).cloned().ok_or_else(|| {
                let what = format!("it has no manifest for {}/{}", here.os, here.architecture);
                refuse(Kind::NotFound, what)
            })?;
        }
        let manifest: Manifest = self.read(doing, &at).await?;
        let config: ImageConfig = self.read(doing, &manifest.config).await?;
        let (layers, diffs) = (manifest.layers.len(), config.diff_ids.len());
        if layers != diffs {
            let what = format!("its manifest has {layers} layers, its configuration {diffs}");
            return Err(refuse(Kind::InvalidArgument, what));
        }
        let chain = chain_ids(&config.diff_ids);
        Ok(Retained { name: name.to_owned(), target, manifest, config, chain })
    }
}
