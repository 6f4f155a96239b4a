//! Blobs that are not whole yet, by reference: opened by one stream at a time, kept when it breaks.

use std::time::Duration;

use containerd_client::services::v1::{Status, WriteContentRequest};
use prost_types::Timestamp;
use sha2::Sha256;
use tonic::Code;

use super::identifier::check_labels;
use super::labels::Labels;
use super::writing::Writing;
use super::{Digest, Failure, State, any_passes, key, of_namespace, parse_all};
use crate::Profile;

#[derive(Debug)]
pub(super) struct Ingest {
    file: u64,
    started_at: Timestamp,
    updated_at: Timestamp,
    total: i64,
    offset: i64,
    /// `None` while a stream has it open.
    rest: Option<Sha256>,
    /// Without one it lives for a day.
    pub(super) leased: bool,
}

/// Why a write cannot begin.
#[derive(Debug)]
pub(crate) enum NotOpened {
    /// Another stream has it open. Versions before 2.0 try for a while.
    Locked(Failure),
    Refused(Failure),
}

impl State {
    /// Begins to write, or goes on with what an earlier stream left.
    pub(crate) fn open_write(
        &mut self,
        namespace: &str,
        lease: Option<&str>,
        first: &WriteContentRequest,
    ) -> Result<Writing, NotOpened> {
        let reference = first.r#ref.clone();
        self.check_lease(namespace, lease).map_err(NotOpened::Refused)?;
        let expected = first.expected.parse::<Digest>().ok();
        if let Some(digest) = expected.as_ref().filter(|d| self.blob(namespace, d).is_ok()) {
            self.lease_resource(namespace, lease, "content", digest.as_str());
            let exists = Failure::already_exists(format!("content {digest}"));
            return Err(NotOpened::Refused(exists));
        }
        let place = key(namespace, &reference);
        if let Some(ingest) = self.ingests.get(&place).filter(|ingest| ingest.rest.is_none()) {
            return Err(NotOpened::Locked(locked(self.clock.now(), namespace, &reference, ingest)));
        }
        let mut resumed = self.ingests.remove(&place);
        let another =
            |left: &mut Ingest| left.total != 0 && first.total != 0 && left.total != first.total;
        // Another total: it is another blob, and begins anew.
        if let Some(left) = resumed.take_if(another) {
            self.garbage.ingests.push(left.file);
        }
        let (file, started_at, rest) = match resumed {
            Some(ingest) => {
                let hasher = ingest.rest.expect("it was not open");
                (ingest.file, ingest.started_at, Some((ingest.offset, hasher)))
            }
            None => (self.take_file(), self.clock.now(), None),
        };
        let mut writing = Writing::new(
            self.profile,
            self.clock,
            reference.clone(),
            file,
            started_at,
            rest,
            first,
        );
        let shared = expected
            .and_then(|digest| self.blob_anywhere(&digest).map(|size| (digest, size)))
            .filter(|(_, size)| first.total == 0 || first.total == *size);
        if let Some((digest, size)) = shared {
            writing.share(digest, size);
        }
        let ingest = Ingest {
            file,
            started_at,
            updated_at: self.clock.now(),
            total: first.total,
            offset: writing.offset,
            rest: None,
            leased: lease.is_some(),
        };
        self.ingests.insert(place, ingest);
        self.touch_namespace(namespace);
        self.lease_resource(namespace, lease, "ingests", &reference);
        Ok(writing)
    }

    /// A later message expects what is here already: the write is given up.
    pub(crate) fn check_expected(
        &mut self,
        namespace: &str,
        writing: &Writing,
    ) -> Result<(), Failure> {
        let Ok(digest) = writing.expected().parse::<Digest>() else { return Ok(()) };
        if self.blob(namespace, &digest).is_err() {
            return Ok(());
        }
        let _ = self.abort(namespace, &writing.reference);
        let message = format!("blob with expected digest {digest} exists");
        Err(Failure::plain(Code::AlreadyExists, message))
    }

    /// A message was written.
    pub(crate) fn wrote(&mut self, namespace: &str, writing: &Writing) {
        if let Some(ingest) = self.own_ingest(namespace, writing) {
            (ingest.offset, ingest.updated_at) = (writing.offset, writing.updated_at());
        }
    }

    /// The stream has ended: the next one goes on from here.
    pub(crate) fn close_write(&mut self, namespace: &str, writing: Writing) {
        if let Some(ingest) = self.own_ingest(namespace, &writing) {
            let (offset, hasher) = writing.rest();
            (ingest.offset, ingest.rest) = (offset, Some(hasher));
        }
    }

    /// `None`: it was aborted, and somebody else may have begun anew.
    fn own_ingest(&mut self, namespace: &str, writing: &Writing) -> Option<&mut Ingest> {
        let ingest = self.ingests.get_mut(&key(namespace, &writing.reference))?;
        (ingest.file == writing.file && ingest.rest.is_none()).then_some(ingest)
    }

    /// Whether what was written may become a blob. What is there already is not written twice.
    pub(crate) fn check_commit(
        &mut self,
        namespace: &str,
        writing: &Writing,
        labels: &Labels,
    ) -> Result<Digest, Failure> {
        check_labels(self.profile, "info.Labels: ", labels.iter())?;
        let digest = writing.whole()?;
        if self.blob(namespace, &digest).is_ok() {
            let _ = self.abort(namespace, &writing.reference);
            return Err(Failure::already_exists(format!("content {digest}")));
        }
        Ok(digest)
    }

    /// It is a blob from now on; its file was moved.
    pub(crate) fn commit(
        &mut self,
        namespace: &str,
        lease: Option<&str>,
        writing: &Writing,
        digest: &Digest,
        labels: Labels,
    ) {
        self.ingests.remove(&key(namespace, &writing.reference));
        if writing.is_shared() {
            // What was written before it was known to be there already.
            self.garbage.ingests.push(writing.file);
        }
        self.unlease_resource(namespace, "ingests", &writing.reference);
        self.enter_blob(namespace, lease, digest, writing.offset, labels);
    }

    pub(crate) fn abort(&mut self, namespace: &str, reference: &str) -> Result<(), Failure> {
        let gone = self.ingests.remove(&key(namespace, reference));
        let gone = gone.ok_or_else(|| Failure::not_found(format!("reference {reference}")))?;
        self.garbage.ingests.push(gone.file);
        self.unlease_resource(namespace, "ingests", reference);
        Ok(())
    }

    /// All of a namespace that is no more.
    pub(super) fn forget_ingests(&mut self, namespace: &str) {
        let Self { ingests, garbage, .. } = self;
        ingests.retain(|(space, _), ingest| {
            let stays = space != namespace;
            if !stays {
                garbage.ingests.push(ingest.file);
            }
            stays
        });
    }

    pub(crate) fn write_status(&self, namespace: &str, reference: &str) -> Result<Status, Failure> {
        let ingest = self.ingests.get(&key(namespace, reference)).ok_or_else(|| {
            let what = format!("could not get status for ref {reference:?}: reference {reference}");
            Failure::not_found(what)
        })?;
        Ok(ingest.shown(reference))
    }

    pub(crate) fn list_writes(
        &self,
        namespace: &str,
        filters: &[String],
    ) -> Result<Vec<Status>, Failure> {
        let filters =
            parse_all(filters).map_err(|error| Failure::plain(Code::InvalidArgument, error))?;
        let ingests = of_namespace(&self.ingests, namespace);
        let statuses = ingests.map(|(reference, ingest)| ingest.shown(reference));
        let passes = |status: &Status| {
            any_passes(&filters, &|path: &[&str]| match path {
                ["ref"] => Some(status.r#ref.clone()),
                _ => None,
            })
        };
        Ok(statuses.filter(passes).collect())
    }

    /// Names a file for bytes that are not a blob yet.
    pub(crate) fn take_file(&mut self) -> u64 {
        self.next_file += 1;
        self.next_file
    }
}

impl Ingest {
    fn shown(&self, reference: &str) -> Status {
        Status {
            started_at: Some(self.started_at),
            updated_at: Some(self.updated_at),
            r#ref: reference.to_owned(),
            offset: self.offset,
            total: self.total,
            // Always empty, as in containerd.
            expected: String::new(),
        }
    }

    pub(super) fn file(&self) -> u64 {
        self.file
    }

    pub(super) fn started_at(&self) -> Timestamp {
        self.started_at
    }
}

fn locked(now: Timestamp, namespace: &str, reference: &str, ingest: &Ingest) -> Failure {
    let (file, since) = (ingest.file, ingest.started_at);
    let millis =
        (now.seconds - since.seconds) * 1000 + i64::from(now.nanos - since.nanos) / 1_000_000;
    Failure::plain(
        Code::Unavailable,
        format!(
            "ref {namespace}/{file}/{reference} locked for {millis}ms (since {since}): unavailable"
        ),
    )
}

/// Versions before 2.0 try to get a locked reference for this long.
pub(crate) fn lock_patience(profile: Profile) -> Duration {
    Duration::from_millis(if profile == Profile::V2_1 { 0 } else { 700 })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Cgroups;
    use crate::clock::Clock;

    fn state() -> State {
        State::new(Profile::V1_6, Cgroups::default(), Clock::Wall)
    }

    /// Begins to write and leaves it. The number of its file.
    fn left(state: &mut State, total: i64) -> u64 {
        let first = WriteContentRequest { r#ref: "r".to_owned(), total, ..Default::default() };
        let writing = state.open_write("n", None, &first).unwrap();
        let file = writing.file;
        state.close_write("n", writing);
        file
    }

    #[test]
    fn what_was_written_of_another_blob_is_garbage() {
        let mut state = state();
        let file = left(&mut state, 5);
        assert_eq!(left(&mut state, 5), file, "the same blob goes on");
        assert!(state.take_garbage().ingests.is_empty());
        assert_ne!(left(&mut state, 6), file);
        assert_eq!(state.take_garbage().ingests, [file]);
    }

    #[test]
    fn what_was_not_finished_goes_with_its_namespace() {
        let mut state = state();
        let file = left(&mut state, 5);
        state.delete_namespace("n").unwrap();
        assert!(state.list_writes("n", &[]).unwrap().is_empty());
        assert_eq!(state.take_garbage().ingests, [file]);
    }
}
