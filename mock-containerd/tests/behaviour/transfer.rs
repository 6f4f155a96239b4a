//! Images over streams: imported, exported, named, and echoed. Expectations are those that real
//! daemons gave.

use containerd_client::services::v1::images_client::ImagesClient;
use containerd_client::services::v1::streaming_client::StreamingClient;
use containerd_client::services::v1::transfer_client::TransferClient;
use containerd_client::services::v1::{self as api, StreamInit, TransferOptions, TransferRequest};
use containerd_client::to_any;
use containerd_client::types::transfer::{
    Data, ImageExportStream, ImageImportStream, ImageReference, ImageStore, OciRegistry, Progress,
    UnpackConfiguration, WindowUpdate,
};
use mock_containerd::Profile;
use prost::{Message, Name};
use prost_types::Any;
use sha2::{Digest, Sha256};
use tokio::sync::mpsc;
use tokio_stream::wrappers::ReceiverStream;
use tonic::{Code, Status, Streaming};

use crate::stage::{Stage, within};

const LAYER: &str = "application/vnd.oci.image.layer.v1.tar";

/// A stream as its client holds it.
struct Line {
    to: mpsc::Sender<Any>,
    from: Streaming<Any>,
}

impl Line {
    async fn open(stage: &Stage, id: &str) -> Result<Self, Status> {
        let (to, requests) = mpsc::channel(4);
        to.send(to_any(&StreamInit { id: id.to_owned() })).await.unwrap();
        let mut client = StreamingClient::new(stage.channel.clone());
        let mut from = client.stream(within(ReceiverStream::new(requests))).await?.into_inner();
        let first = from.message().await?.unwrap();
        assert_eq!(first.type_url, "google.protobuf.Empty");
        Ok(Self { to, from })
    }

    /// Sends bytes as the other end makes room, and closes.
    async fn send(mut self, bytes: Vec<u8>) {
        let (mut room, mut sent) = (0, 0);
        while sent < bytes.len() {
            while room == 0 {
                let Ok(Some(update)) = self.from.message().await else { return };
                let update = WindowUpdate::decode(update.value.as_slice()).unwrap();
                room += usize::try_from(update.update).unwrap();
            }
            let end = bytes.len().min(sent + room.min(32 * 1024));
            let data = to_any(&Data { data: bytes[sent..end].to_vec() });
            if self.to.send(data).await.is_err() {
                return;
            }
            (room, sent) = (room - (end - sent), end);
        }
        drop(self.to);
        // Who hangs up while the other end still reads takes back what it sent.
        while let Ok(Some(_)) = self.from.message().await {}
    }

    /// Receives until that is all, making room for some at a time.
    async fn receive(&mut self, all: impl Fn(&[u8]) -> bool) -> Vec<u8> {
        let mut bytes = Vec::new();
        let mut room = 0;
        while !all(&bytes) {
            if room == 0 {
                self.to.send(to_any(&WindowUpdate { update: 1000 })).await.unwrap();
                room = 1000;
            }
            let any = self.from.message().await.unwrap().unwrap();
            let data = Data::decode(any.value.as_slice()).unwrap().data;
            assert!(data.len() <= room, "more than there was room for");
            room -= data.len();
            bytes.extend(data);
        }
        bytes
    }
}

async fn transfer<S: Message + Name, D: Message + Name>(
    stage: &Stage,
    source: &S,
    destination: &D,
    progress: &str,
) -> Result<(), Status> {
    let request = TransferRequest {
        source: Some(to_any(source)),
        destination: Some(to_any(destination)),
        options: Some(TransferOptions { progress_stream: progress.to_owned() }),
    };
    TransferClient::new(stage.channel.clone()).transfer(within(request)).await.map(drop)
}

fn digest(bytes: &[u8]) -> String {
    let hash = Sha256::digest(bytes);
    format!("sha256:{}", hash.iter().map(|byte| format!("{byte:02x}")).collect::<String>())
}

fn tar(files: &[(String, Vec<u8>)]) -> Vec<u8> {
    let mut tar = tar::Builder::new(Vec::new());
    for (path, bytes) in files {
        let mut header = tar::Header::new_ustar();
        header.set_uid(0);
        header.set_gid(0);
        header.set_mtime(0);
        header.set_size(bytes.len() as u64);
        header.set_mode(0o644);
        tar.append_data(&mut header, path, bytes.as_slice()).unwrap();
    }
    tar.into_inner().unwrap()
}

fn json(value: &serde_json::Value) -> Vec<u8> {
    value.to_string().into_bytes()
}

const OCI: &str = "application/vnd.oci.image";

/// A layer, and the config of an image of it alone.
fn image_for(architecture: &str) -> (Vec<u8>, Vec<u8>) {
    let layer = tar(&[("hello".to_owned(), architecture.as_bytes().to_vec())]);
    let config = json(&serde_json::json!({
        "architecture": architecture, "os": "linux",
        "rootfs": { "type": "layers", "diff_ids": [digest(&layer)] },
    }));
    (layer, config)
}

fn described(kind: &str, bytes: &[u8]) -> serde_json::Value {
    serde_json::json!({ "mediaType": kind, "digest": digest(bytes), "size": bytes.len() })
}

/// An image of one layer, in the layout of OCI, with this tag.
fn layout(tag: &str) -> Vec<u8> {
    let (layer, config) = image_for("amd64");
    let manifest = json(&serde_json::json!({
        "schemaVersion": 2,
        "config": described("application/vnd.oci.image.config.v1+json", &config),
        "layers": [described(LAYER, &layer)],
    }));
    let mut part = described("application/vnd.oci.image.manifest.v1+json", &manifest);
    part["annotations"] = serde_json::json!({ "org.opencontainers.image.ref.name": tag });
    let index = json(&serde_json::json!({ "schemaVersion": 2, "manifests": [part] }));
    let blob = |bytes: Vec<u8>| (format!("blobs/{}", digest(&bytes).replace(':', "/")), bytes);
    tar(&[
        ("oci-layout".to_owned(), br#"{"imageLayoutVersion":"1.0.0"}"#.to_vec()),
        ("index.json".to_owned(), index),
        blob(layer),
        blob(config),
        blob(manifest),
    ])
}

/// Images of one layer for these, in the layout of OCI, all with this tag.
fn layout_of(tag: &str, architectures: &[&str]) -> Vec<u8> {
    let blob = |bytes: Vec<u8>| (format!("blobs/{}", digest(&bytes).replace(':', "/")), bytes);
    let (mut files, mut parts) = (Vec::new(), Vec::new());
    for architecture in architectures {
        let (layer, config) = image_for(architecture);
        let manifest = json(&serde_json::json!({
            "schemaVersion": 2,
            "config": described(&format!("{OCI}.config.v1+json"), &config),
            "layers": [described(LAYER, &layer)],
        }));
        let mut part = described(&format!("{OCI}.manifest.v1+json"), &manifest);
        part["platform"] = serde_json::json!({ "architecture": architecture, "os": "linux" });
        parts.push(part);
        files.extend([layer, config, manifest].map(blob));
    }
    let index = json(&serde_json::json!({ "schemaVersion": 2, "manifests": parts }));
    let mut named = described(&format!("{OCI}.index.v1+json"), &index);
    named["annotations"] = serde_json::json!({ "org.opencontainers.image.ref.name": tag });
    let outer = json(&serde_json::json!({ "schemaVersion": 2, "manifests": [named] }));
    files.push(blob(index));
    files.push(("oci-layout".to_owned(), br#"{"imageLayoutVersion":"1.0.0"}"#.to_vec()));
    files.push(("index.json".to_owned(), outer));
    tar(&files)
}

/// What `docker save` writes: an image of one layer, with these tags.
fn saved(tags: &[&str]) -> Vec<u8> {
    let (layer, config) = image_for("amd64");
    let list = json(&serde_json::json!([
        { "Config": "c.json", "RepoTags": tags, "Layers": ["l/layer.tar"] }
    ]));
    let files = [("c.json", config), ("l/layer.tar", layer), ("manifest.json", list)];
    tar(&files.map(|(path, bytes)| (path.to_owned(), bytes)))
}

/// The last entry has come, and two empty blocks after it.
fn is_archive(bytes: &[u8]) -> bool {
    let last = bytes.windows(10).rposition(|window| window == b"oci-layout");
    last.is_some() && bytes.len().is_multiple_of(512) && bytes.ends_with(&[0; 1024])
}

fn prefix(name: &str) -> ImageStore {
    let reference = ImageReference { name: name.to_owned(), is_prefix: true, ..Default::default() };
    ImageStore { extra_references: vec![reference], ..ImageStore::default() }
}

async fn import(stage: &Stage, archive: Vec<u8>, store: &ImageStore) -> Result<(), Status> {
    import_as(stage, archive, store, false).await
}

async fn import_as(
    stage: &Stage,
    archive: Vec<u8>,
    store: &ImageStore,
    force_compress: bool,
) -> Result<(), Status> {
    let line = Line::open(stage, "data").await?;
    let stream = "data".to_owned();
    let source = ImageImportStream { stream, force_compress, ..Default::default() };
    let (done, ()) = tokio::join!(transfer(stage, &source, store, ""), line.send(archive));
    done
}

/// What is exported of images: the names of the archive's entries, and what it says to docker.
async fn export(
    stage: &Stage,
    names: &[&str],
    to: ImageExportStream,
) -> Result<(Vec<String>, serde_json::Value), Status> {
    // A stream that was exported to keeps its name.
    let stream = format!("out {to:?}");
    let mut line = Line::open(stage, &stream).await?;
    let reference =
        |name: &&str| ImageReference { name: (*name).to_owned(), ..ImageReference::default() };
    let extra_references = names.iter().map(reference).collect();
    let source = ImageStore { extra_references, ..ImageStore::default() };
    let to = ImageExportStream { stream, ..to };
    let exporting = transfer(stage, &source, &to, "");
    let receiving = async { Ok(line.receive(is_archive).await) };
    let ((), archive) = tokio::try_join!(exporting, receiving)?;
    let mut tar = tar::Archive::new(archive.as_slice());
    let (mut paths, mut to_docker) = (Vec::new(), serde_json::Value::Null);
    for entry in tar.entries().unwrap() {
        let mut entry = entry.unwrap();
        let path = entry.path().unwrap().to_str().unwrap().to_owned();
        if path == "manifest.json" {
            to_docker = serde_json::from_reader(&mut entry).unwrap();
        }
        paths.push(path);
    }
    Ok((paths, to_docker))
}

fn for_platform(architecture: &str) -> containerd_client::types::Platform {
    containerd_client::types::Platform {
        os: "linux".to_owned(),
        architecture: architecture.to_owned(),
        ..Default::default()
    }
}

async fn image_names(stage: &Stage) -> Vec<String> {
    let mut images = ImagesClient::new(stage.channel.clone());
    let all = images.list(within(api::ListImagesRequest::default())).await.unwrap();
    all.into_inner().images.into_iter().map(|image| image.name).collect()
}

#[tokio::test]
async fn an_archive_becomes_blobs_a_snapshot_and_a_name() {
    for (profile, events) in [
        (Profile::V1_7, vec!["/snapshot/prepare", "/snapshot/commit"]),
        (
            Profile::V2_1,
            [
                ["/content/create"; 4].as_slice(),
                &["/snapshot/prepare", "/snapshot/commit", "/images/create"],
            ]
            .concat(),
        ),
    ] {
        let mut stage = Stage::open(profile).await;
        let platform = Some(for_platform("amd64"));
        let unpack = UnpackConfiguration { platform, ..Default::default() };
        let store = ImageStore { unpacks: vec![unpack], ..prefix("m.io/q") };
        // 1.7 unpacks for the host alone.
        if profile == Profile::V1_7 && std::env::consts::ARCH != "x86_64" {
            continue;
        }
        import(&stage, layout("v9"), &store).await.unwrap();
        assert_eq!(image_names(&stage).await, ["m.io/q:v9"]);
        assert_eq!(stage.topics().await, events, "{profile}");
    }
}

#[tokio::test]
async fn progress_is_told_on_a_stream_that_then_ends() {
    let stage = Stage::open(Profile::V2_1).await;
    let mut told = Line::open(&stage, "told").await.unwrap();
    let line = Line::open(&stage, "data").await.unwrap();
    let source = ImageImportStream { stream: "data".to_owned(), ..Default::default() };
    let store = prefix("m.io/q");
    let (done, ()) =
        tokio::join!(transfer(&stage, &source, &store, "told"), line.send(layout("v9")));
    done.unwrap();
    let mut events = Vec::new();
    while let Some(any) = told.from.message().await.unwrap() {
        let progress = Progress::decode(any.value.as_slice()).unwrap();
        events.push(format!("{} {} {}", progress.event, progress.name, progress.desc.is_some()));
    }
    assert_eq!(events, ["Importing  false", "saved m.io/q:v9 true", "Completed import  false"]);
}

#[tokio::test]
async fn what_was_imported_comes_out_again() {
    let stage = Stage::open(Profile::V2_1).await;
    import(&stage, layout("v9"), &prefix("m.io/q")).await.unwrap();
    let mut line = Line::open(&stage, "out").await.unwrap();
    let source = ImageStore { name: "m.io/q:v9".to_owned(), ..ImageStore::default() };
    let to = ImageExportStream {
        stream: "out".to_owned(),
        all_platforms: true,
        ..ImageExportStream::default()
    };
    let exporting = transfer(&stage, &source, &to, "");
    let (done, archive) = tokio::join!(exporting, line.receive(is_archive));
    done.unwrap();
    let mut tar = tar::Archive::new(archive.as_slice());
    let entries = tar.entries().unwrap().map(|entry| {
        let path = entry.unwrap().path().unwrap().into_owned();
        path.to_str().unwrap().split('/').next().unwrap().to_owned()
    });
    let mut names: Vec<String> = entries.collect();
    names.dedup();
    assert_eq!(names, ["blobs", "index.json", "manifest.json", "oci-layout"]);
}

#[tokio::test]
async fn a_tag_is_a_second_name_and_a_third_replaces_it() {
    let mut stage = Stage::open(Profile::V2_1).await;
    import(&stage, layout("v9"), &prefix("m.io/q")).await.unwrap();
    stage.topics().await;
    let named = |name: &str| ImageStore { name: name.to_owned(), ..ImageStore::default() };
    let (old, new) = (named("m.io/q:v9"), named("m.io/q:v10"));
    transfer(&stage, &old, &new, "").await.unwrap();
    transfer(&stage, &old, &new, "").await.unwrap();
    assert_eq!(image_names(&stage).await, ["m.io/q:v10", "m.io/q:v9"]);
    assert_eq!(stage.topics().await, ["/images/create", "/images/update"]);
    let status = transfer(&stage, &named("nope"), &new, "").await.unwrap_err();
    assert_eq!((status.code(), status.message()), (Code::NotFound, "image \"nope\": not found"));
}

#[tokio::test]
async fn what_is_sent_is_echoed() {
    let stage = Stage::open(Profile::V1_7).await;
    let bytes: Vec<u8> = (0..100_000_u32).map(|n| n.to_le_bytes()[0]).collect();
    let line = Line::open(&stage, "in").await.unwrap();
    let mut back = Line::open(&stage, "out").await.unwrap();
    let source = ImageImportStream { stream: "in".to_owned(), ..Default::default() };
    let to = ImageExportStream { stream: "out".to_owned(), ..Default::default() };
    let (done, (), echoed) = tokio::join!(
        transfer(&stage, &source, &to, ""),
        line.send(bytes.clone()),
        back.receive(|echoed| echoed.len() == bytes.len())
    );
    done.unwrap();
    assert_eq!(echoed, bytes);
    assert!(back.from.message().await.unwrap().is_none());
}

#[tokio::test]
async fn junk_is_no_image_and_leaves_nothing() {
    let mut stage = Stage::open(Profile::V2_1).await;
    for (archive, message) in [
        (b"junk".repeat(1000), "archive/tar: invalid tar header"),
        (Vec::new(), "unrecognized image format"),
        (tar(&[("oci-layout".to_owned(), b"{}".to_vec())]), "unrecognized image format"),
    ] {
        let status = import(&stage, archive, &prefix("m.io/q")).await.unwrap_err();
        assert_eq!((status.code(), status.message()), (Code::Unknown, message));
    }
    assert!(stage.topics().await.is_empty());
}

#[tokio::test]
async fn a_stream_has_a_name_of_its_own_until_it_was_used() {
    let stage = Stage::open(Profile::V2_1).await;
    drop(Line::open(&stage, "data").await.unwrap());
    let status = Line::open(&stage, "data").await.err().unwrap();
    assert_eq!((status.code(), status.message()), (Code::Unknown, "already exists"));
    let source = ImageImportStream { stream: "data".to_owned(), ..Default::default() };
    transfer(&stage, &source, &prefix("x"), "").await.unwrap_err();
    Line::open(&stage, "data").await.unwrap();
}

#[tokio::test]
async fn ends_that_fit_nothing_are_refused() {
    let stage = Stage::open(Profile::V1_7).await;
    let store = ImageStore { name: "x".to_owned(), ..ImageStore::default() };
    let import = ImageImportStream { stream: "nope".to_owned(), ..Default::default() };
    let status = transfer(&stage, &import, &store, "").await.unwrap_err();
    assert_eq!((status.code(), status.message()), (Code::NotFound, "not found"));
    let status = transfer(&stage, &store, &store, "nope").await.unwrap_err();
    assert_eq!((status.code(), status.message()), (Code::NotFound, "not found"));
    let status = transfer(&stage, &Data::default(), &store, "").await.unwrap_err();
    assert_eq!(status.code(), Code::Unimplemented);
    let registry = OciRegistry { reference: "a.io/b:c".to_owned(), ..OciRegistry::default() };
    let status = transfer(&stage, &registry, &store, "").await.unwrap_err();
    assert_eq!(status.code(), Code::Unknown);
    assert!(status.message().contains("lookup a.io: no such host"), "{status:?}");
    let request = TransferRequest::default();
    let mut client = TransferClient::new(stage.channel.clone());
    let status = client.transfer(within(request)).await.unwrap_err();
    assert_eq!(status.message(), "type with url : not found");
}

#[tokio::test]
async fn an_archive_of_docker_save_becomes_an_image_for_each_tag() {
    for force_compress in [false, true] {
        let stage = Stage::open(Profile::V2_1).await;
        let store = prefix("docker.io/day/one");
        let archive = saved(&["day/one:1", "day/one:2"]);
        import_as(&stage, archive, &store, force_compress).await.unwrap();
        assert_eq!(image_names(&stage).await, ["docker.io/day/one:1", "docker.io/day/one:2"]);
        let all = ImageExportStream { all_platforms: true, ..ImageExportStream::default() };
        let names = ["docker.io/day/one:1", "docker.io/day/one:2"];
        let (paths, to_docker) = export(&stage, &names, all).await.unwrap();
        let blobs =
            paths.iter().filter(|path| path.starts_with("blobs/sha256/") && path.len() > 64);
        assert_eq!(blobs.count(), 3, "a layer, its config, a manifest");
        assert_eq!(to_docker[0]["RepoTags"], serde_json::json!(["day/one:1", "day/one:2"]));
        let kept = to_docker[0]["Layers"][0].as_str().unwrap().to_owned();
        let plain = digest(&image_for("amd64").0).replace(':', "/");
        assert_eq!(kept.ends_with(&plain), !force_compress);
    }
}

#[tokio::test]
async fn an_archive_that_has_nothing_for_the_platforms_asked_for_leaves_no_image() {
    let stage = Stage::open(Profile::V2_1).await;
    let store =
        ImageStore { platforms: vec![for_platform("arm64")], ..prefix("docker.io/day/one") };
    let status = import(&stage, saved(&["day/one:1"]), &store).await.unwrap_err();
    assert_eq!((status.code(), status.message()), (Code::Unknown, "image might be filtered out"));
    assert_eq!(image_names(&stage).await, Vec::<String>::new());
}

#[tokio::test]
async fn an_archive_for_another_platform_is_what_docker_is_told_of() {
    let stage = Stage::open(Profile::V2_1).await;
    import(&stage, layout_of("v9", &["amd64", "arm64"]), &prefix("m.io/q")).await.unwrap();
    let name = ["m.io/q:v9"];
    for architecture in ["amd64", "arm64"] {
        let platforms = vec![for_platform(architecture)];
        let to = ImageExportStream { platforms, ..ImageExportStream::default() };
        let (paths, to_docker) = export(&stage, &name, to).await.unwrap();
        let (layer, config) = image_for(architecture);
        for blob in [&layer, &config] {
            let path = format!("blobs/{}", digest(blob).replace(':', "/"));
            assert!(paths.contains(&path), "{architecture}: {path}");
        }
        let config = format!("blobs/{}", digest(&config).replace(':', "/"));
        assert_eq!(to_docker[0]["Config"], config);
    }
    let platforms = vec![for_platform("s390x")];
    let to = ImageExportStream { platforms, ..ImageExportStream::default() };
    let status = export(&stage, &name, to).await.unwrap_err();
    let expected = (Code::NotFound, "no manifest found for platform: not found");
    assert_eq!((status.code(), status.message()), expected);
}

#[tokio::test]
async fn docker_is_told_nothing_where_that_is_skipped() {
    let stage = Stage::open(Profile::V2_1).await;
    import(&stage, layout("v9"), &prefix("m.io/q")).await.unwrap();
    let to = ImageExportStream { skip_compatibility_manifest: true, ..Default::default() };
    let (paths, to_docker) = export(&stage, &["m.io/q:v9"], to).await.unwrap();
    assert!(to_docker.is_null());
    assert_eq!(paths[paths.len() - 2..], ["index.json", "oci-layout"]);
}
