//! Images as containerd's client has them: by name, and whatever a name stands for is read anew.

use std::io::{self, Read};
use std::path::PathBuf;

use containerd_client::services::v1::images_client::ImagesClient;
use containerd_client::services::v1::{
    CreateContainerRequest, CreateImageRequest, DeleteImageRequest, GetImageRequest, Image,
    ListImagesRequest, UpdateImageRequest,
};
use containerd_client::types::Descriptor;
use driver_protocol::{
    CreateFromImage, ErrorKind, ImageFound, ImageNames, Ok as Done, Operation, Refusal,
};
use laconic_client::{ImageConfig, NewContainer};
use prost_types::FieldMask;
use serde_json::{Value, json};
use tonic::transport::Channel;

use super::calls::{Calls, answer};
use super::content::Labels;
use super::moby::{Answer, Moby, refuse};
use super::snapshots::SNAPSHOTTER;
use crate::gathering::sha256;

const INDEX: &str = "application/vnd.oci.image.index.v1+json";
const IMAGE_NAME: &str = "io.containerd.image.name";
/// An archive is read into memory.
const ARCHIVE_BYTES_MAX: u64 = 1 << 30;

/// A blob in an archive: its digest, and its bytes.
type Blob = (String, Vec<u8>);

/// Its index, and its blobs in their order.
struct Archive {
    index: Vec<u8>,
    blobs: Vec<Blob>,
}

pub(super) fn invalid(what: impl std::fmt::Display) -> Refusal {
    Refusal { kind: ErrorKind::InvalidArgument, code: None, message: what.to_string() }
}

fn text(of: &Value) -> String {
    of.as_str().unwrap_or_default().to_owned()
}

fn descriptor(of: &Value) -> Descriptor {
    Descriptor {
        media_type: text(&of["mediaType"]),
        digest: text(&of["digest"]),
        size: of["size"].as_i64().unwrap_or_default(),
        ..Descriptor::default()
    }
}

impl Archive {
    fn read(path: PathBuf) -> io::Result<Self> {
        let mut tar = tar::Archive::new(std::fs::File::open(path)?.take(ARCHIVE_BYTES_MAX));
        let (mut index, mut blobs) = (Vec::new(), Vec::new());
        for entry in tar.entries()? {
            let mut entry = entry?;
            let path = entry.path()?.display().to_string();
            let mut bytes = Vec::new();
            entry.read_to_end(&mut bytes)?;
            if path == "index.json" {
                index = bytes;
            } else if let Some(digest) = path.strip_prefix("blobs/").filter(|_| !bytes.is_empty()) {
                blobs.push((digest.replace('/', ":"), bytes));
            }
        }
        Ok(Self { index, blobs })
    }
}

/// What a document refers to, with the labels by which it keeps that.
fn children(document: &Value) -> (Vec<Value>, Labels) {
    let list = |of: &Value| of.as_array().cloned().unwrap_or_default();
    let mut labels = Labels::new();
    let mut label = |kind: String, of: &Value| {
        labels.push((format!("containerd.io/gc.ref.content.{kind}"), text(&of["digest"])));
    };
    let manifests = list(&document["manifests"]);
    for (number, manifest) in manifests.iter().enumerate() {
        label(format!("m.{number}"), manifest);
    }
    if document["config"]["digest"].is_string() {
        label("config".to_owned(), &document["config"]);
    }
    for (number, layer) in list(&document["layers"]).iter().enumerate() {
        label(format!("l.{number}"), layer);
    }
    (manifests, labels)
}

impl Calls {
    pub(super) fn images(&self) -> ImagesClient<Channel> {
        ImagesClient::new(self.channel())
    }

    pub(super) async fn remove_image(&self, name: &str, sync: bool) -> Result<(), Refusal> {
        let message = DeleteImageRequest { name: name.to_owned(), sync, ..Default::default() };
        answer(self.images().delete(self.ask(message))).await
    }
}

impl Moby {
    pub(super) async fn answer_of_image(&self, operation: Operation) -> Answer {
        match operation {
            Operation::Checkpoint(to) => self.checkpoint(to.container.as_str(), to.folder).await,
            Operation::Import(import) => {
                let lease = self.calls.create_lease().await?;
                let imported = self.import(&lease, import.archive).await;
                self.calls.delete_lease(lease).await?;
                Ok(Done::Import(ImageNames { images: imported? }))
            }
            Operation::Images {} => {
                let message = ListImagesRequest::default();
                let listed = answer(self.calls.images().list(self.calls.ask(message))).await?;
                let mut images: Vec<_> =
                    listed.images.into_iter().map(|image| image.name).collect();
                images.sort();
                Ok(Done::Images(ImageNames { images }))
            }
            Operation::Image(of) => {
                let digest = self.target(&of.image).await?.digest;
                Ok(Done::Image(ImageFound { digest }))
            }
            Operation::Unpack(of) => {
                let target = self.target(&of.image).await?;
                let lease = self.calls.create_lease().await?;
                let unpacked = self.unpack(&lease, &target).await;
                self.calls.delete_lease(lease).await?;
                unpacked.map(|()| Done::Unpack {})
            }
            Operation::CreateFromImage(new) => {
                let target = self.target(&new.image).await?;
                let lease = self.calls.create_lease().await?;
                let created = self.create_from(&lease, &target, new).await;
                self.calls.delete_lease(lease).await?;
                created.map(|()| Done::CreateFromImage {})
            }
            Operation::DeleteWithSnapshot(on) => {
                self.delete_record(on.container.as_str(), true).await?;
                Ok(Done::DeleteWithSnapshot {})
            }
            Operation::RemoveImage(of) => {
                self.calls.remove_image(&of.image, of.sync).await?;
                Ok(Done::RemoveImage {})
            }
            other => {
                let what = format!("this client has no {}", other.name());
                refuse(ErrorKind::Unimplemented, what)
            }
        }
    }

    async fn target(&self, name: &str) -> Result<Descriptor, Refusal> {
        let message = GetImageRequest { name: name.to_owned() };
        let found = answer(self.calls.images().get(self.calls.ask(message))).await?;
        Ok(found.image.and_then(|image| image.target).unwrap_or_default())
    }

    pub(super) async fn json(&self, digest: &str) -> Result<Value, Refusal> {
        serde_json::from_slice(&self.calls.document(digest).await?).map_err(invalid)
    }

    /// All blobs and the index; then what they say of each other, as labels; then the names.
    async fn import(&self, lease: &str, archive: PathBuf) -> Result<Vec<String>, Refusal> {
        let reading = tokio::task::spawn_blocking(|| Archive::read(archive));
        let Archive { index, blobs } = reading.await.map_err(invalid)?.map_err(invalid)?;
        let of_index = format!("sha256:{}", sha256(&index));
        for (digest, bytes) in blobs.into_iter().chain([(of_index.clone(), index)]) {
            let name = format!("{lease}-{digest}");
            self.calls.write(lease, name, bytes, digest, Labels::new()).await?;
        }
        let targets = self.tie(lease, &of_index).await?;
        for target in &targets {
            self.tie(lease, &text(&target["digest"])).await?;
        }
        let mut names = Vec::new();
        for target in targets {
            let name = text(&target["annotations"][IMAGE_NAME]);
            self.name(lease, &name, descriptor(&target)).await?;
            names.push(name);
        }
        names.sort();
        Ok(names)
    }

    /// Reads a document, and lets it keep what it refers to; with the manifests among that.
    async fn tie(&self, lease: &str, digest: &str) -> Result<Vec<Value>, Refusal> {
        let (manifests, labels) = children(&self.json(digest).await?);
        self.calls.label(lease, digest, labels).await?;
        Ok(manifests)
    }

    /// As one that is there, and if there is none, as a new one.
    async fn name(&self, lease: &str, name: &str, target: Descriptor) -> Result<(), Refusal> {
        let calls = &self.calls;
        let image = Image { name: name.to_owned(), target: Some(target), ..Image::default() };
        let message = UpdateImageRequest {
            image: Some(image.clone()),
            update_mask: Some(FieldMask { paths: vec!["target".to_owned()] }),
            ..UpdateImageRequest::default()
        };
        match answer(calls.images().update(calls.ask_under(lease, message))).await {
            Err(refusal) if refusal.kind == ErrorKind::NotFound => {}
            updated => return updated.map(drop),
        }
        let message = CreateImageRequest { image: Some(image), ..CreateImageRequest::default() };
        answer(calls.images().create(calls.ask_under(lease, message))).await.map(drop)
    }

    /// Its manifest, read once more; with an index before it that names one.
    pub(super) async fn manifest(&self, target: &Descriptor) -> Result<Value, Refusal> {
        let document = self.json(&target.digest).await?;
        match &document["manifests"][0]["digest"] {
            Value::String(first) if target.media_type == INDEX => self.json(first).await,
            _ => Ok(document),
        }
    }

    /// Its configuration, for which its manifest is read.
    pub(super) async fn config(&self, target: &Descriptor) -> Result<ImageConfig, Refusal> {
        let manifest = self.manifest(target).await?;
        let config = self.json(&text(&manifest["config"]["digest"])).await?;
        serde_json::from_value(config).map_err(invalid)
    }

    /// The snapshot, which the lease keeps, and then the record that names it.
    async fn create_from(
        &self,
        lease: &str,
        target: &Descriptor,
        new: CreateFromImage,
    ) -> Result<(), Refusal> {
        let (calls, id) = (&self.calls, new.container.as_str());
        let parent = self.config(target).await?.diff_ids;
        self.prepare(lease, id, &parent).await?;
        let config = self.config(target).await?;
        // It looks into the root for users and groups.
        self.mounts(SNAPSHOTTER, id).await?;
        let mut container = NewContainer::new(id, config.args(&new.args)).rootfs("rootfs");
        for variable in &config.env {
            let (name, value) = variable.split_once('=').unwrap_or((variable, ""));
            container = container.env(name, value);
        }
        if !config.working_dir.is_empty() {
            container = container.cwd(config.working_dir.clone());
        }
        let mut record = container.record(calls.namespace()).map_err(invalid)?;
        if let Some(spec) = &mut record.spec {
            let mut written: Value = serde_json::from_slice(&spec.value).map_err(invalid)?;
            written["root"]["readonly"] = json!(false);
            spec.value = written.to_string().into_bytes();
        }
        record.image = new.image;
        (record.snapshotter, record.snapshot_key) = (SNAPSHOTTER.to_owned(), id.to_owned());
        let message = CreateContainerRequest { container: Some(record) };
        answer(calls.containers().create(calls.ask_under(lease, message))).await.map(drop)
    }
}
