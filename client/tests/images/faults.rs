//! Whatever call fails, before it has changed anything or with its reply lost, nothing is left that
//! nothing holds.

use containerd_client::services::v1::images_client::ImagesClient;
use containerd_client::services::v1::{DeleteImageRequest, ListImagesRequest};
use laconic_client::{Client, Collect, Error, NewContainer};
use mock_containerd::faults::{Faults, When};
use mock_containerd::{MockContainerd, Profile};

use crate::archive::Layout;
use crate::inventory::{self, ask};

const SPACE: &str = "faults";

const CALLS: [(&str, When); 20] = [
    ("Leases/Create", When::Before),
    ("Content/Write", When::Before),
    ("Images/Create", When::Before),
    ("Images/Create", When::After),
    ("Content/Update", When::Before),
    ("Content/Update", When::After),
    ("Snapshots/Stat", When::Before),
    ("Snapshots/List", When::Before),
    ("Diff/Apply", When::Before),
    ("Diff/Apply", When::After),
    ("Snapshots/Commit", When::Before),
    ("Snapshots/Commit", When::After),
    ("Containers/Create", When::Before),
    ("Containers/Create", When::After),
    // The first two are those of the layers.
    ("Snapshots/Prepare", When::Before),
    ("Snapshots/Prepare", When::After),
    ("Leases/Delete", When::Before),
    ("Leases/Delete", When::After),
    ("Snapshots/Remove", When::Before),
    ("Snapshots/Remove", When::After),
];

async fn day(client: &Client) -> Result<(), Error> {
    let image = client.import(Layout::named("tiny").archive()).await?.remove(0);
    image.unpack("overlayfs").await?;
    let container = client.create(NewContainer::from_image("c1", &image)).await?;
    container.delete().await?;
    image.remove(Collect::Now).await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn whatever_call_fails_nothing_is_left() {
    for (method, when) in CALLS {
        let plan = match method {
            "Snapshots/Prepare" => r#"2*off->1*error(unavailable:"injected")->off"#,
            _ => r#"1*error(unavailable:"injected")->off"#,
        };
        let faults = Faults::default().rpc(method, when, plan).unwrap();
        let mock = MockContainerd::builder().profile(Profile::V2_1).faults(faults);
        let mock = mock.start().await.unwrap();
        let client = Client::builder(SPACE).connect(mock.socket()).await.unwrap();
        let failed = day(&client).await.expect_err(method);
        assert!(failed.to_string().contains("injected"), "{method} {when:?}: {failed}");
        // What cannot be known is looked after in the background.
        client.undone().await;
        delete_images(&mock).await;
        let channel = containerd_client::connect(mock.socket()).await.unwrap();
        let left = inventory::of(&channel, SPACE).await;
        assert_eq!(left, Vec::<String>::new(), "{method} {when:?}");
    }
}

/// And whatever they alone held; one more image makes sure that the server collects.
async fn delete_images(mock: &MockContainerd) {
    let client = Client::builder(SPACE).connect(mock.socket()).await.unwrap();
    client.import(Layout::named("sweep").archive()).await.unwrap();
    let channel = containerd_client::connect(mock.socket()).await.unwrap();
    let mut images = ImagesClient::new(channel);
    let listed = images.list(ask(SPACE, ListImagesRequest::default())).await.unwrap().into_inner();
    for image in listed.images {
        let message = DeleteImageRequest { name: image.name, sync: true, target: None };
        images.delete(ask(SPACE, message)).await.unwrap();
    }
}
