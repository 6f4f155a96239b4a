//! Descriptors, indexes and manifests: what refers to what.

use std::collections::BTreeMap;

use containerd_client::types as api;
use serde::Deserialize;

const OCI_INDEX: &str = "application/vnd.oci.image.index.v1+json";
const OCI_MANIFEST: &str = "application/vnd.oci.image.manifest.v1+json";
const OCI_CONFIG: &str = "application/vnd.oci.image.config.v1+json";
const DOCKER_LIST: &str = "application/vnd.docker.distribution.manifest.list.v2+json";
const DOCKER_MANIFEST: &str = "application/vnd.docker.distribution.manifest.v2+json";
const DOCKER_CONFIG: &str = "application/vnd.docker.container.image.v1+json";

const REF_CONTENT: &str = "containerd.io/gc.ref.content.";

/// Names a blob, and says what it is.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Descriptor {
    /// What it is, for example `application/vnd.oci.image.manifest.v1+json`.
    #[serde(default)]
    pub media_type: String,
    /// `sha256:` and 64 digits.
    pub digest: String,
    /// In bytes.
    pub size: i64,
    /// What its author says of it.
    #[serde(default)]
    pub annotations: BTreeMap<String, String>,
    /// Where it runs, if it is a manifest in an index.
    #[serde(default)]
    pub platform: Option<Platform>,
}

/// Where something runs, in Go's words.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
pub struct Platform {
    /// For example `amd64`.
    #[serde(default)]
    pub architecture: String,
    /// For example `linux`.
    #[serde(default)]
    pub os: String,
}

/// Names manifests.
#[derive(Clone, Debug, Deserialize)]
pub(crate) struct Index {
    pub(crate) manifests: Vec<Descriptor>,
}

/// Names a configuration and layers.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
pub(crate) struct Manifest {
    pub(crate) config: Descriptor,
    pub(crate) layers: Vec<Descriptor>,
}

impl Descriptor {
    pub(crate) fn of_wire(wire: api::Descriptor) -> Self {
        Self {
            media_type: wire.media_type,
            digest: wire.digest,
            size: wire.size,
            annotations: wire.annotations.into_iter().collect(),
            platform: None,
        }
    }

    pub(crate) fn wire(&self) -> api::Descriptor {
        api::Descriptor {
            media_type: self.media_type.clone(),
            digest: self.digest.clone(),
            size: self.size,
            annotations: self.annotations.clone().into_iter().collect(),
        }
    }

    pub(crate) fn is_index(&self) -> bool {
        [OCI_INDEX, DOCKER_LIST].contains(&self.media_type.as_str())
    }

    fn is_layer(&self) -> bool {
        self.media_type.starts_with("application/vnd.oci.image.layer.")
            || self.media_type.starts_with("application/vnd.docker.image.rootfs.")
    }

    /// Whether the server makes a plain tar of it when it applies it.
    pub(crate) fn is_compressed(&self) -> bool {
        self.media_type.ends_with("gzip") || self.media_type.ends_with("+zstd")
    }

    /// As containerd's Go client calls the label by which a parent holds it; where it ends in a
    /// dot, a number follows.
    fn label(&self) -> String {
        let kind = match self.media_type.as_str() {
            OCI_CONFIG | DOCKER_CONFIG => "config",
            OCI_MANIFEST | DOCKER_MANIFEST => "m.",
            _ if self.is_layer() => "l.",
            _ => "",
        };
        format!("{REF_CONTENT}{kind}")
    }
}

impl Platform {
    /// This machine's.
    pub(crate) fn here() -> Self {
        let architecture = match std::env::consts::ARCH {
            "x86_64" => "amd64",
            "aarch64" => "arm64",
            other => other,
        };
        Self { architecture: architecture.to_owned(), os: "linux".to_owned() }
    }
}

impl Index {
    /// The one for a platform; an entry that names none fits when it is alone.
    pub(crate) fn pick(&self, wanted: &Platform) -> Option<&Descriptor> {
        let fitting = self.manifests.iter().find(|one| one.platform.as_ref() == Some(wanted));
        fitting.or_else(|| match &self.manifests[..] {
            [only] if only.platform.is_none() => Some(only),
            _ => None,
        })
    }
}

/// What an index or a manifest refers to; nothing else refers to anything.
fn children(document: &[u8]) -> Vec<Descriptor> {
    if let Ok(index) = serde_json::from_slice::<Index>(document) {
        return index.manifests;
    }
    match serde_json::from_slice::<Manifest>(document) {
        Ok(manifest) => std::iter::once(manifest.config).chain(manifest.layers).collect(),
        Err(_) => Vec::new(),
    }
}

/// The labels by which a document keeps its children from garbage collection.
pub(crate) fn reference_labels(document: &[u8]) -> BTreeMap<String, String> {
    let mut numbers: BTreeMap<String, usize> = BTreeMap::new();
    let mut labels = BTreeMap::new();
    for child in children(document) {
        let label = child.label();
        let number = numbers.entry(label.clone()).or_default();
        let numbered = label.ends_with('.') || *number > 0;
        let key = if numbered { format!("{label}{number}") } else { label };
        *number += 1;
        labels.insert(key, child.digest);
    }
    labels
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn described(media_type: &str, digest: &str) -> Value {
        json!({"mediaType": media_type, "digest": digest, "size": 1})
    }

    #[test]
    fn a_manifest_keeps_its_configuration_and_its_layers_by_number() {
        let layer = "application/vnd.oci.image.layer.v1.tar+gzip";
        let manifest = json!({
            "schemaVersion": 2,
            "config": described(OCI_CONFIG, "sha256:c"),
            "layers": [described(layer, "sha256:a"), described(layer, "sha256:b")],
        });
        let labels = reference_labels(manifest.to_string().as_bytes());
        let shown: Vec<String> =
            labels.iter().map(|(key, digest)| format!("{key} = {digest}")).collect();
        insta::assert_snapshot!(shown.join("\n"), @r"
        containerd.io/gc.ref.content.config = sha256:c
        containerd.io/gc.ref.content.l.0 = sha256:a
        containerd.io/gc.ref.content.l.1 = sha256:b
        ");
    }

    #[test]
    fn an_index_keeps_its_manifests_and_the_indexes_in_it() {
        let index = json!({
            "schemaVersion": 2,
            "manifests": [described(DOCKER_MANIFEST, "sha256:a"), described(OCI_INDEX, "sha256:b")],
        });
        let labels = reference_labels(index.to_string().as_bytes());
        let shown: Vec<String> =
            labels.iter().map(|(key, digest)| format!("{key} = {digest}")).collect();
        insta::assert_snapshot!(shown.join("\n"), @r"
        containerd.io/gc.ref.content.0 = sha256:b
        containerd.io/gc.ref.content.m.0 = sha256:a
        ");
    }

    #[test]
    fn a_configuration_keeps_nothing() {
        assert!(reference_labels(br#"{"config":{"Cmd":["sh"]},"rootfs":{}}"#).is_empty());
        assert!(reference_labels(b"no document").is_empty());
    }

    #[test]
    fn of_an_index_the_manifest_for_the_platform_is_picked() {
        let on = |architecture: &str, digest: &str| Descriptor {
            digest: digest.to_owned(),
            platform: Some(Platform { architecture: architecture.into(), os: "linux".into() }),
            ..Descriptor::default()
        };
        let index = Index { manifests: vec![on("arm64", "sha256:a"), on("amd64", "sha256:b")] };
        let wanted = |architecture: &str| Platform {
            architecture: architecture.to_owned(),
            os: "linux".to_owned(),
        };
        assert_eq!(index.pick(&wanted("amd64")).unwrap().digest, "sha256:b");
        assert_eq!(index.pick(&wanted("riscv64")), None);
        let only = Index { manifests: vec![Descriptor::default()] };
        assert!(only.pick(&wanted("amd64")).is_some());
    }
}
