//! Frames, cut out of a stream of bytes.

use super::Blind;

const HEADER_BYTES: usize = 9;

/// Frame types that the reader looks into.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    Data,
    Headers,
    ResetStream,
    Settings,
    PushPromise,
    Continuation,
    Other,
}

/// One whole frame.
#[derive(Debug)]
pub(super) struct Frame {
    pub(super) kind: Kind,
    pub(super) flags: u8,
    pub(super) stream: u32,
    pub(super) payload: Vec<u8>,
}

const END_STREAM: u8 = 0x1;
const END_HEADERS: u8 = 0x4;
const PADDED: u8 = 0x8;
const PRIORITY: u8 = 0x20;

impl Frame {
    /// Cuts the first whole frame off the buffer.
    pub(super) fn cut(buffer: &mut Vec<u8>) -> Option<Frame> {
        let header = buffer.get(..HEADER_BYTES)?;
        let length = u32::from_be_bytes([0, header[0], header[1], header[2]]) as usize;
        let kind = match header[3] {
            0 => Kind::Data,
            1 => Kind::Headers,
            3 => Kind::ResetStream,
            4 => Kind::Settings,
            5 => Kind::PushPromise,
            9 => Kind::Continuation,
            _ => Kind::Other,
        };
        let flags = header[4];
        let stream = u32::from_be_bytes([header[5] & 0x7f, header[6], header[7], header[8]]);
        let end = HEADER_BYTES + length;
        let payload = buffer.get(HEADER_BYTES..end)?.to_vec();
        buffer.drain(..end);
        Some(Frame { kind, flags, stream, payload })
    }

    pub(super) fn ends_stream(&self) -> bool {
        self.flags & END_STREAM != 0
    }

    pub(super) fn ends_headers(&self) -> bool {
        self.flags & END_HEADERS != 0
    }

    /// The payload without padding, priority and promised stream.
    pub(super) fn content(&self) -> Result<&[u8], Blind> {
        let broken = |what| Blind::Frame { stream: self.stream, what };
        let mut content = self.payload.as_slice();
        let may_pad = matches!(self.kind, Kind::Data | Kind::Headers | Kind::PushPromise);
        if may_pad && self.flags & PADDED != 0 {
            let (length, rest) = content.split_first().ok_or(broken("padding without a length"))?;
            let kept = rest.len().checked_sub(usize::from(*length));
            content = &rest[..kept.ok_or(broken("more padding than payload"))?];
        }
        let skipped = match self.kind {
            Kind::Headers if self.flags & PRIORITY != 0 => 5,
            Kind::PushPromise => 4,
            _ => 0,
        };
        content.get(skipped..).ok_or(broken("a payload shorter than its fields"))
    }

    /// The HEADER_TABLE_SIZE that a SETTINGS frame announces; one that acknowledges is empty.
    pub(super) fn header_table_size(&self) -> Option<usize> {
        const HEADER_TABLE_SIZE: u16 = 1;
        self.payload
            .chunks_exact(6)
            .filter(|setting| u16::from_be_bytes([setting[0], setting[1]]) == HEADER_TABLE_SIZE)
            .map(|setting| {
                u32::from_be_bytes([setting[2], setting[3], setting[4], setting[5]]) as usize
            })
            .next_back()
    }
}
