//! A blob, read in messages.

use std::io::SeekFrom;

use containerd_client::services::v1::ReadContentResponse;
use tokio::io::{AsyncReadExt, AsyncSeekExt};
use tokio_stream::Stream;
use tokio_stream::wrappers::ReceiverStream;
use tonic::Status;

/// How much goes into one message, as containerd has it.
const MESSAGE_BYTES: usize = 1 << 20;
/// How many messages are read before their reader takes them.
const AHEAD: usize = 2;

/// Reads `length` bytes from `offset`. Offsets in the answers begin at 0, as in containerd.
pub(super) fn reading(
    file: std::fs::File,
    offset: i64,
    length: i64,
) -> impl Stream<Item = Result<ReadContentResponse, Status>> {
    let (to, messages) = tokio::sync::mpsc::channel(AHEAD);
    tokio::spawn(async move {
        let mut file = tokio::fs::File::from_std(file);
        let (mut at, mut rest) = (0, usize::try_from(length).unwrap_or(0));
        let begin = u64::try_from(offset).unwrap_or(0);
        if let Err(error) = file.seek(SeekFrom::Start(begin)).await {
            let _ = to.send(Err(Status::internal(format!("cannot read a blob: {error}")))).await;
            return;
        }
        while rest > 0 {
            let mut data = vec![0; rest.min(MESSAGE_BYTES)];
            let message = match file.read_exact(&mut data).await {
                Ok(_) => {
                    rest -= data.len();
                    let message = ReadContentResponse { offset: at, data };
                    at += i64::try_from(message.data.len()).expect("a message fits");
                    Ok(message)
                }
                Err(error) => {
                    rest = 0;
                    Err(Status::internal(format!("cannot read a blob: {error}")))
                }
            };
            // A reader that went away needs no more.
            if to.send(message).await.is_err() {
                return;
            }
        }
    });
    ReceiverStream::new(messages)
}
