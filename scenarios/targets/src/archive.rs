//! An archive with images, for scenarios that begin with one: the host's own shell and what it needs,
//! in two layers, under two names. No registry is asked, and the same host gives the same bytes.

use std::io;
use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::{Value, json};
use sha2::{Digest, Sha256};

const OCI: &str = "application/vnd.oci.image";
const PROGRAMS: [&str; 3] = ["/bin/sh", "/bin/sleep", "/bin/true"];
/// Of images in it: the same one.
const NAMES: [&str; 2] = laconic_scenarios::IMAGES;

struct Blob {
    digest: String,
    bytes: Vec<u8>,
}

impl Blob {
    fn new(bytes: Vec<u8>) -> Self {
        let sum = Sha256::digest(&bytes);
        let hex: String = sum.iter().map(|byte| format!("{byte:02x}")).collect();
        Self { digest: format!("sha256:{hex}"), bytes }
    }

    fn json(value: &Value) -> Self {
        Self::new(value.to_string().into_bytes())
    }

    fn described(&self, kind: &str) -> Value {
        let media_type = format!("{OCI}.{kind}");
        json!({ "mediaType": media_type, "digest": self.digest, "size": self.bytes.len() })
    }

    fn path(&self) -> String {
        format!("blobs/{}", self.digest.replace(':', "/"))
    }
}

/// Makes it in a folder.
pub(crate) fn make(folder: &Path) -> io::Result<PathBuf> {
    let programs = files_of_programs()?;
    let passwd = b"root:x:0:0:root:/:/bin/sh\n".to_vec();
    let layers = [
        Blob::new(tar(&programs)?),
        Blob::new(tar(&[
            ("etc/passwd".to_owned(), passwd),
            ("etc/group".to_owned(), b"root:x:0:\n".to_vec()),
        ])?),
    ];
    let architecture = if cfg!(target_arch = "aarch64") { "arm64" } else { "amd64" };
    let config = Blob::json(&json!({
        "architecture": architecture,
        "os": "linux",
        "config": { "Env": ["PATH=/bin"], "Cmd": ["/bin/sh", "-c", "exit 7"], "WorkingDir": "/" },
        "rootfs": { "type": "layers", "diff_ids": layers.each_ref().map(|layer| &layer.digest) },
    }));
    let manifest = Blob::json(&json!({
        "schemaVersion": 2,
        "mediaType": format!("{OCI}.manifest.v1+json"),
        "config": config.described("config.v1+json"),
        "layers": layers.each_ref().map(|layer| layer.described("layer.v1.tar")),
    }));
    let named = NAMES.map(|name| {
        let mut entry = manifest.described("manifest.v1+json");
        entry["annotations"] = json!({ "io.containerd.image.name": name });
        entry["platform"] = json!({ "architecture": architecture, "os": "linux" });
        entry
    });
    let index = json!({ "schemaVersion": 2, "manifests": named });
    let mut files = vec![
        ("oci-layout".to_owned(), br#"{"imageLayoutVersion":"1.0.0"}"#.to_vec()),
        ("index.json".to_owned(), index.to_string().into_bytes()),
    ];
    let blobs = layers.into_iter().chain([config, manifest]);
    files.extend(blobs.map(|blob| (blob.path(), blob.bytes)));
    let path = folder.join("images.tar");
    std::fs::write(&path, tar(&files)?)?;
    Ok(path)
}

/// The programs, and the libraries that `ldd` names, each where it is looked for.
fn files_of_programs() -> io::Result<Vec<(String, Vec<u8>)>> {
    let mut paths: Vec<String> = PROGRAMS.map(str::to_owned).into();
    for program in PROGRAMS {
        let told = Command::new("ldd").arg(program).output()?;
        let told = String::from_utf8_lossy(&told.stdout).into_owned();
        let absolute = told.split_whitespace().filter(|word| word.starts_with('/'));
        paths.extend(absolute.map(str::to_owned));
    }
    paths.sort();
    paths.dedup();
    let read = |path: String| Ok((path.trim_start_matches('/').to_owned(), std::fs::read(path)?));
    paths.into_iter().map(read).collect()
}

fn tar(files: &[(String, Vec<u8>)]) -> io::Result<Vec<u8>> {
    let mut tar = tar::Builder::new(Vec::new());
    for (path, bytes) in files {
        let mut header = tar::Header::new_ustar();
        header.set_size(bytes.len() as u64);
        header.set_mode(0o755);
        header.set_uid(0);
        header.set_gid(0);
        header.set_mtime(0);
        tar.append_data(&mut header, path, bytes.as_slice())?;
    }
    tar.into_inner()
}
