//! Snapshots, as containerd's client makes and mounts them.

use containerd_client::services::v1::ApplyRequest;
use containerd_client::services::v1::diff_client::DiffClient;
use containerd_client::services::v1::snapshots::snapshots_client::SnapshotsClient;
use containerd_client::services::v1::snapshots::{
    CommitSnapshotRequest, MountsRequest, PrepareSnapshotRequest, RemoveSnapshotRequest,
    StatSnapshotRequest,
};
use containerd_client::types::{Descriptor, Mount};
use driver_protocol::{ErrorKind, Refusal};
use serde_json::Value;
use tonic::transport::Channel;

use super::calls::answer;
use super::moby::Moby;
use crate::gathering::sha256;

/// Where every driver unpacks to.
pub(super) const SNAPSHOTTER: &str = "overlayfs";

/// By which name the snapshot of these layers is known.
fn chain_id(diff_ids: &[String]) -> String {
    let under = |below: String, diff_id: &String| match below.as_str() {
        "" => diff_id.clone(),
        below => format!("sha256:{}", sha256(format!("{below} {diff_id}").as_bytes())),
    };
    diff_ids.iter().fold(String::new(), under)
}

impl Moby {
    fn snapshots(&self) -> SnapshotsClient<Channel> {
        SnapshotsClient::new(self.calls.channel())
    }

    /// One to write to, on layers.
    pub(super) async fn prepare(
        &self,
        lease: &str,
        key: &str,
        below: &[String],
    ) -> Result<Vec<Mount>, Refusal> {
        let message = PrepareSnapshotRequest {
            snapshotter: SNAPSHOTTER.to_owned(),
            key: key.to_owned(),
            parent: chain_id(below),
            ..PrepareSnapshotRequest::default()
        };
        let prepared = answer(self.snapshots().prepare(self.calls.ask_under(lease, message))).await;
        Ok(prepared?.mounts)
    }

    pub(super) async fn mounts(&self, of: &str, key: &str) -> Result<Vec<Mount>, Refusal> {
        let message = MountsRequest { snapshotter: of.to_owned(), key: key.to_owned() };
        Ok(answer(self.snapshots().mounts(self.calls.ask(message))).await?.mounts)
    }

    pub(super) async fn remove_snapshot(&self, of: &str, key: &str) -> Result<(), Refusal> {
        let message = RemoveSnapshotRequest { snapshotter: of.to_owned(), key: key.to_owned() };
        answer(self.snapshots().remove(self.calls.ask(message))).await
    }

    pub(super) async fn unpack(&self, lease: &str, target: &Descriptor) -> Result<(), Refusal> {
        let layers = self.manifest(target).await?["layers"].as_array().cloned().unwrap_or_default();
        let diff_ids = self.config(target).await?.diff_ids;
        for (at, layer) in layers.iter().enumerate().take(diff_ids.len()) {
            self.unpack_layer(lease, layer, &diff_ids[..=at]).await?;
        }
        let manifest = self.manifest(target).await?;
        let config = manifest["config"]["digest"].as_str().unwrap_or_default();
        let keeps = format!("containerd.io/gc.ref.snapshot.{SNAPSHOTTER}");
        self.calls.label(lease, config, vec![(keeps, chain_id(&diff_ids))]).await
    }

    /// The last of these layers, if it is not there.
    async fn unpack_layer(
        &self,
        lease: &str,
        layer: &Value,
        diff_ids: &[String],
    ) -> Result<(), Refusal> {
        let (Some(diff_id), name) = (diff_ids.last(), chain_id(diff_ids)) else { return Ok(()) };
        let message =
            StatSnapshotRequest { snapshotter: SNAPSHOTTER.to_owned(), key: name.clone() };
        match answer(self.snapshots().stat(self.calls.ask(message))).await {
            Err(refusal) if refusal.kind == ErrorKind::NotFound => {}
            there => return there.map(drop),
        }
        let key = format!("extract-{lease} {name}");
        if let Err(refusal) = self.apply(lease, layer, &key, diff_ids).await {
            let _ = self.remove_snapshot(SNAPSHOTTER, &key).await;
            // Somebody else was faster: theirs is as good.
            let faster = refusal.kind == ErrorKind::AlreadyExists;
            return if faster { Ok(()) } else { Err(refusal) };
        }
        let digest = layer["digest"].as_str().unwrap_or_default();
        let is = vec![("containerd.io/uncompressed".to_owned(), diff_id.clone())];
        self.calls.label(lease, digest, is).await
    }

    async fn apply(
        &self,
        lease: &str,
        layer: &Value,
        key: &str,
        diff_ids: &[String],
    ) -> Result<(), Refusal> {
        let mounts = self.prepare(lease, key, &diff_ids[..diff_ids.len() - 1]).await?;
        let diff = Descriptor {
            media_type: layer["mediaType"].as_str().unwrap_or_default().to_owned(),
            digest: layer["digest"].as_str().unwrap_or_default().to_owned(),
            size: layer["size"].as_i64().unwrap_or_default(),
            ..Descriptor::default()
        };
        let message = ApplyRequest { diff: Some(diff), mounts, ..ApplyRequest::default() };
        let mut diffs = DiffClient::new(self.calls.channel());
        answer(diffs.apply(self.calls.ask_under(lease, message))).await?;
        let message = CommitSnapshotRequest {
            snapshotter: SNAPSHOTTER.to_owned(),
            name: chain_id(diff_ids),
            key: key.to_owned(),
            ..CommitSnapshotRequest::default()
        };
        answer(self.snapshots().commit(self.calls.ask_under(lease, message))).await
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn layers_are_known_by_the_lowest_alone_and_then_by_all_below() {
        let layers = ["sha256:a", "sha256:b"].map(str::to_owned);
        assert_eq!((chain_id(&[]), chain_id(&layers[..1])), (String::new(), "sha256:a".to_owned()));
        // printf 'sha256:a sha256:b' | sha256sum
        let both = "sha256:970a948bffa8de94d6e22d747ba8c95030e6e546909f98f54e99a13005e173a8";
        assert_eq!(chain_id(&layers), both);
    }
}
