//! Indexes of several platforms: this machine's is run, and all of them are kept.

use laconic_client::{Archive, Collect, ExitStatus, Io, Kind, NewContainer};
use serde_json::{Value, json};

use crate::archive::{Layout, layout_tar};
use crate::arm::{Arm, on_mocks};

const INDEX: &str = "application/vnd.oci.image.index.v1+json";

/// One name for an index of these.
fn several(layouts: &[Layout], name: &str) -> Archive {
    let mut blobs = Vec::new();
    let mut manifests = Vec::new();
    for layout in layouts {
        let (parts, index) = layout.parts();
        blobs.extend(parts);
        manifests.extend(index["manifests"].as_array().unwrap().clone());
    }
    let inner = json!({"schemaVersion": 2, "mediaType": INDEX, "manifests": manifests});
    let inner = inner.to_string().into_bytes();
    let target: Value = json!({
        "mediaType": INDEX, "digest": crate::archive::sha256(&inner), "size": inner.len(),
        "annotations": {"io.containerd.image.name": name},
    });
    blobs.push(crate::archive::Blob { digest: crate::archive::sha256(&inner), bytes: inner });
    let index = json!({"schemaVersion": 2, "manifests": [target]});
    Archive::from_reader(std::io::Cursor::new(layout_tar(&blobs, &index)))
}

fn elsewhere() -> Layout {
    Layout { architecture: "s390x", ..Layout::named("elsewhere") }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn of_an_index_this_machines_image_is_run_and_the_others_are_kept() {
    on_mocks(async |arm: &Arm| {
        let client = arm.client().await;
        let both = several(&[elsewhere(), Layout::named("here")], "both");
        let image = client.import(both).await.unwrap().remove(0);
        let (calls, got) = arm.cost(client.image("both")).await;
        assert_eq!(calls, ["Images/Get", "Content/Read", "Content/Read", "Content/Read"]);
        assert_eq!(got.unwrap().chain_id(), image.chain_id());
        image.unpack("overlayfs").await.unwrap();
        let found = arm.inventory().await;
        let blobs = found.iter().filter(|one| one.starts_with("content")).count();
        // Two layers are the same in both; two configurations, two manifests, an index.
        assert_eq!(blobs, 7, "{found:?}");
        let new = NewContainer::from_image("c1", &image).args(arm.proof());
        let container = client.create(new).await.unwrap();
        let task = container.start(Io::Null).await.unwrap();
        assert_eq!(task.wait().await.unwrap().status, ExitStatus::Code(7));
        task.delete().await.unwrap();
        container.delete().await.unwrap();
        image.remove(Collect::Now).await.unwrap();
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_image_that_has_nothing_for_this_machine_is_refused_and_leaves_nothing() {
    on_mocks(async |arm: &Arm| {
        let client = arm.client().await;
        let refused = client.import(several(&[elsewhere()], "far")).await.unwrap_err();
        assert_eq!(refused.kind(), Kind::NotFound);
        assert!(refused.to_string().contains("far: it has no manifest for linux/"), "{refused}");
        arm.sweep().await;
    })
    .await;
}
