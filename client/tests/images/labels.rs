//! The labels by which content and snapshots keep each other are those that containerd's own client
//! sets, so that whoever deletes with either collects what the other has made.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::process::Command;

use containerd_client::services::v1::ListContentRequest;
use containerd_client::services::v1::content_client::ContentClient;
use laconic_client::Collect;

use crate::arm::{Arm, on_daemons};
use crate::inventory::ask;

type Labels = BTreeMap<String, BTreeSet<String>>;

async fn labels(arm: &Arm, namespace: &str) -> Labels {
    let message = ListContentRequest::default();
    let listed = ContentClient::new(arm.rival().await).list(ask(namespace, message)).await.unwrap();
    let (mut listed, mut found) = (listed.into_inner(), Labels::new());
    while let Some(some) = listed.message().await.unwrap() {
        for info in some.info {
            let labels = info.labels.iter().map(|(key, value)| format!("{key}={value}"));
            found.insert(info.digest, labels.collect());
        }
    }
    found
}

fn ctr(arm: &Arm, program: &Path, words: &[&str]) {
    let space = arm.other_namespace();
    let mut command = Command::new(program);
    command.arg("--address").arg(arm.socket()).args(["--namespace", &space]).args(words);
    let said = command.output().unwrap();
    assert!(said.status.success(), "{words:?}: {}", String::from_utf8_lossy(&said.stderr));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn blobs_bear_the_labels_that_ctr_gives_them() {
    on_daemons(async |arm: &Arm| {
        let (program, path) = (arm.ctr.as_ref().unwrap(), arm.archive_path().unwrap());
        let client = arm.client().await;
        let image = client.import(arm.archive("tiny")).await.unwrap().remove(0);
        image.unpack("overlayfs").await.unwrap();
        let ours = labels(arm, &arm.namespace()).await;
        ctr(arm, program, &["images", "import", path.to_str().unwrap()]);
        let mut theirs = labels(arm, &arm.other_namespace()).await;
        // ctr writes the archive's index as well, and names it nowhere.
        theirs.retain(|digest, _| ours.contains_key(digest));
        assert_eq!(ours, theirs, "{}", arm.name());
        image.remove(Collect::Now).await.unwrap();
        ctr(arm, program, &["images", "rm", "--sync", "tiny"]);
    })
    .await;
}
