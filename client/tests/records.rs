//! What a container's record says, cached or refreshed, and how it is changed: on the mock and on private
//! real containerds, as each version.

use std::collections::BTreeMap;
use std::io::Write;
use std::path::Path;

use laconic_client::{Any, Client, Container, Io, Kind, NewContainer, Read, Status};
use laconic_targets::StandError;
use laconic_targets::daemon::PrivateDaemon;
use mock_containerd::{MockContainerd, Profile};
use serde_json::json;

const VERSIONS: [&str; 3] = ["1.6", "1.7", "2.1"];

/// Past the capture of test output: nobody must take this for a pass.
fn not_run(version: &str, why: &str) {
    let line = format!("NOT RUN: records on containerd {version}: {why}\n");
    std::io::stderr().write_all(line.as_bytes()).unwrap();
}

fn map(pairs: &[(&str, &str)]) -> BTreeMap<String, String> {
    pairs.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
}

fn any(text: &str) -> Any {
    Any { type_url: "example.com/text".to_owned(), value: text.as_bytes().to_vec() }
}

/// Without what this client has put there for itself.
async fn labels(container: &Container, read: Read) -> BTreeMap<String, String> {
    let mut labels = container.labels(read).await.unwrap();
    labels.retain(|name, _| !name.starts_with("laconic."));
    labels
}

/// A handle reads what it was told last, until it is to ask; another's changes come by asking.
async fn a_record_is_read_and_changed(client: &Client, other: &Client, rootfs: &str) {
    let new = NewContainer::new("c1", ["sleep", "600"]).rootfs(rootfs);
    let new = new.label("a", "1").label("b", "2").extension("x", any("one"));
    let container = client.create(new).await.unwrap();
    let theirs = other.load("c1").await.unwrap().container;
    assert_eq!(labels(&theirs, Read::Cached).await, map(&[("a", "1"), ("b", "2")]));

    // One is removed, one set, one stays.
    theirs.set_labels(map(&[("a", ""), ("c", "3")])).await.unwrap();
    let now = map(&[("b", "2"), ("c", "3")]);
    assert_eq!(labels(&theirs, Read::Cached).await, now);
    assert_eq!(labels(&container, Read::Cached).await, map(&[("a", "1"), ("b", "2")]));
    assert_eq!(labels(&container.clone(), Read::Refreshed).await, now);
    assert_eq!(labels(&container, Read::Cached).await, now, "clones share what is kept");

    theirs.set_extension("y.z", any("two")).await.unwrap();
    let both = container.extensions(Read::Refreshed).await.unwrap();
    assert_eq!(both, BTreeMap::from([("x".into(), any("one")), ("y.z".into(), any("two"))]));
    let spec = container.spec(Read::Cached).await.unwrap();
    assert_eq!(spec, theirs.spec(Read::Refreshed).await.unwrap());
    assert!(spec.type_url.ends_with("runtime-spec/1/Spec"), "{}", spec.type_url);
    let runtime = container.runtime(Read::Refreshed).await.unwrap();
    assert_eq!(runtime, ("io.containerd.runc.v2".to_owned(), None));

    container.delete().await.unwrap();
    assert_eq!(theirs.labels(Read::Refreshed).await.unwrap_err().kind(), Kind::NotFound);
    assert_eq!(labels(&theirs, Read::Cached).await, now, "kept is kept");
}

/// Limits of all kinds, and what is none.
async fn a_task_is_given_other_limits(client: &Client, rootfs: &str) {
    let new = NewContainer::new("c2", ["sleep", "600"]).rootfs(rootfs);
    let container = client.create(new).await.unwrap();
    let task = container.start(Io::Null).await.unwrap();
    let resources =
        json!({"memory": {"limit": 64 << 20}, "pids": {"limit": 9}, "cpu": {"shares": 77}});
    task.update(&resources).await.unwrap();
    let junk = Any { type_url: "example.com/none".to_owned(), value: b"junk".to_vec() };
    let refused = task.update_any(junk, map(&[("a", "1")])).await.unwrap_err();
    assert_eq!(refused.kind(), Kind::InvalidArgument, "{refused}");
    assert_eq!(task.refresh().await.unwrap(), Status::Running);
    task.kill(9).await.unwrap();
    task.wait().await.unwrap();
    let refused = task.update(&resources).await.unwrap_err();
    assert_eq!(refused.kind(), Kind::FailedPrecondition, "{refused}");
    task.delete().await.unwrap();
    container.delete().await.unwrap();
}

async fn on(socket: &Path, namespace: &str, rootfs: &str) {
    let connect = async || Client::builder(namespace).connect(socket).await.unwrap();
    let (client, other) = (connect().await, connect().await);
    a_record_is_read_and_changed(&client, &other, rootfs).await;
    a_task_is_given_other_limits(&client, rootfs).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn records_are_read_and_changed_on_the_mock() {
    for profile in [Profile::V1_6, Profile::V1_7, Profile::V2_1] {
        let mock = MockContainerd::builder().profile(profile).start().await.unwrap();
        on(mock.socket(), "records", "/").await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn records_are_read_and_changed_on_real_ones() {
    for version in VERSIONS {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../target/daemons").join(version);
        let daemon = match PrivateDaemon::start(Some(&folder.join("bin/containerd"))).await {
            Ok(daemon) => daemon,
            Err(StandError::Unavailable(lack)) => {
                not_run(version, &lack.to_string());
                continue;
            }
            Err(error) => panic!("{error}"),
        };
        let namespace = format!("laconic-{}-records", daemon.run_id().as_str());
        on(daemon.socket(), &namespace, &daemon.rootfs().display().to_string()).await;
        daemon.stop().await.unwrap();
    }
}
