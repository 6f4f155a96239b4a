//! Whatever call fails, before it has changed anything or with its reply lost, nothing is left that
//! nothing holds.

use containerd_client::services::v1::images_client::ImagesClient;
use containerd_client::services::v1::{DeleteImageRequest, ListImagesRequest};
use laconic_client::{Client, Collect, Error, NewContainer};
use mock_containerd::faults::{Faults, When};
use mock_containerd::{MockContainerd, Profile};
use rpc_ledger::CallRecord;

use crate::archive::Layout;
use crate::arm::call_seen;
use crate::inventory::{self, ask};

const SPACE: &str = "faults";

/// Which, and what the client does about its record later, when it cannot know whether it is there.
const CALLS: [(&str, When, Option<&str>); 18] = [
    ("Leases/Create", When::Before, None),
    ("Content/Write", When::Before, None),
    ("Images/Create", When::Before, None),
    ("Images/Create", When::After, None),
    ("Content/Update", When::Before, None),
    ("Content/Update", When::After, None),
    ("Snapshots/Stat", When::Before, None),
    ("Snapshots/List", When::Before, None),
    ("Diff/Apply", When::Before, None),
    ("Diff/Apply", When::After, None),
    ("Snapshots/Commit", When::Before, None),
    ("Snapshots/Commit", When::After, None),
    ("Containers/Create", When::Before, Some("Containers/Get")),
    ("Containers/Create", When::After, Some("Containers/Delete")),
    // The first two are those of the layers.
    ("Snapshots/Prepare", When::Before, Some("Containers/Delete")),
    ("Snapshots/Prepare", When::After, Some("Containers/Delete")),
    ("Snapshots/Remove", When::Before, None),
    ("Snapshots/Remove", When::After, None),
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
    for (method, when, later) in CALLS {
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
        if let Some(later) = later {
            ended(&mock, later).await;
        }
        delete_images(&mock).await;
        let channel = containerd_client::connect(mock.socket()).await.unwrap();
        let left = inventory::of(&channel, SPACE).await;
        assert_eq!(left, Vec::<String>::new(), "{method} {when:?}");
    }
}

async fn ended(mock: &MockContainerd, method: &str) {
    let such = |call: &CallRecord| call.rpc.short() == method && call.ended.is_some();
    call_seen(mock.ledger(), such).await;
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
