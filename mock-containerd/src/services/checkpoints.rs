//! What Tasks/Checkpoint leaves: files as runc's, but for CRIU's own, which nobody reads here.

use std::io::{self, Write};
use std::path::Path;

use containerd_client::types::Descriptor;
use sha2::{Digest as _, Sha256};

use crate::state::{Digest, Failure, Labels};
use crate::world::World;

const IMAGE: &str = "application/vnd.containerd.container.criu.checkpoint.criu.tar";
const SPEC: &str = "application/vnd.containerd.container.checkpoint.config.v1+proto";
const DESCRIPTORS: &str = "descriptors.json";
/// Of a process without streams: what its first three descriptors are.
const NO_STREAMS: &[u8] = br#"["/dev/null","/dev/null","/dev/null"]"#;

/// Writes a checkpoint into a folder, which is made with all above it.
pub(super) fn into_folder(folder: &Path) -> io::Result<()> {
    use std::os::unix::fs::OpenOptionsExt;
    std::fs::create_dir_all(folder)?;
    let mut options = std::fs::OpenOptions::new();
    options.write(true).create(true).truncate(true).mode(0o600);
    options.open(folder.join(DESCRIPTORS))?.write_all(NO_STREAMS)
}

fn tar() -> io::Result<Vec<u8>> {
    let mut tar = tar::Builder::new(Vec::new());
    let mut header = tar::Header::new_gnu();
    header.set_size(NO_STREAMS.len() as u64);
    header.set_mode(0o600);
    tar.append_data(&mut header, DESCRIPTORS, NO_STREAMS)?;
    tar.into_inner()
}

/// Writes a checkpoint, and the spec of its container, into the content store.
pub(super) async fn into_content(
    world: &World,
    namespace: &str,
    lease: Option<&str>,
    spec: Vec<u8>,
) -> Result<Vec<Descriptor>, Failure> {
    let tar = tar().map_err(|error| Failure::disk("cannot pack a checkpoint", &error))?;
    let mut written = Vec::new();
    for (media_type, bytes) in [(IMAGE, tar), (SPEC, spec)] {
        written.push(blob(world, namespace, lease, (media_type, bytes)).await?);
    }
    Ok(written)
}

async fn blob(
    world: &World,
    namespace: &str,
    lease: Option<&str>,
    (media_type, bytes): (&str, Vec<u8>),
) -> Result<Descriptor, Failure> {
    let made = world.change(|state| state.take_file());
    let written = world.on_disk("cannot write a checkpoint", move |store| {
        store.spool(made, |file| {
            file.write_all(&bytes)?;
            Ok((Digest::finished(Sha256::new_with_prefix(&bytes)), bytes.len() as i64))
        })
    });
    let written = written.await?;
    let (media_type, digest, size) =
        (media_type.to_owned(), written.digest.to_string(), written.size);
    world.enter_layer(namespace, lease, written, Labels::new())?;
    Ok(Descriptor { media_type, digest, size, ..Descriptor::default() })
}
