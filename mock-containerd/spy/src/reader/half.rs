//! One direction of a connection: frames in, header blocks out.

use loona_hpack::Decoder;
use loona_hpack::huffman::HuffmanDecoder;

use super::Blind;
use super::frame::{Frame, Kind};
use super::spelled::spelled;

/// A header block longer than this is not followed.
const HEADER_BLOCK_BYTES_MAX: usize = 1 << 20;

/// What the reader makes of a direction's frames.
#[derive(Debug)]
pub(super) enum Heard {
    Headers { stream: u32, fields: Vec<(Vec<u8>, Vec<u8>)>, ends_stream: bool },
    Data { stream: u32, payload: Vec<u8>, ends_stream: bool },
    Reset { stream: u32 },
    HeaderTableSize(usize),
}

/// A header block that waits for its CONTINUATION.
struct Block {
    stream: u32,
    promised: bool,
    ends_stream: bool,
    bytes: Vec<u8>,
}

pub(super) struct Half {
    buffer: Vec<u8>,
    decoder: Decoder<'static>,
    huffman: HuffmanDecoder,
    allowed_table_bytes: usize,
    block: Option<Block>,
}

impl Half {
    pub(super) fn new() -> Self {
        let mut decoder = Decoder::new();
        // RFC 9113: 4096 until a SETTINGS frame says otherwise.
        decoder.set_max_allowed_table_size(4096);
        let huffman = HuffmanDecoder::new();
        Self { buffer: Vec::new(), decoder, huffman, allowed_table_bytes: 4096, block: None }
    }

    pub(super) fn push(&mut self, bytes: &[u8]) {
        self.buffer.extend_from_slice(bytes);
    }

    /// Takes a prefix of exactly this text off, once enough has come.
    pub(super) fn take_prefix(&mut self, text: &[u8]) -> Result<bool, Blind> {
        let seen = self.buffer.len().min(text.len());
        if self.buffer[..seen] != text[..seen] {
            return Err(Blind::NotHttp2);
        }
        if seen == text.len() {
            self.buffer.drain(..seen);
        }
        Ok(seen == text.len())
    }

    /// The other side lets this direction's encoder use so much. We only ever widen what we allow:
    /// when the encoder shrinks its table it says so in the block, and the decoder follows.
    pub(super) fn allow_table(&mut self, bytes: usize) {
        self.allowed_table_bytes = self.allowed_table_bytes.max(bytes);
        self.decoder.set_max_allowed_table_size(self.allowed_table_bytes);
    }

    /// The next thing of note, if a whole frame of it is there.
    pub(super) fn next(&mut self) -> Result<Option<Heard>, Blind> {
        while let Some(frame) = Frame::cut(&mut self.buffer) {
            let continued = frame.kind == Kind::Continuation;
            if self.block.is_some() != continued {
                let what = "CONTINUATION and only CONTINUATION follows an open header block";
                return Err(Blind::Frame { stream: frame.stream, what });
            }
            if let Some(heard) = self.hear(&frame)? {
                return Ok(Some(heard));
            }
        }
        Ok(None)
    }

    fn hear(&mut self, frame: &Frame) -> Result<Option<Heard>, Blind> {
        let stream = frame.stream;
        match frame.kind {
            Kind::Data => {
                let payload = frame.content()?.to_vec();
                Ok(Some(Heard::Data { stream, payload, ends_stream: frame.ends_stream() }))
            }
            Kind::Headers | Kind::PushPromise => {
                self.block = Some(Block {
                    stream,
                    promised: frame.kind == Kind::PushPromise,
                    ends_stream: frame.ends_stream(),
                    bytes: frame.content()?.to_vec(),
                });
                self.end_block(frame)
            }
            Kind::Continuation => {
                let block = self.block.as_mut().expect("next() refuses a stray CONTINUATION");
                if block.stream != stream {
                    let what = "CONTINUATION on another stream than its HEADERS";
                    return Err(Blind::Frame { stream, what });
                }
                block.bytes.extend_from_slice(&frame.payload);
                if block.bytes.len() > HEADER_BLOCK_BYTES_MAX {
                    return Err(Blind::Frame { stream, what: "a header block beyond 1 MiB" });
                }
                self.end_block(frame)
            }
            Kind::ResetStream => Ok(Some(Heard::Reset { stream })),
            Kind::Settings => Ok(frame.header_table_size().map(Heard::HeaderTableSize)),
            Kind::Other => Ok(None),
        }
    }

    fn end_block(&mut self, frame: &Frame) -> Result<Option<Heard>, Blind> {
        if !frame.ends_headers() {
            return Ok(None);
        }
        let block = self.block.take().expect("a block was begun or continued just now");
        // Decoded even when nobody wants it: the dynamic table depends on every block.
        let fields = self
            .decoder
            .decode(&spelled(&block.bytes, &mut self.huffman))
            .map_err(|cause| Blind::Hpack { stream: block.stream, cause: format!("{cause:?}") })?;
        let fields =
            fields.into_iter().map(|(name, value)| (name.to_vec(), value.to_vec())).collect();
        let Block { stream, promised, ends_stream, .. } = block;
        Ok((!promised).then_some(Heard::Headers { stream, fields, ends_stream }))
    }
}
