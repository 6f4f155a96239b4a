//! Messages as bytes.

use std::marker::PhantomData;

use prost::Message;
use tonic::Status;
use tonic::codec::{BufferSettings, Codec, EncodeBuf, Encoder};
use tonic_prost::{ProstCodec, ProstDecoder};

/// What a call's buffers begin with, each; they grow with what comes. tonic's own begin with 8 KiB,
/// and most messages here are far smaller.
const BUFFER_BYTES: usize = 256;
/// As tonic's own: what is sent as a stream goes out in pieces of this size.
const PIECE_BYTES: usize = 32 << 10;

fn buffers() -> BufferSettings {
    BufferSettings::new(BUFFER_BYTES, PIECE_BYTES)
}

/// Protobuf by prost, in buffers of the size of what is in them.
#[derive(Debug)]
pub(super) struct Fitting<M, R>(PhantomData<(M, R)>);

impl<M, R> Default for Fitting<M, R> {
    fn default() -> Self {
        Self(PhantomData)
    }
}

impl<M, R> Codec for Fitting<M, R>
where
    M: Message + 'static,
    R: Message + Default + 'static,
{
    type Encode = M;
    type Decode = R;
    type Encoder = Self;
    type Decoder = ProstDecoder<R>;

    fn encoder(&mut self) -> Self::Encoder {
        Self::default()
    }

    fn decoder(&mut self) -> Self::Decoder {
        ProstCodec::<M, R>::raw_decoder(buffers())
    }
}

impl<M: Message, R> Encoder for Fitting<M, R> {
    type Item = M;
    type Error = Status;

    fn encode(&mut self, message: M, buffer: &mut EncodeBuf<'_>) -> Result<(), Status> {
        // At once: a megabyte of content would grow through all sizes below.
        buffer.reserve(message.encoded_len());
        message.encode(buffer).map_err(|error| Status::internal(error.to_string()))
    }

    fn buffer_settings(&self) -> BufferSettings {
        buffers()
    }
}
