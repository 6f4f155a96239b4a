//! The socket beside the gRPC one: ttrpc, a small protocol of frames, with the one service that
//! shims dial there. What is asked for here is nobody's RPC, and is not counted.

use containerd_client::google::rpc::Status;
use containerd_client::services::v1::ForwardRequest;
use prost::Message;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tonic::Code;

use crate::services::Events;
use crate::state::Failure;

const SERVICE: &str = "containerd.services.events.ttrpc.v1.Events";
const METHOD: &str = "Forward";
/// Frames that are longer are not taken.
const FRAME_BYTES_MAX: usize = 4 << 20;
const REQUEST: u8 = 1;
const RESPONSE: u8 = 2;

/// What a client asks for.
#[derive(Clone, PartialEq, Message)]
struct Call {
    #[prost(string, tag = "1")]
    service: String,
    #[prost(string, tag = "2")]
    method: String,
    #[prost(bytes = "vec", tag = "3")]
    payload: Vec<u8>,
}

/// What it is answered.
#[derive(Clone, PartialEq, Message)]
struct Reply {
    #[prost(message, optional, tag = "1")]
    status: Option<Status>,
    #[prost(bytes = "vec", tag = "2")]
    payload: Vec<u8>,
}

/// What stands before each message: length, stream, kind, and flags that nobody sets here.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Header {
    length: u32,
    stream: u32,
    kind: u8,
}

impl Header {
    const BYTES: usize = 10;

    fn decode(bytes: [u8; Self::BYTES]) -> Self {
        let [a, b, c, d, e, f, g, h, kind, _] = bytes;
        let (length, stream) = (u32::from_be_bytes([a, b, c, d]), u32::from_be_bytes([e, f, g, h]));
        Self { length, stream, kind }
    }

    fn encode(self) -> [u8; Self::BYTES] {
        let mut bytes = [0; Self::BYTES];
        bytes[..4].copy_from_slice(&self.length.to_be_bytes());
        bytes[4..8].copy_from_slice(&self.stream.to_be_bytes());
        bytes[8] = self.kind;
        bytes
    }
}

/// Serves until the connection ends, or sends what is no frame.
pub(crate) async fn serve<IO>(mut io: IO, events: Events)
where
    IO: AsyncRead + AsyncWrite + Unpin,
{
    // How a connection ends is not the server's concern.
    while let Ok(header) = next(&mut io).await {
        let length = header.length as usize;
        if length > FRAME_BYTES_MAX {
            return;
        }
        let mut body = vec![0; length];
        if io.read_exact(&mut body).await.is_err() {
            return;
        }
        if header.kind != REQUEST {
            continue;
        }
        let reply = match answer(&events, header.stream, &body) {
            Ok(()) => Reply::default(),
            Err(Failure { code, message }) => {
                let status = Status { code: code.into(), message, details: Vec::new() };
                Reply { status: Some(status), payload: Vec::new() }
            }
        };
        let body = reply.encode_to_vec();
        let length = u32::try_from(body.len()).expect("a reply is short");
        let header = Header { length, stream: header.stream, kind: RESPONSE };
        let frame = [header.encode().as_slice(), &body].concat();
        if io.write_all(&frame).await.is_err() {
            return;
        }
    }
}

async fn next<IO: AsyncRead + Unpin>(io: &mut IO) -> std::io::Result<Header> {
    let mut bytes = [0; Header::BYTES];
    io.read_exact(&mut bytes).await?;
    Ok(Header::decode(bytes))
}

fn answer(events: &Events, stream: u32, body: &[u8]) -> Result<(), Failure> {
    let invalid = |what: String| Failure::plain(Code::InvalidArgument, what);
    if stream.is_multiple_of(2) {
        let what = "StreamID must be odd for client initiated streams";
        return Err(invalid(what.to_owned()));
    }
    let call =
        Call::decode(body).map_err(|error| invalid(format!("unmarshal request error: {error}")))?;
    if call.service != SERVICE {
        return Err(Failure::plain(Code::Unimplemented, format!("service {}", call.service)));
    }
    if call.method != METHOD {
        return Err(Failure::plain(Code::Unimplemented, format!("method {}", call.method)));
    }
    let profile = events.0.profile();
    let request: ForwardRequest = crate::reread::decode(profile, &call.payload)
        .map_err(|cause| invalid(format!("unmarshal request error: {cause}")))?;
    events.accept(request)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn a_header_is_read_as_it_was_written(length: u32, stream: u32, kind: u8) {
            let header = Header { length, stream, kind };
            prop_assert_eq!(Header::decode(header.encode()), header);
        }
    }
}
