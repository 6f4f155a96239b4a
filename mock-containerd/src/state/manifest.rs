//! What images are made of: indexes and manifests, and what they refer to.

use std::collections::{BTreeMap, HashMap};

use containerd_client::types as api;
use serde::{Deserialize, Serialize};

use super::gc::REF_CONTENT;
use super::labels::Labels;

pub(crate) const OCI_INDEX: &str = "application/vnd.oci.image.index.v1+json";
const OCI_MANIFEST: &str = "application/vnd.oci.image.manifest.v1+json";
const OCI_CONFIG: &str = "application/vnd.oci.image.config.v1+json";
const DOCKER_LIST: &str = "application/vnd.docker.distribution.manifest.list.v2+json";
pub(crate) const DOCKER_MANIFEST: &str = "application/vnd.docker.distribution.manifest.v2+json";
pub(crate) const DOCKER_CONFIG: &str = "application/vnd.docker.container.image.v1+json";

/// What names a blob and says what it is. Its fields stand in the order in which Go writes them.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(crate) struct Descriptor {
    pub(crate) media_type: String,
    pub(crate) digest: String,
    pub(crate) size: i64,
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub(crate) annotations: BTreeMap<String, String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) platform: Option<Platform>,
}

/// Where something runs.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub(crate) struct Platform {
    pub(crate) architecture: String,
    pub(crate) os: String,
    #[serde(skip_serializing_if = "String::is_empty")]
    pub(crate) variant: String,
}

/// Names manifests.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(crate) struct Index {
    pub(crate) schema_version: u32,
    #[serde(skip_serializing_if = "String::is_empty")]
    pub(crate) media_type: String,
    pub(crate) manifests: Vec<Descriptor>,
}

/// Names a configuration and layers.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(crate) struct Manifest {
    pub(crate) schema_version: u32,
    #[serde(skip_serializing_if = "String::is_empty")]
    pub(crate) media_type: String,
    pub(crate) config: Descriptor,
    pub(crate) layers: Vec<Descriptor>,
}

/// What is read of a configuration.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub(crate) struct Config {
    #[serde(flatten)]
    pub(crate) platform: Platform,
    pub(crate) rootfs: RootFs,
}

/// Digests of the tars inside the layers, lowest first.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub(crate) struct RootFs {
    pub(crate) diff_ids: Vec<String>,
}

/// What a blob is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    Index,
    Manifest,
    /// Something that refers to nothing.
    Leaf,
}

impl Descriptor {
    pub(crate) fn kind(&self) -> Kind {
        match self.media_type.as_str() {
            OCI_INDEX | DOCKER_LIST => Kind::Index,
            OCI_MANIFEST | DOCKER_MANIFEST => Kind::Manifest,
            _ => Kind::Leaf,
        }
    }

    /// What it refers to, by its bytes.
    pub(crate) fn children(&self, bytes: &[u8]) -> serde_json::Result<Vec<Self>> {
        Ok(match self.kind() {
            Kind::Index => serde_json::from_slice::<Index>(bytes)?.manifests,
            Kind::Manifest => {
                let manifest: Manifest = serde_json::from_slice(bytes)?;
                let mut children = vec![manifest.config];
                children.extend(manifest.layers);
                children
            }
            Kind::Leaf => Vec::new(),
        })
    }

    /// The label by which a parent refers to it, without its number.
    fn reference(&self) -> &'static str {
        let layer = self.media_type.starts_with("application/vnd.oci.image.layer.")
            || self.media_type.starts_with("application/vnd.docker.image.rootfs.");
        match (self.kind(), self.media_type.as_str()) {
            (_, OCI_CONFIG | DOCKER_CONFIG) => ".config",
            (Kind::Manifest, _) => ".m.",
            _ if layer => ".l.",
            _ => ".",
        }
    }

    /// As containerd's API shows it.
    pub(crate) fn shown(&self) -> api::Descriptor {
        api::Descriptor {
            media_type: self.media_type.clone(),
            digest: self.digest.clone(),
            size: self.size,
            annotations: self.annotations.clone().into_iter().collect(),
        }
    }

    pub(crate) fn of(shown: &api::Descriptor) -> Self {
        Self {
            media_type: shown.media_type.clone(),
            digest: shown.digest.clone(),
            size: shown.size,
            annotations: shown.annotations.clone().into_iter().collect(),
            platform: None,
        }
    }
}

/// The labels by which a blob keeps its children from being collected.
pub(crate) fn references(children: &[Descriptor]) -> Labels {
    let mut numbers: HashMap<&str, usize> = HashMap::new();
    let mut labels = Labels::new();
    for child in children {
        let reference = child.reference();
        let number = numbers.entry(reference).or_default();
        let label = match reference.strip_suffix('.') {
            Some(_) => format!("{REF_CONTENT}{reference}{number}"),
            None => format!("{REF_CONTENT}{reference}"),
        };
        *number += 1;
        labels.insert(label, child.digest.clone());
    }
    labels
}

impl Platform {
    /// Of the host, in Go's words.
    pub(crate) fn of_host() -> Self {
        let architecture = match std::env::consts::ARCH {
            "x86_64" => "amd64",
            "aarch64" => "arm64",
            other => other,
        };
        Self {
            architecture: architecture.to_owned(),
            os: std::env::consts::OS.to_owned(),
            variant: String::new(),
        }
    }

    /// As containerd's API shows it.
    pub(crate) fn shown(self) -> api::Platform {
        let Self { architecture, os, variant } = self;
        api::Platform { architecture, os, variant, ..api::Platform::default() }
    }

    pub(crate) fn of(shown: &api::Platform) -> Self {
        Self {
            architecture: shown.architecture.clone(),
            os: shown.os.clone(),
            variant: shown.variant.clone(),
        }
    }

    /// A variant that is not told fits every one.
    pub(crate) fn fits(&self, other: &Self) -> bool {
        let variants = [&self.variant, &other.variant];
        let variant = variants[0] == variants[1] || variants.iter().any(|told| told.is_empty());
        self.os == other.os && self.architecture == other.architecture && variant
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn child(media_type: &str, digest: &str) -> Descriptor {
        let (media_type, digest) = (media_type.to_owned(), digest.to_owned());
        Descriptor { media_type, digest, ..Descriptor::default() }
    }

    #[test]
    fn children_are_kept_by_labels_that_are_numbered_by_kind() {
        let layer = "application/vnd.oci.image.layer.v1.tar+gzip";
        let labels = references(&[
            child(OCI_CONFIG, "c"),
            child(layer, "a"),
            child(layer, "b"),
            child(OCI_INDEX, "i"),
            child(OCI_MANIFEST, "m"),
        ]);
        let mut told: Vec<_> = labels.iter().map(|(key, value)| format!("{key} {value}")).collect();
        told.sort();
        assert_eq!(
            told,
            [
                "containerd.io/gc.ref.content.0 i",
                "containerd.io/gc.ref.content.config c",
                "containerd.io/gc.ref.content.l.0 a",
                "containerd.io/gc.ref.content.l.1 b",
                "containerd.io/gc.ref.content.m.0 m",
            ]
        );
    }

    proptest! {
        #[test]
        fn no_bytes_make_it_panic(bytes: Vec<u8>, index: bool) {
            let kind = if index { OCI_INDEX } else { OCI_MANIFEST };
            let _ = child(kind, "").children(&bytes);
        }
    }
}
