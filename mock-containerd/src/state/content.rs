//! Blobs: what is known of them in each namespace. Their bytes are kept once, on disk.

use containerd_client::events::{ContentCreate, ContentDelete};
use containerd_client::services::v1::Info;

use super::identifier::check_labels;
use super::labels::{self, Labels};
use super::{Digest, Failure, Key, Mask, State, key, of_namespace, parse_all, passing};
use crate::Profile;

/// A blob in one namespace.
#[derive(Clone, Debug)]
pub(super) struct Blob {
    pub(super) info: Info,
}

impl State {
    pub(crate) fn blob(&self, namespace: &str, digest: &Digest) -> Result<&Info, Failure> {
        let found = self.blobs.get(&key(namespace, digest.as_str()));
        found.map(|blob| &blob.info).ok_or_else(|| Failure::no_content(digest))
    }

    /// Its size, when some namespace has it: the bytes are shared.
    pub(super) fn blob_anywhere(&self, digest: &Digest) -> Option<i64> {
        let found = self.blobs.iter().find(|((_, have), _)| have == digest.as_str());
        found.map(|(_, blob)| blob.info.size)
    }

    pub(crate) fn list_blobs(
        &self,
        namespace: &str,
        filters: &[String],
    ) -> Result<Vec<Info>, Failure> {
        let filters = parse_all(filters)
            .map_err(|error| Failure::plain(tonic::Code::InvalidArgument, error))?;
        let infos = of_namespace(&self.blobs, namespace).map(|(_, blob)| &blob.info);
        Ok(passing(&filters, infos, field))
    }

    pub(crate) fn update_blob(
        &mut self,
        namespace: &str,
        digest: &Digest,
        given: &Labels,
        mask: &Mask,
    ) -> Result<Info, Failure> {
        let profile = self.profile;
        let found = self.blobs.get_mut(&key(namespace, digest.as_str()));
        let info = &mut found.ok_or_else(|| Failure::no_content(digest))?.info;
        let mut next = info.labels.clone();
        labels::update(&mut next, given, mask).map_err(|field| {
            Failure::invalid(format!("cannot update {field:?} field on {:?}", digest.as_str()))
        })?;
        check_labels(profile, "info.Labels: ", next.iter())?;
        info.labels = next;
        info.updated_at = Some(self.clock.now());
        Ok(info.clone())
    }

    /// A layer that was made here: one with the same bytes may be there already.
    pub(crate) fn enter_layer(
        &mut self,
        namespace: &str,
        lease: Option<&str>,
        digest: &Digest,
        size: i64,
        labels: Labels,
    ) {
        match self.blobs.get_mut(&key(namespace, digest.as_str())) {
            Some(blob) => {
                blob.info.labels.extend(labels);
                self.lease_resource(namespace, lease, "content", digest.as_str());
            }
            None => self.enter_blob(namespace, lease, digest, size, labels),
        }
    }

    /// A blob that is whole is known from now on in this namespace.
    pub(super) fn enter_blob(
        &mut self,
        namespace: &str,
        lease: Option<&str>,
        digest: &Digest,
        size: i64,
        labels: Labels,
    ) {
        let now = Some(self.clock.now());
        let mut info =
            Info { digest: digest.to_string(), size, created_at: now, updated_at: now, labels };
        info.labels.retain(|_, value| !value.is_empty());
        self.touch_namespace(namespace);
        self.blobs.insert(key(namespace, digest.as_str()), Blob { info });
        self.lease_resource(namespace, lease, "content", digest.as_str());
        if self.profile == Profile::V2_1 {
            let event = ContentCreate { digest: digest.to_string(), size };
            self.happen(namespace, "/content/create", &event);
        }
    }

    pub(crate) fn delete_blob(&mut self, namespace: &str, digest: &Digest) -> Result<(), Failure> {
        self.blob(namespace, digest)?;
        self.forget_blob(&key(namespace, digest.as_str()));
        let event = ContentDelete { digest: digest.to_string() };
        self.happen(namespace, "/content/delete", &event);
        self.dirty = true;
        Ok(())
    }

    /// Its bytes go when no namespace knows it any more.
    pub(super) fn forget_blob(&mut self, place: &Key) {
        if self.blobs.remove(place).is_none() {
            return;
        }
        let digest: Digest = place.1.parse().expect("only digests are entered");
        if self.blob_anywhere(&digest).is_none() {
            self.garbage.blobs.push(digest);
        }
    }
}

fn field(info: &Info, path: &[&str]) -> Option<String> {
    match path {
        ["digest"] => Some(info.digest.clone()),
        // A size is never found by its number, as in containerd.
        ["labels", label @ ..] => info.labels.get(&label.join(".")).cloned(),
        _ => None,
    }
    .filter(|value| !value.is_empty())
}
