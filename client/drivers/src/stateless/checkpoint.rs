//! Checkpoints, as Moby made them: into the content store, an image of it, and from there, piece by
//! piece, into a folder.

use std::path::PathBuf;

use containerd_client::services::v1::{
    CheckpointTaskRequest, CreateImageRequest, Image, PauseTaskRequest, ResumeTaskRequest,
};
use containerd_client::types::Descriptor;
use containerd_client::types::v1::Status as Wire;
use driver_protocol::{ErrorKind, Ok as Done, Refusal};
use serde_json::{Value, json};

use super::calls::answer;
use super::moby::{Answer, Moby, refuse};
use super::tape::Tape;
use crate::gathering::sha256;

const INDEX: &str = "application/vnd.oci.image.index.v1+json";
const CRIU: &str = "application/vnd.containerd.container.criu.checkpoint.criu.tar";
/// What a task has in memory is read into ours.
const BYTES_MAX: usize = 1 << 30;

/// The image that was made of a checkpoint.
struct Written {
    name: String,
    index: String,
}

fn broken(what: impl std::fmt::Display) -> Refusal {
    let message = format!("the checkpoint cannot be unpacked: {what}");
    Refusal { kind: ErrorKind::Internal, code: None, message }
}

impl Moby {
    pub(super) async fn checkpoint(&self, id: &str, folder: PathBuf) -> Answer {
        self.get_process(id, None).await?;
        let lease = self.calls.create_lease().await?;
        let written = self.write_down(id, &lease).await;
        let _ = self.calls.delete_lease(lease).await;
        let written = written?;
        let unpacked = self.unpack_checkpoint(&written.index, folder).await;
        // Whatever has become of it.
        let _ = self.calls.remove_image(&written.name, false).await;
        unpacked.map(|()| Done::Checkpoint {})
    }

    /// It is frozen while it is written down, unless it was before.
    async fn write_down(&self, id: &str, lease: &str) -> Result<Written, Refusal> {
        let record = self.calls.get_container(id).await?;
        if !record.snapshot_key.is_empty() {
            return refuse(ErrorKind::Unimplemented, "its snapshot would have to be written, too");
        }
        let frozen = self.calls.get(id, "").await?.status() == Wire::Paused;
        let tasks = || self.calls.tasks();
        if !frozen {
            let message = PauseTaskRequest { container_id: id.to_owned() };
            answer(tasks().pause(self.calls.ask(message))).await?;
        }
        let written = self.write_image(id, lease).await;
        if !frozen {
            let message = ResumeTaskRequest { container_id: id.to_owned() };
            let _ = answer(tasks().resume(self.calls.ask(message))).await;
        }
        written
    }

    async fn write_image(&self, id: &str, lease: &str) -> Result<Written, Refusal> {
        let calls = &self.calls;
        let message = CheckpointTaskRequest {
            container_id: id.to_owned(),
            ..CheckpointTaskRequest::default()
        };
        let written = answer(calls.tasks().checkpoint(calls.ask_under(lease, message))).await?;
        let manifests: Vec<Value> = written
            .descriptors
            .iter()
            .map(|one| json!({"mediaType": one.media_type, "digest": one.digest, "size": one.size}))
            .collect();
        let index = json!({"schemaVersion": 2, "mediaType": INDEX, "manifests": manifests});
        let index = index.to_string().into_bytes();
        let held = written.descriptors.iter().enumerate();
        let labels = held
            .map(|(at, one)| (format!("containerd.io/gc.ref.content.{at}"), one.digest.clone()));
        let digest = format!("sha256:{}", sha256(&index));
        let target = Descriptor {
            media_type: INDEX.to_owned(),
            digest: digest.clone(),
            size: index.len() as i64,
            ..Descriptor::default()
        };
        calls.write(lease, id.to_owned(), index, digest.clone(), labels.collect()).await?;
        // Moby's is named for the second; what is written of a container has one digest.
        let name = format!("containerd.io/checkpoint/{id}:{}", &digest["sha256:".len()..][..16]);
        let image = Image {
            name: name.clone(),
            target: Some(target),
            labels: [("containerd.io/checkpoint".to_owned(), "true".to_owned())].into(),
            ..Image::default()
        };
        let message = CreateImageRequest { image: Some(image), ..CreateImageRequest::default() };
        answer(calls.images().create(calls.ask_under(lease, message))).await?;
        Ok(Written { name, index: digest })
    }

    async fn unpack_checkpoint(&self, index: &str, folder: PathBuf) -> Result<(), Refusal> {
        let index = self.calls.document(index).await?;
        let index: Value = serde_json::from_slice(&index).map_err(broken)?;
        let manifests = index["manifests"].as_array().into_iter().flatten();
        let criu = manifests.into_iter().find(|one| one["mediaType"] == CRIU);
        let digest = criu.and_then(|one| one["digest"].as_str());
        let digest = digest.ok_or_else(|| broken("nothing in it is CRIU's"))?;
        self.calls.info(digest).await?;
        let (mut tape, mut bytes) = (Tape::default(), Vec::new());
        while let Some(wanted) = tape.wants() {
            let piece = self.calls.read(digest, bytes.len() as u64, wanted).await?;
            tape.read(&piece).map_err(broken)?;
            bytes.extend(piece);
            if bytes.len() > BYTES_MAX {
                return Err(broken(format!("it has more than {BYTES_MAX} bytes")));
            }
        }
        let unpacking = move || {
            std::fs::create_dir_all(&folder)?;
            tar::Archive::new(bytes.as_slice()).unpack(&folder)
        };
        tokio::task::spawn_blocking(unpacking).await.map_err(broken)?.map_err(broken)
    }
}
