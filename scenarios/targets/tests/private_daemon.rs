//! The private containerd, for real: it needs root and containerd, and says so when it cannot run.

use std::fs::Permissions;
use std::os::unix::fs::PermissionsExt;

use containerd_client::services::v1::version_client::VersionClient;
use laconic_targets::daemon::{Machine, PrivateDaemon, RunId, leftovers};

/// Whether these tests can run; loudly.
fn runs() -> bool {
    match Machine::look().lacks() {
        None => true,
        Some(lack) => {
            eprintln!("NOT RUN: {lack}");
            false
        }
    }
}

async fn version(daemon: &PrivateDaemon) -> String {
    let channel = containerd_client::connect(daemon.socket()).await.unwrap();
    VersionClient::new(channel).version(()).await.unwrap().into_inner().version
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_daemons_answer_side_by_side_count_and_leave_nothing() {
    if !runs() {
        return;
    }
    let (one, two) = tokio::join!(PrivateDaemon::start(None), PrivateDaemon::start(None));
    let (one, two) = (one.unwrap(), two.unwrap());
    assert_ne!(one.run_id(), two.run_id());
    assert_eq!(version(&one).await, version(&two).await);
    let counted = one.metrics().await.unwrap();
    assert_eq!(counted["/containerd.services.version.v1.Version/Version"], 1);
    for daemon in [one, two] {
        let run: RunId = daemon.run_id().clone();
        assert!(!leftovers(&run).is_empty(), "a living daemon is not overlooked");
        daemon.stop().await.unwrap();
        assert_eq!(leftovers(&run), Vec::<String>::new());
    }
}

#[tokio::test]
async fn a_binary_that_is_not_there_is_told_with_a_remedy() {
    if !runs() {
        return;
    }
    let missing = std::path::Path::new("/no/such/containerd");
    let error = PrivateDaemon::start(Some(missing)).await.unwrap_err();
    assert!(error.to_string().contains("there is no containerd at /no/such/containerd"));
}

#[tokio::test]
async fn a_daemon_that_does_not_come_up_is_told_and_leaves_nothing() {
    if !runs() {
        return;
    }
    let error = PrivateDaemon::start(Some(std::path::Path::new("/bin/false"))).await.unwrap_err();
    assert!(error.to_string().contains("containerd did not come up: it ended with"), "{error}");
}

#[tokio::test]
async fn a_binary_given_by_path_finds_the_shim_beside_it_first() {
    if !runs() {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let (binary, shim) =
        (folder.path().join("containerd"), folder.path().join("containerd-shim-runc-v2"));
    for path in [&binary, &shim] {
        std::fs::write(path, "#!/bin/sh\ncommand -v containerd-shim-runc-v2\nexit 1\n").unwrap();
        std::fs::set_permissions(path, Permissions::from_mode(0o700)).unwrap();
    }
    let error = PrivateDaemon::start(Some(&binary)).await.unwrap_err().to_string();
    assert!(error.ends_with(shim.to_str().unwrap()), "{error}");
}
