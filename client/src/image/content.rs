//! Blobs on the wire.

use std::collections::{BTreeMap, HashMap};

use containerd_client::services::v1::{
    Info, ReadContentRequest, UpdateRequest, WriteAction, WriteContentRequest,
};
use prost_types::FieldMask;
use tokio::io::{AsyncRead, AsyncReadExt};

use super::archive::unreadable;
use super::chain;
use super::lease::Lease;
use super::manifest::Descriptor;
use crate::wire::{self, Conversation, Doing, Wire};
use crate::{Error, Kind};

const CHUNK_BYTES: usize = 1 << 20;
/// A manifest or a configuration that is larger is none.
pub(super) const DOCUMENT_BYTES_MAX: u64 = 4 << 20;

/// Whether a blob had to be sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Written {
    Now,
    Before,
}

/// A blob to be written.
pub(super) struct Blob<'b> {
    pub(super) digest: &'b str,
    pub(super) size: u64,
    pub(super) labels: &'b BTreeMap<String, String>,
}

impl Blob<'_> {
    /// Content/Write, once. What is there already is not sent again, and taken under the lease.
    pub(super) async fn write(
        &self,
        lease: &Lease,
        doing: &Doing<'_>,
        source: impl AsyncRead + Unpin,
    ) -> Result<Written, Error> {
        match self.send(lease, doing, source).await {
            Ok(()) => Ok(Written::Now),
            Err(error) if error.kind() == Kind::AlreadyExists => Ok(Written::Before),
            Err(error) => Err(error),
        }
    }

    fn message(&self, lease: &Lease, action: WriteAction, offset: i64) -> WriteContentRequest {
        WriteContentRequest {
            action: action.into(),
            // Of this import alone: another one of the same blob neither waits nor mixes in.
            r#ref: format!("laconic-{}-{}", lease.id(), self.digest),
            total: i64::try_from(self.size).unwrap_or(i64::MAX),
            expected: self.digest.to_owned(),
            offset,
            ..WriteContentRequest::default()
        }
    }

    async fn send(
        &self,
        lease: &Lease,
        doing: &Doing<'_>,
        mut source: impl AsyncRead + Unpin,
    ) -> Result<(), Error> {
        let writing = doing.part_on("write content", self.digest).under(lease.header());
        let first = self.message(lease, WriteAction::Stat, 0);
        let begun =
            Conversation::begin(lease.wire(), writing, &wire::content::WRITE, first).await?;
        let (mut conversation, answer) = begun;
        let mut offset = answer.offset;
        // Otherwise another namespace has all of it, and shares.
        if offset == 0 {
            let mut chunk = vec![0; CHUNK_BYTES];
            loop {
                let read = fill(&mut source, &mut chunk).await;
                let read = read.map_err(|error| unreadable(doing, error))?;
                if read == 0 {
                    break;
                }
                let mut message = self.message(lease, WriteAction::Write, offset);
                message.data = chunk[..read].to_vec();
                offset = conversation.exchange(message).await?.offset;
            }
        }
        let mut message = self.message(lease, WriteAction::Commit, offset);
        message.labels = self.labels.clone().into_iter().collect::<HashMap<_, _>>();
        conversation.conclude(message).await?;
        Ok(())
    }
}

async fn fill(source: &mut (impl AsyncRead + Unpin), chunk: &mut [u8]) -> std::io::Result<usize> {
    let mut filled = 0;
    while filled < chunk.len() {
        match source.read(&mut chunk[filled..]).await? {
            0 => break,
            read => filled += read,
        }
    }
    Ok(filled)
}

/// Content/Read of a document, whose digest is checked.
pub(super) async fn read(
    wire: &Wire,
    doing: &Doing<'_>,
    blob: &Descriptor,
) -> Result<Vec<u8>, Error> {
    let doing = doing.part_on("read content", &blob.digest);
    if blob.size > DOCUMENT_BYTES_MAX as i64 {
        let what =
            format!("it has {} bytes, and a document at most {DOCUMENT_BYTES_MAX}", blob.size);
        return Err(Error::refusal(&doing, Kind::ResourceExhausted, what));
    }
    // No more than what it should have, whatever it has.
    let message = ReadContentRequest { digest: blob.digest.clone(), offset: 0, size: blob.size };
    let chunks = wire.collect(&doing, &wire::content::READ, message).await?;
    let document: Vec<u8> = chunks.into_iter().flat_map(|chunk| chunk.data).collect();
    if !chain::is_digest_of(&blob.digest, &document) {
        return Err(Error::refusal(&doing, Kind::DataLoss, "it is not what its digest says"));
    }
    Ok(document)
}

/// Content/Update: sets labels, and leaves the others.
pub(super) async fn label(
    wire: &Wire,
    doing: &Doing<'_>,
    digest: &str,
    labels: BTreeMap<String, String>,
) -> Result<(), Error> {
    let paths = labels.keys().map(|key| format!("labels.{key}")).collect();
    let info =
        Info { digest: digest.to_owned(), labels: labels.into_iter().collect(), ..Info::default() };
    let message = UpdateRequest { info: Some(info), update_mask: Some(FieldMask { paths }) };
    let doing = doing.part_on("label content", digest);
    wire.call(&doing, &wire::content::UPDATE, message).await?;
    Ok(())
}
