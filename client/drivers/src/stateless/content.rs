//! Blobs, as containerd's client reads and writes them: whoever reads one asks for its size first.

use containerd_client::services::v1::content_client::ContentClient;
use containerd_client::services::v1::{
    Info, InfoRequest, ReadContentRequest, UpdateRequest, WriteAction, WriteContentRequest,
};
use driver_protocol::{ErrorKind, Refusal};
use prost_types::FieldMask;
use tonic::transport::Channel;

use super::calls::{Calls, answer, refusal};

const CHUNK_BYTES: usize = 1 << 20;
/// A document that is larger is none.
const DOCUMENT_BYTES_MAX: i64 = 4 << 20;

pub(super) type Labels = Vec<(String, String)>;

impl Calls {
    pub(super) fn content(&self) -> ContentClient<Channel> {
        ContentClient::new(self.channel())
    }

    /// Its size.
    pub(super) async fn info(&self, digest: &str) -> Result<i64, Refusal> {
        let message = InfoRequest { digest: digest.to_owned() };
        let told = answer(self.content().info(self.ask(message))).await?;
        Ok(told.info.unwrap_or_default().size)
    }

    pub(super) async fn read(
        &self,
        digest: &str,
        offset: u64,
        size: u64,
    ) -> Result<Vec<u8>, Refusal> {
        let at = |number: u64| i64::try_from(number).unwrap_or(i64::MAX);
        let message =
            ReadContentRequest { digest: digest.to_owned(), offset: at(offset), size: at(size) };
        let mut chunks = answer(self.content().read(self.ask(message))).await?;
        let mut bytes = Vec::new();
        while let Some(chunk) = chunks.message().await.map_err(|status| refusal(&status))? {
            bytes.extend(chunk.data);
        }
        Ok(bytes)
    }

    /// ReadBlob.
    pub(super) async fn document(&self, digest: &str) -> Result<Vec<u8>, Refusal> {
        match self.info(digest).await? {
            size @ 0..=DOCUMENT_BYTES_MAX => self.read(digest, 0, size.unsigned_abs()).await,
            size => Err(Refusal {
                kind: ErrorKind::ResourceExhausted,
                code: None,
                message: format!("{digest} has {size} bytes, too many for a document"),
            }),
        }
    }

    /// Writes one whole; what is there already is not written again.
    pub(super) async fn write(
        &self,
        lease: &str,
        name: String,
        blob: Vec<u8>,
        digest: String,
        labels: Labels,
    ) -> Result<(), Refusal> {
        let total = blob.len() as i64;
        let message = move |action: WriteAction, offset: usize, data: &[u8]| WriteContentRequest {
            action: action.into(),
            r#ref: name.clone(),
            total,
            expected: digest.clone(),
            offset: offset as i64,
            data: data.to_vec(),
            ..WriteContentRequest::default()
        };
        let mut messages: Vec<_> = blob
            .chunks(CHUNK_BYTES)
            .enumerate()
            .map(|(number, chunk)| message(WriteAction::Write, number * CHUNK_BYTES, chunk))
            .collect();
        let mut commit = message(WriteAction::Commit, blob.len(), &[]);
        commit.labels = labels.into_iter().collect();
        messages.push(commit);
        let sent = self.ask_under(lease, tokio_stream::iter(messages));
        let written = async {
            let mut answers = answer(self.content().write(sent)).await?;
            while answers.message().await.map_err(|status| refusal(&status))?.is_some() {}
            Ok::<(), Refusal>(())
        };
        match written.await {
            Err(refusal) if refusal.kind == ErrorKind::AlreadyExists => Ok(()),
            written => written,
        }
    }

    pub(super) async fn label(
        &self,
        lease: &str,
        digest: &str,
        labels: Labels,
    ) -> Result<(), Refusal> {
        let paths = labels.iter().map(|(key, _)| format!("labels.{key}")).collect();
        let labels = labels.into_iter().collect();
        let info = Info { digest: digest.to_owned(), labels, ..Info::default() };
        let message = UpdateRequest { info: Some(info), update_mask: Some(FieldMask { paths }) };
        answer(self.content().update(self.ask_under(lease, message))).await?;
        Ok(())
    }
}
