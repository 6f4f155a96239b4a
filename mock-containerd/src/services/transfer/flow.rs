//! Bytes over a stream, as transfers of containerd send them: pieces of at most 32 KiB, as many as
//! the reader has room for, which it says in advance.

use std::fs::File;
use std::io::{Seek, SeekFrom, Write};
use std::time::Duration;

use containerd_client::types::transfer::{Data, WindowUpdate};
use prost::{Message, Name};
use prost_types::Any;
use tokio::io::AsyncReadExt;
use tonic::Code;

use crate::Profile;
use crate::anys::inside;
use crate::state::Failure;
use crate::streams::Used;

/// How long a transfer waits to see that the last piece was read.
const PATIENCE: Duration = Duration::from_millis(100);
const PIECE_BYTES: usize = 32 * 1024;
const WINDOW_BYTES: i32 = 2 * 32 * 1024;

/// A stream that is read.
pub(super) struct Incoming {
    profile: Profile,
    stream: Used,
    /// How much the sender may send, as far as it was told.
    window: i32,
}

/// A stream that is written.
pub(super) struct Outgoing {
    profile: Profile,
    stream: Used,
    /// How much the reader has room for.
    window: i64,
}

impl Incoming {
    pub(super) fn new(profile: Profile, stream: Used) -> Self {
        Self { profile, stream, window: 0 }
    }

    /// The next piece; none at the end.
    pub(super) async fn next(&mut self) -> Result<Option<Vec<u8>>, Failure> {
        if self.window < WINDOW_BYTES {
            let update = containerd_client::to_any(&WindowUpdate { update: WINDOW_BYTES });
            // Who takes no more answers may have sent everything: what was sent tells.
            if self.stream.wire().to.send(update).await.is_ok() {
                self.window = self.window.saturating_add(WINDOW_BYTES);
            }
        }
        loop {
            let received = self.stream.wire().from.message().await.map_err(|status| {
                Failure::plain(status.code(), format!("received failed: {}", status.message()))
            })?;
            let Some(any) = received else { return Ok(None) };
            let read = read::<Data>(self.profile, &any)
                .map_err(|failure| failure.within("failed to unmarshal received object"))?;
            // What is of another type is passed over.
            let Some(Data { data }) = read else { continue };
            let length = i32::try_from(data.len()).unwrap_or(i32::MAX);
            self.window = self.window.saturating_sub(length);
            return Ok(Some(data));
        }
    }

    /// Everything, in a file that has no name.
    pub(super) async fn spool(mut self) -> Result<File, Failure> {
        let failed = |error: &std::io::Error| Failure::disk("cannot keep what is sent", error);
        let mut file = tempfile::tempfile().map_err(|error| failed(&error))?;
        while let Some(data) = self.next().await? {
            // Pieces are small, and go into memory first.
            file.write_all(&data).map_err(|error| failed(&error))?;
        }
        file.seek(SeekFrom::Start(0)).map_err(|error| failed(&error))?;
        Ok(file)
    }
}

impl Outgoing {
    pub(super) fn new(profile: Profile, stream: Used) -> Self {
        Self { profile, stream, window: 0 }
    }

    /// Sends bytes, waiting for room as often as there is none.
    pub(super) async fn send(&mut self, mut bytes: &[u8]) -> Result<(), Failure> {
        while !bytes.is_empty() {
            while self.window <= 0 {
                self.room().await?;
            }
            let room = usize::try_from(self.window).unwrap_or(usize::MAX);
            let (piece, rest) = bytes.split_at(bytes.len().min(PIECE_BYTES).min(room));
            let data = containerd_client::to_any(&Data { data: piece.to_vec() });
            self.stream.wire().to.send(data).await.map_err(|_| gone())?;
            self.window -= i64::try_from(piece.len()).expect("a piece is small");
            bytes = rest;
        }
        Ok(())
    }

    /// Waits for the reader's next word; one that cannot be read, or is about something else, is passed
    /// over.
    async fn room(&mut self) -> Result<(), Failure> {
        let received = self.stream.wire().from.message().await.map_err(|_| gone())?;
        if let Ok(Some(update)) = read::<WindowUpdate>(self.profile, &received.ok_or_else(gone)?) {
            self.window = self.window.saturating_add(i64::from(update.update.max(0)));
        }
        Ok(())
    }

    /// ctr ends with the answer, whatever it has not read by then, and containerd leaves it time: it
    /// has a lease to delete on disk. Here a reader has until its room is what containerd's own
    /// client keeps it at, which is once it has read; one that does not has `PATIENCE`.
    async fn read(&mut self) {
        self.stream.wire().to.handed_over().await;
        let roomy =
            async { while self.window < WINDOW_BYTES.into() && self.room().await.is_ok() {} };
        let _ = tokio::time::timeout(PATIENCE, roomy).await;
    }

    pub(super) async fn send_file(&mut self, file: File) -> Result<(), Failure> {
        let mut file = tokio::fs::File::from_std(file);
        let mut piece = vec![0; PIECE_BYTES];
        loop {
            let length = file.read(&mut piece).await;
            let length = length.map_err(|error| Failure::disk("cannot read an archive", &error))?;
            if length == 0 {
                self.read().await;
                return Ok(());
            }
            self.send(&piece[..length]).await?;
        }
    }
}

fn gone() -> Failure {
    Failure::plain(Code::Unknown, "the reader of the stream is gone")
}

/// What an object of the stream says; `None`: it is of another type.
fn read<M: Message + Name + Default>(profile: Profile, any: &Any) -> Result<Option<M>, Failure> {
    let name = crate::anys::known(&any.type_url)?;
    (name == M::full_name()).then(|| inside(profile, any)).transpose()
}
