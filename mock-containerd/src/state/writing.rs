//! One stream of writes into content: what each message does, as containerd's server decides it.
//! Pure: the bytes go to disk elsewhere.

use containerd_client::services::v1::{
    WriteAction, WriteContentRequest as Request, WriteContentResponse as Response,
};
use prost_types::Timestamp;
use sha2::{Digest as _, Sha256};
use tonic::Code;

use super::{Digest, Failure};
use crate::Profile;
use crate::clock::{Clock, GO_ZERO};

/// A blob that is being written by one stream.
#[derive(Clone, Debug)]
pub(crate) struct Writing {
    pub(crate) reference: String,
    /// Names its file.
    pub(crate) file: u64,
    pub(crate) offset: i64,
    hasher: Sha256,
    clock: Clock,
    /// Another namespace has these bytes already: nothing need be sent.
    shared: Option<Shared>,
    started_at: Timestamp,
    updated_at: Timestamp,
    total: i64,
    expected: String,
    /// What was answered last: fields that a message does not set keep their value.
    answer: Response,
}

/// A blob that is complete from the beginning, and what was written before that was known.
#[derive(Clone, Debug)]
struct Shared {
    digest: Digest,
    own: (i64, Sha256),
}

/// What a message asks for, to be done in this order, before its answer is sent.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Act {
    pub(crate) truncate: bool,
    pub(crate) append: bool,
    pub(crate) commit: bool,
}

impl Writing {
    pub(super) fn new(
        profile: Profile,
        clock: Clock,
        reference: String,
        file: u64,
        started_at: Timestamp,
        resumed: Option<(i64, Sha256)>,
        first: &Request,
    ) -> Self {
        let (offset, hasher) = resumed.unwrap_or_default();
        // 1.6 sends Go's zero time for what was not told yet, later versions nothing.
        let untold = (profile == Profile::V1_6).then_some(GO_ZERO);
        let answer = Response { started_at: untold, updated_at: untold, ..Response::default() };
        Self {
            reference,
            file,
            offset,
            hasher,
            shared: None,
            started_at,
            updated_at: clock.now(),
            clock,
            total: first.total,
            expected: first.expected.clone(),
            answer,
        }
    }

    /// Nothing need be sent: it is complete from the beginning.
    pub(super) fn share(&mut self, digest: Digest, size: i64) {
        let own = (self.offset, self.hasher.clone());
        (self.offset, self.total) = (size, size);
        self.shared = Some(Shared { digest, own });
    }

    /// What a message does; its effect on what is hashed and counted is taken as done.
    pub(crate) fn accept(&mut self, request: &Request) -> Result<Act, Failure> {
        self.answer.action = request.action;
        self.answer.offset = self.offset;
        if !request.expected.is_empty() {
            self.expected.clone_from(&request.expected);
        }
        if request.total > 0 {
            self.total = request.total;
        }
        let mut act = Act::default();
        match WriteAction::try_from(request.action) {
            Ok(WriteAction::Stat) => {
                self.answer.started_at = Some(self.started_at);
                self.answer.updated_at = Some(self.updated_at);
                self.answer.total = self.total;
            }
            Ok(action) => {
                act = self.write(request)?;
                act.commit = action == WriteAction::Commit;
            }
            // An unknown action is answered like an empty message.
            Err(_) => return Ok(act),
        }
        self.answer.digest = self.digest().to_string();
        Ok(act)
    }

    /// Offset zero means to begin anew, where something was written.
    fn truncates(&self, request: &Request) -> bool {
        request.offset == 0 && self.offset > 0
    }

    fn write(&mut self, request: &Request) -> Result<Act, Failure> {
        if request.offset > 0 && request.offset != self.offset {
            let message =
                format!("write @{} must occur at current offset {}", request.offset, self.offset);
            return Err(Failure::plain(Code::OutOfRange, message));
        }
        let truncate = self.truncates(request);
        if truncate {
            (self.offset, self.hasher) = (0, Sha256::new());
            self.shared = None;
        }
        let append = !request.data.is_empty();
        self.hasher.update(&request.data);
        self.offset += i64::try_from(request.data.len()).expect("a message fits into memory");
        self.answer.offset = self.offset;
        self.updated_at = self.clock.now();
        Ok(Act { truncate, append, commit: false })
    }

    /// What is to be committed, if it is what was promised.
    pub(crate) fn whole(&self) -> Result<Digest, Failure> {
        if self.total != 0 && self.total != self.offset {
            return Err(Failure::precondition(format!(
                "{:?} failed size validation: {} != {}",
                self.reference, self.offset, self.total
            )));
        }
        let digest = self.digest();
        if !self.expected.is_empty() && self.expected != digest.as_str() {
            return Err(Failure::precondition(format!(
                "unexpected commit digest {digest}, expected {}",
                self.expected
            )));
        }
        Ok(digest)
    }

    /// The blob whose bytes must be written out first, since this message adds to them.
    pub(crate) fn added_to(&self, request: &Request) -> Option<&Digest> {
        let adds = !request.data.is_empty() && !self.truncates(request);
        self.shared.as_ref().filter(|_| adds).map(|shared| &shared.digest)
    }

    /// The shared bytes were written out: from now on they are its own.
    pub(crate) fn wrote_out(&mut self, bytes: &[u8]) {
        self.shared = None;
        self.hasher = Sha256::new_with_prefix(bytes);
    }

    /// What a later message promises.
    pub(crate) fn expect(&mut self, digest: &str) {
        digest.clone_into(&mut self.expected);
    }

    /// Whether there is nothing on disk that is its own.
    pub(crate) fn is_shared(&self) -> bool {
        self.shared.is_some()
    }

    pub(crate) fn digest(&self) -> Digest {
        match &self.shared {
            Some(shared) => shared.digest.clone(),
            None => Digest::finished(self.hasher.clone()),
        }
    }

    pub(crate) fn expected(&self) -> &str {
        &self.expected
    }

    pub(crate) fn answer(&self) -> Response {
        self.answer.clone()
    }

    /// What the next stream goes on from. What was only shared is not there for it.
    pub(super) fn rest(self) -> (i64, Sha256) {
        match self.shared {
            Some(shared) => shared.own,
            None => (self.offset, self.hasher),
        }
    }

    pub(super) fn updated_at(&self) -> Timestamp {
        self.updated_at
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn begun(total: i64) -> Writing {
        let first = Request { total, ..Request::default() };
        Writing::new(Profile::V1_6, Clock::Wall, "r".to_owned(), 1, Clock::Wall.now(), None, &first)
    }

    fn message(action: WriteAction, offset: i64, data: &[u8]) -> Request {
        Request { action: action.into(), offset, data: data.to_vec(), ..Request::default() }
    }

    #[test]
    fn offset_zero_truncates_what_was_written() {
        let mut writing = begun(0);
        writing.accept(&message(WriteAction::Write, 0, b"hello")).unwrap();
        let act = writing.accept(&message(WriteAction::Write, 0, b"hi")).unwrap();
        assert_eq!(act, Act { truncate: true, append: true, commit: false });
        assert_eq!(writing.offset, 2);
        assert_eq!(writing.digest(), Digest::of(b"hi"));
    }

    #[test]
    fn an_offset_elsewhere_is_out_of_range() {
        let mut writing = begun(0);
        writing.accept(&message(WriteAction::Write, 0, b"hello")).unwrap();
        let failure = writing.accept(&message(WriteAction::Write, 7, b"x")).unwrap_err();
        assert_eq!(failure.message, "write @7 must occur at current offset 5");
    }

    #[test]
    fn an_answer_keeps_what_an_earlier_message_told() {
        let mut writing = begun(11);
        writing.accept(&Request { total: 11, ..message(WriteAction::Stat, 0, b"") }).unwrap();
        writing.accept(&message(WriteAction::Write, 0, b"hello")).unwrap();
        assert_eq!(writing.answer().total, 11);
        assert!(writing.answer().started_at.is_some());
    }

    #[test]
    fn what_is_only_shared_is_not_there_for_the_next_stream() {
        let mut writing = begun(0);
        writing.accept(&message(WriteAction::Write, 0, b"h")).unwrap();
        writing.share(Digest::of(b"hello"), 5);
        assert_eq!((writing.offset, writing.digest()), (5, Digest::of(b"hello")));
        let (offset, hasher) = writing.rest();
        assert_eq!((offset, Digest::finished(hasher)), (1, Digest::of(b"h")));
    }

    #[test]
    fn what_is_added_to_a_shared_blob_needs_its_bytes_first() {
        let mut writing = begun(0);
        writing.share(Digest::of(b"hello"), 5);
        let more = message(WriteAction::Write, 5, b"!");
        assert_eq!(writing.added_to(&more), Some(&Digest::of(b"hello")));
        writing.wrote_out(b"hello");
        writing.accept(&more).unwrap();
        assert_eq!((writing.offset, writing.digest()), (6, Digest::of(b"hello!")));
    }

    #[test]
    fn what_is_written_to_a_shared_blob_of_no_bytes_is_kept() {
        let mut writing = begun(0);
        writing.share(Digest::of(b""), 0);
        let first = message(WriteAction::Write, 0, b"!");
        // Nothing is there to be truncated: this adds.
        assert_eq!(writing.added_to(&first), Some(&Digest::of(b"")));
        writing.wrote_out(b"");
        writing.accept(&first).unwrap();
        let (offset, hasher) = writing.rest();
        assert_eq!((offset, Digest::finished(hasher)), (1, Digest::of(b"!")));
    }

    proptest! {
        #[test]
        fn offset_and_digest_are_those_of_what_was_kept(
            messages in proptest::collection::vec((0..3_i32, -1..20_i64, any::<Vec<u8>>()), 0..12)
        ) {
            let mut writing = begun(0);
            let mut kept: Vec<u8> = Vec::new();
            for (action, offset, data) in messages {
                let request = Request { action, offset, data: data.clone(), ..Request::default() };
                let Ok(act) = writing.accept(&request) else { continue };
                if act.truncate {
                    kept.clear();
                }
                if act.append {
                    kept.extend(data);
                }
                prop_assert_eq!(writing.offset as usize, kept.len());
                prop_assert_eq!(writing.digest(), Digest::of(&kept));
            }
        }
    }
}
