//! What a mock keeps on disk, and that it goes with the mock.

use containerd_client::services::v1::snapshots::PrepareSnapshotRequest;
use containerd_client::services::v1::snapshots::snapshots_client::SnapshotsClient;
use mock_containerd::MockContainerd;

use crate::stage::within;

#[tokio::test]
async fn a_mock_that_is_dropped_leaves_no_folder_though_its_connections_are_open() {
    let mock = MockContainerd::builder().start().await.unwrap();
    let channel = containerd_client::connect(mock.socket()).await.unwrap();
    let mut snapshots = SnapshotsClient::new(channel);
    let request = within(PrepareSnapshotRequest {
        snapshotter: "overlayfs".to_owned(),
        key: "a".to_owned(),
        ..Default::default()
    });
    let mounts = snapshots.prepare(request).await.unwrap().into_inner().mounts;
    let folder = std::path::PathBuf::from(&mounts[0].source);
    assert!(folder.is_dir());
    drop(mock);
    assert!(!folder.exists(), "{} is left", folder.display());
}
