//! One stream of writes: takes messages in turn, answers each, and leaves what was written to be
//! resumed, however the stream ends.

use std::fs::File;
use std::io::{Read, Write};

use containerd_client::services::v1::{WriteAction, WriteContentRequest, WriteContentResponse};
use tokio::sync::mpsc;
use tokio_stream::Stream;
use tokio_stream::wrappers::ReceiverStream;
use tonic::{Status, Streaming};

use crate::state::{Digest, Failure, NotOpened, Writing, lock_patience};
use crate::world::World;

/// How often a locked reference is asked for while there is patience.
const LOCK_POLL_MS: u64 = 50;
/// How many answers wait before their reader takes them.
const AHEAD: usize = 4;

type Answer = Result<WriteContentResponse, Status>;

/// Who writes.
#[derive(Debug)]
pub(super) struct Writes {
    world: World,
    namespace: String,
    lease: Option<String>,
}

/// What is being written. Dropped, it is closed, and the next stream goes on from here.
struct Open<'w> {
    writes: &'w Writes,
    writing: Option<Writing>,
    file: Option<File>,
}

impl Drop for Open<'_> {
    fn drop(&mut self) {
        if let Some(writing) = self.writing.take() {
            let namespace = &self.writes.namespace;
            self.writes.world.change(|state| state.close_write(namespace, writing));
        }
    }
}

impl Writes {
    pub(super) fn new(world: World, namespace: String, lease: Option<String>) -> Self {
        Self { world, namespace, lease }
    }

    /// The answers to what the stream brings.
    pub(super) fn answers(
        self,
        requests: Streaming<WriteContentRequest>,
    ) -> impl Stream<Item = Answer> {
        let (to, answers) = mpsc::channel(AHEAD);
        tokio::spawn(async move {
            if let Err(status) = self.take(requests, &to).await {
                let _ = to.send(Err(status)).await;
            }
        });
        ReceiverStream::new(answers)
    }

    async fn take(
        &self,
        mut requests: Streaming<WriteContentRequest>,
        to: &mpsc::Sender<Answer>,
    ) -> Result<(), Status> {
        let Some(first) = self.next(&mut requests).await? else { return Ok(()) };
        if first.r#ref.is_empty() {
            return Err(Status::invalid_argument("first message must have a reference"));
        }
        let writing = self.open(&first).await?;
        let mut open = Open { writes: self, writing: Some(writing), file: None };
        let mut next = Some(first);
        let mut resumed = false;
        let mut last = None;
        while let Some(request) = next {
            if resumed && !request.expected.is_empty() {
                open.check_expected(&request)?;
            }
            resumed = true;
            let commit = WriteAction::try_from(request.action) == Ok(WriteAction::Commit);
            let answer = open.message(&request)?;
            if to.send(Ok(answer.clone())).await.is_err() {
                return Ok(());
            }
            last = Some(answer);
            if commit {
                break;
            }
            next = self.next(&mut requests).await?;
        }
        // At its end, containerd sends the last answer once more.
        if let Some(answer) = last {
            let _ = to.send(Ok(answer)).await;
        }
        Ok(())
    }

    async fn next(
        &self,
        requests: &mut Streaming<WriteContentRequest>,
    ) -> Result<Option<WriteContentRequest>, Status> {
        requests.message().await.map_err(|status| {
            let profile = self.world.profile();
            crate::refusal::unread(profile, &status, true).unwrap_or(status)
        })
    }

    /// Opens what the first message names; versions before 2.0 wait a while for a lock.
    async fn open(&self, first: &WriteContentRequest) -> Result<Writing, Failure> {
        let lease = self.lease.as_deref();
        let patience = lock_patience(self.world.profile());
        let begun = tokio::time::Instant::now();
        let mut poll = tokio::time::interval(std::time::Duration::from_millis(LOCK_POLL_MS));
        loop {
            let opened = self.world.change(|state| state.open_write(&self.namespace, lease, first));
            match opened {
                Ok(writing) => return Ok(writing),
                Err(NotOpened::Refused(failure)) => return Err(failure),
                Err(NotOpened::Locked(failure)) if begun.elapsed() >= patience => {
                    return Err(failure);
                }
                Err(NotOpened::Locked(_)) => {
                    poll.tick().await;
                }
            }
        }
    }
}

impl Open<'_> {
    fn writing(&mut self) -> &mut Writing {
        self.writing.as_mut().expect("only a commit and the end take it")
    }

    fn check_expected(&mut self, request: &WriteContentRequest) -> Result<(), Failure> {
        self.writing().expect(&request.expected);
        let Some(writing) = &self.writing else { return Ok(()) };
        let namespace = &self.writes.namespace;
        self.writes.world.change(|state| state.check_expected(namespace, writing))
    }

    /// Does what one message asks for.
    fn message(&mut self, request: &WriteContentRequest) -> Result<WriteContentResponse, Status> {
        let failed = |error: &std::io::Error| Failure::disk("cannot write content", error);
        if let Some(digest) = self.writing().added_to(request).cloned() {
            self.write_out(&digest).map_err(|error| failed(&error))?;
        }
        let act = self.writing().accept(request)?;
        if act.truncate || act.append {
            let file = self.file().map_err(|error| failed(&error))?;
            if act.truncate {
                file.set_len(0).map_err(|error| failed(&error))?;
            }
            file.write_all(&request.data).map_err(|error| failed(&error))?;
        }
        let (world, namespace) = (&self.writes.world, &self.writes.namespace);
        if let Some(writing) = &self.writing {
            world.change(|state| state.wrote(namespace, writing));
        }
        if act.commit {
            return self.commit(request);
        }
        Ok(self.writing().answer())
    }

    /// Makes the bytes of a blob that another namespace has the beginning of this one's own.
    fn write_out(&mut self, digest: &Digest) -> std::io::Result<()> {
        let mut bytes = Vec::new();
        self.writes.world.store().open_blob(digest)?.read_to_end(&mut bytes)?;
        let file = self.file()?;
        file.set_len(0)?;
        file.write_all(&bytes)?;
        self.writing().wrote_out(&bytes);
        Ok(())
    }

    fn file(&mut self) -> std::io::Result<&mut File> {
        if self.file.is_none() {
            let number = self.writing().file;
            self.file = Some(self.writes.world.store().open_ingest(number)?);
        }
        Ok(self.file.as_mut().expect("it was opened a line ago"))
    }

    fn commit(&mut self, request: &WriteContentRequest) -> Result<WriteContentResponse, Status> {
        let Self { writes, writing, .. } = self;
        let Writes { world, namespace, lease } = writes;
        let open = writing.as_ref().expect("only a commit and the end take it");
        world.change(|state| {
            let digest = state.check_commit(namespace, open, &request.labels)?;
            // Moved under the lock, so that a deletion of the same bytes elsewhere comes before or
            // after, and never between.
            if !open.is_shared() {
                let moved = world.store().finish_ingest(open.file, &digest);
                moved.map_err(|error| Failure::disk("cannot commit content", &error))?;
            }
            state.commit(namespace, lease.as_deref(), open, &digest, request.labels.clone());
            Ok::<_, Failure>(())
        })?;
        let answer = open.answer();
        *writing = None;
        Ok(answer)
    }
}
