//! An image's handle.

use std::sync::Arc;

use containerd_client::services::v1::DeleteImageRequest;

use super::config::ImageConfig;
use super::manifest::{Descriptor, Manifest};
use crate::Error;
use crate::client::Shared;
use crate::wire::{self, Doing, operation};

/// What is kept of an image. It cannot change: a name that is given another target is another image.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Retained {
    pub(crate) name: String,
    pub(super) target: Descriptor,
    pub(super) manifest: Manifest,
    pub(crate) config: ImageConfig,
    /// Of each layer with all below it, lowest first.
    pub(super) chain: Vec<String>,
}

impl Retained {
    /// The parent of a container's snapshot; `None`: the image has no layers.
    pub(crate) fn chain_id(&self) -> Option<&str> {
        self.chain.last().map(String::as_str)
    }
}

/// When what an image alone has held is collected.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Collect {
    /// Soon, by the server's own garbage collection.
    Later,
    /// Before the call returns.
    Now,
}

/// An image. It keeps its manifest, configuration and chain id, so that making a container of it
/// asks nothing, and what is told from the handle costs no RPC. Clones share what is kept.
#[derive(Clone, Debug)]
pub struct Image {
    pub(super) shared: Arc<Shared>,
    pub(crate) known: Arc<Retained>,
}

impl Image {
    pub(super) fn new(shared: Arc<Shared>, known: Retained) -> Self {
        Self { shared, known: Arc::new(known) }
    }

    /// Its name.
    pub fn name(&self) -> &str {
        &self.known.name
    }

    /// What its name stands for: a manifest, or an index of manifests for several platforms.
    pub fn target(&self) -> &Descriptor {
        &self.known.target
    }

    /// How it wants to be run.
    pub fn config(&self) -> &ImageConfig {
        &self.known.config
    }

    /// The name of the snapshot of all its layers; `None`: it has no layers.
    pub fn chain_id(&self) -> Option<&str> {
        self.known.chain_id()
    }

    /// Removes the name, and with it what nothing else holds.
    ///
    /// Containers that were made of it live on, and so does what their snapshots stand on.
    /// `NotFound` when the name is not there; since containerd 2.0 also when it stands for something
    /// else by now. Before that the server does not look, and the newcomer is removed.
    ///
    /// RPCs: 1 (Images/Delete).
    pub async fn remove(&self, collect: Collect) -> Result<(), Error> {
        operation("remove-image", &self.known.name, None, async {
            let wire = &self.shared.wire;
            let message = DeleteImageRequest {
                name: self.known.name.clone(),
                sync: collect == Collect::Now,
                target: Some(self.known.target.wire()),
            };
            let doing = Doing::begin("remove image", &self.known.name);
            wire.call(&doing, &wire::images::DELETE, message).await
        })
        .await
    }
}
