//! One call over the wire, as bytes: a stream of messages each way, whatever the method is.

use std::time::{Duration, Instant};

use bytes::{Buf, BufMut, Bytes};
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};
use tokio::sync::watch;
use tokio::task::JoinHandle;
use tokio_stream::wrappers::UnboundedReceiverStream;
use tonic::client::Grpc;
use tonic::codec::{Codec, DecodeBuf, Decoder, EncodeBuf, Encoder};
use tonic::metadata::MetadataMap;
use tonic::transport::Channel;
use tonic::{Code, Request, Status, TimeoutExpired};

/// Messages stay as they are: what is sent need not even be one.
#[derive(Clone, Copy, Default)]
struct AsIs;

impl Codec for AsIs {
    type Encode = Bytes;
    type Decode = Bytes;
    type Encoder = Self;
    type Decoder = Self;

    fn encoder(&mut self) -> Self {
        Self
    }

    fn decoder(&mut self) -> Self {
        Self
    }
}

impl Encoder for AsIs {
    type Item = Bytes;
    type Error = Status;

    fn encode(&mut self, item: Bytes, out: &mut EncodeBuf<'_>) -> Result<(), Status> {
        out.put(item);
        Ok(())
    }
}

impl Decoder for AsIs {
    type Item = Bytes;
    type Error = Status;

    fn decode(&mut self, from: &mut DecodeBuf<'_>) -> Result<Option<Bytes>, Status> {
        Ok(Some(from.copy_to_bytes(from.remaining())))
    }
}

/// A call that is on its way. Dropping it breaks it off.
pub(crate) struct Call {
    requests: Option<UnboundedSender<Bytes>>,
    /// Whether replies are read. What is not read fills the windows of HTTP/2.
    reads: watch::Sender<bool>,
    replies: UnboundedReceiver<Result<Bytes, Status>>,
    carrying: JoinHandle<()>,
}

impl Drop for Call {
    fn drop(&mut self) {
        self.carrying.abort();
    }
}

impl Call {
    /// Begins a call. Nothing is awaited: servers may keep even their headers back.
    pub(crate) fn open(channel: Channel, path: &str, headers: MetadataMap) -> Self {
        let (requests, outgoing) = unbounded_channel();
        let (tell, replies) = unbounded_channel();
        let (reads, mut may_read) = watch::channel(true);
        let path = path.parse().expect("methods are paths");
        let carrying = tokio::spawn(async move {
            let end = limit(&headers).map(|limit| Instant::now() + limit);
            let mut grpc = Grpc::new(channel).max_decoding_message_size(usize::MAX);
            let mut request = Request::new(UnboundedReceiverStream::new(outgoing));
            *request.metadata_mut() = headers;
            let begun = async {
                grpc.ready().await.map_err(|error| Status::from_error(Box::new(error)))?;
                grpc.streaming(request, path, AsIs).await
            };
            let mut stream = match begun.await {
                Ok(response) => response.into_inner(),
                Err(status) => return drop(tell.send(Err(overdue(status, end)))),
            };
            while may_read.wait_for(|reads| *reads).await.is_ok()
                && let Some(reply) = stream.message().await.transpose()
            {
                let ended = reply.is_err();
                if tell.send(reply.map_err(|status| overdue(status, end))).is_err() || ended {
                    return;
                }
            }
        });
        Self { requests: Some(requests), reads, replies, carrying }
    }

    pub(crate) fn send(&self, message: Bytes) {
        // A call that has ended takes no more; its end is read with the replies.
        let _ = self.requests.as_ref().map(|requests| requests.send(message));
    }

    /// Reads no more, or again.
    pub(crate) fn read(&self, reads: bool) {
        self.reads.send_replace(reads);
    }

    pub(crate) fn half_close(&mut self) {
        self.requests = None;
    }

    /// The next message; nothing when the call has ended well.
    pub(crate) async fn next(&mut self) -> Option<Result<Bytes, Status>> {
        self.replies.recv().await
    }
}

/// How long the call may take.
fn limit(headers: &MetadataMap) -> Option<Duration> {
    let limit = headers.get("grpc-timeout")?.to_str().ok()?;
    let (number, unit) = limit.split_at_checked(limit.len().checked_sub(1)?)?;
    let number = number.parse().ok()?;
    match unit {
        "u" => Some(Duration::from_micros(number)),
        "m" => Some(Duration::from_millis(number)),
        "S" => Some(Duration::from_secs(number)),
        _ => None,
    }
}

/// grpc-go of containerd 2.1 has a clock of its own for a call with a limit. If it runs out before
/// the handler and the caller have noticed, the stream is reset, and no status comes: grpc-go's own
/// client, too, takes this for what it is.
fn overdue(status: Status, end: Option<Instant>) -> Status {
    let reset = status.code() == Code::Cancelled && std::error::Error::source(&status).is_some();
    let over = end.is_some_and(|end| Instant::now() >= end);
    if over && reset { Status::from_error(Box::new(TimeoutExpired(()))) } else { status }
}
