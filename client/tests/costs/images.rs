//! Images, and containers made of them.

use laconic_client::{Archive, Collect, Image, Io, Kind, NewContainer};
use serde_json::json;

use crate::archive::{Blob, Layout, layout_tar, sha256};
use crate::stage::Stage;

pub(crate) async fn play(stage: &mut Stage<'_>) {
    let image = imported(stage).await;
    unpacked(stage, &image).await;
    made(stage, &image).await;
    let client = stage.client.clone();
    assert_eq!(stage.play("Client::images", "", client.images()).await.unwrap().len(), 5);
    stage.play("Image::remove", "", image.remove(Collect::Now)).await.unwrap();
}

async fn imported(stage: &mut Stage<'_>) -> Image {
    let client = stage.client.clone();
    let archive = || Layout::named("tiny").archive();
    let [b, i, m] = [("b", 4), ("i", 1), ("m", 1)];
    let import = client.import(archive());
    let image = stage.play_with("Client::import", "", &[b, i], import).await.unwrap().remove(0);
    let again = "when all of it is there, with m manifests and indexes";
    stage.play_with("Client::import", again, &[b, i, m], client.import(archive())).await.unwrap();
    stage.play("Client::image", "", client.image("tiny")).await.unwrap();

    let imported = client.import(behind_an_index("indexed"));
    stage.play_with("Client::import", "", &[("b", 5), i], imported).await.unwrap();
    let behind = "behind x indexes";
    stage.play_with("Client::image", behind, &[("x", 1)], client.image("indexed")).await.unwrap();
    image
}

/// Its name stands for an index, which names the manifest.
fn behind_an_index(name: &str) -> Archive {
    let layers = vec![("one", b"indexed".to_vec()), ("two", b"indexed".to_vec())];
    let (mut blobs, index) = Layout { name: None, layers, ..Layout::named(name) }.parts();
    let bytes = index.to_string().into_bytes();
    let entry = json!({
        "mediaType": "application/vnd.oci.image.index.v1+json",
        "digest": sha256(&bytes), "size": bytes.len(),
        "annotations": {"io.containerd.image.name": name},
    });
    blobs.push(Blob { digest: sha256(&bytes), bytes });
    let outer = json!({"schemaVersion": 2, "manifests": [entry]});
    Archive::from_reader(std::io::Cursor::new(layout_tar(&blobs, &outer)))
}

async fn unpacked(stage: &mut Stage<'_>, image: &Image) {
    let client = stage.client.clone();
    let missing = "when m of several layers are missing and compressed";
    let method = "Image::unpack";
    let unpacking = image.unpack("overlayfs");
    stage.play_with(method, missing, &[("m", 2)], unpacking).await.unwrap();
    stage.play(method, "", image.unpack("overlayfs")).await.unwrap();
    let import = async |layout: Layout| client.import(layout.archive()).await.unwrap().remove(0);

    let file = |path, text: &str| (path, text.as_bytes().to_vec());
    let layers = vec![file("one", "of plain"), file("two", "of plain"), file("three", "of plain")];
    let plain = Layout { compressed: false, layers, ..Layout::named("plain") };
    let plain = import(plain).await;
    let when = "when they are plain tars";
    stage.play_with(method, when, &[("m", 3)], plain.unpack("overlayfs")).await.unwrap();
    let single = Layout { layers: vec![file("one", "of one")], ..Layout::named("single") };
    let single = import(single).await;
    let when = "when its only layer is missing";
    stage.play(method, when, single.unpack("overlayfs")).await.unwrap();
    let bare = import(Layout { layers: Vec::new(), ..Layout::named("bare") }).await;
    stage.play(method, "of an image without layers", bare.unpack("overlayfs")).await.unwrap();
}

async fn made(stage: &mut Stage<'_>, image: &Image) {
    let new = |id| NewContainer::from_image(id, image).args(["sleep", "inf"]);
    let client = stage.client.clone();
    let creating = client.create(new("i1"));
    let container = stage.play("Client::create", "from an image", creating).await.unwrap();
    let of_image = "of a container from an image";
    stage.play("Container::delete", of_image, container.delete()).await.unwrap();
    // The mock has no such snapshotter's layers.
    let other = NewContainer::from_image("i2", image).snapshotter("native");
    let when = "when its snapshot cannot be prepared";
    let failed = stage.play("Client::create", when, client.create(other)).await;
    assert_eq!(failed.map(drop).unwrap_err().kind(), Kind::NotFound);

    client.create(new("i3")).await.unwrap();
    client.create(new("i4")).await.unwrap();
    let client = stage.restarted().await;
    let found =
        "the first time for a container from an image that this client found and did not make";
    let container = client.load("i3").await.unwrap().container;
    let creating = container.create_task(Io::Null);
    stage.play("Container::create_task", found, creating).await.unwrap();
    let container = client.load("i4").await.unwrap().container;
    stage.play("Container::start", found, container.start(Io::Null)).await.unwrap();
}
