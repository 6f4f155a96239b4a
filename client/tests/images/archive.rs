//! Image layouts made here, of the smallest kind.

use std::io::Write;

use flate2::Compression;
use flate2::write::GzEncoder;
use laconic_client::Archive;
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

const OCI: &str = "application/vnd.oci.image";

/// Layers and what is said about them; parts can be taken out or falsified.
#[derive(Clone, Debug)]
pub(crate) struct Layout {
    pub(crate) config: Value,
    /// Path and content of the one file of each layer.
    pub(crate) layers: Vec<(&'static str, Vec<u8>)>,
    /// As it stands in the annotation; `None`: there is none.
    pub(crate) name: Option<String>,
    pub(crate) architecture: &'static str,
    /// Whether layers are; else they are plain tars.
    pub(crate) compressed: bool,
    /// Blobs that are left out, by their number: layers first, then configuration and manifest.
    pub(crate) without: Vec<usize>,
}

pub(crate) struct Blob {
    pub(crate) digest: String,
    pub(crate) bytes: Vec<u8>,
}

pub(crate) fn sha256(bytes: &[u8]) -> String {
    let hex: String = Sha256::digest(bytes).iter().map(|byte| format!("{byte:02x}")).collect();
    format!("sha256:{hex}")
}

fn tar(files: &[(&str, &[u8])]) -> Vec<u8> {
    let mut tar = tar::Builder::new(Vec::new());
    for (path, bytes) in files {
        let mut header = tar::Header::new_ustar();
        header.set_size(bytes.len() as u64);
        header.set_mode(0o644);
        header.set_uid(0);
        header.set_gid(0);
        header.set_mtime(0);
        tar.append_data(&mut header, path, *bytes).unwrap();
    }
    tar.into_inner().unwrap()
}

pub(crate) fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut gzip = GzEncoder::new(Vec::new(), Compression::fast());
    gzip.write_all(bytes).unwrap();
    gzip.finish().unwrap()
}

/// A tar of an image layout, whose index comes last: nothing says that it comes first.
pub(crate) fn layout_tar(blobs: &[Blob], index: &Value) -> Vec<u8> {
    let index = index.to_string().into_bytes();
    let path = |blob: &Blob| format!("blobs/{}", blob.digest.replace(':', "/"));
    let paths: Vec<String> = blobs.iter().map(path).collect();
    let mut files: Vec<(&str, &[u8])> =
        paths.iter().zip(blobs).map(|(path, blob)| (path.as_str(), &blob.bytes[..])).collect();
    files.push(("oci-layout", br#"{"imageLayoutVersion":"1.0.0"}"#));
    files.push(("index.json", &index));
    tar(&files)
}

impl Layout {
    /// Two layers, a variable, a command.
    pub(crate) fn named(name: &str) -> Self {
        Self {
            config: json!({"Env": ["PATH=/bin", "DAY=fine"], "Cmd": ["sh"], "WorkingDir": "/"}),
            layers: vec![("bin/sh", b"sh".to_vec()), ("etc/os-release", b"ID=tiny\n".to_vec())],
            name: Some(name.to_owned()),
            architecture: if cfg!(target_arch = "aarch64") { "arm64" } else { "amd64" },
            compressed: true,
            without: Vec::new(),
        }
    }

    /// Blobs in the order in which they stand in the tar, and the index.
    pub(crate) fn parts(&self) -> (Vec<Blob>, Value) {
        let mut blobs = Vec::new();
        let mut blob = |bytes: Vec<u8>, kind: &str| {
            let (digest, size) = (sha256(&bytes), bytes.len());
            blobs.push(Blob { digest: digest.clone(), bytes });
            json!({"mediaType": format!("{OCI}.{kind}"), "digest": digest, "size": size})
        };
        let tars: Vec<_> = self.layers.iter().map(|(path, bytes)| tar(&[(path, bytes)])).collect();
        let diff_ids: Vec<_> = tars.iter().map(|tar| sha256(tar)).collect();
        let layer = |tar: &Vec<u8>| match self.compressed {
            true => blob(gzip(tar), "layer.v1.tar+gzip"),
            false => blob(tar.clone(), "layer.v1.tar"),
        };
        let layers: Vec<_> = tars.iter().map(layer).collect();
        let config = json!({
            "architecture": self.architecture, "os": "linux", "config": self.config,
            "rootfs": {"type": "layers", "diff_ids": diff_ids},
        });
        let config = blob(config.to_string().into_bytes(), "config.v1+json");
        let manifest = json!({"schemaVersion": 2, "config": config, "layers": layers});
        let mut entry = blob(manifest.to_string().into_bytes(), "manifest.v1+json");
        entry["platform"] = json!({"architecture": self.architecture, "os": "linux"});
        if let Some(name) = &self.name {
            entry["annotations"] = json!({"io.containerd.image.name": name});
        }
        (blobs, json!({"schemaVersion": 2, "manifests": [entry]}))
    }

    pub(crate) fn tar(&self) -> Vec<u8> {
        let (blobs, index) = self.parts();
        let whole = blobs.into_iter().enumerate();
        let kept = whole.filter(|(number, _)| !self.without.contains(number));
        let blobs: Vec<Blob> = kept.map(|(_, blob)| blob).collect();
        layout_tar(&blobs, &index)
    }

    pub(crate) fn archive(&self) -> Archive {
        Archive::from_reader(std::io::Cursor::new(self.tar()))
    }
}
