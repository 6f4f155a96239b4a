//! Follows the frames that a client sends, as far as its header blocks must be found. Whatever is
//! not as HTTP/2 has it ends the following: the library below says what is to be said of it.

use std::ops::Range;

use super::fields::mend;

const PREFACE: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";
const FRAME_HEADER_BYTES: usize = 9;
/// A block with its frames around it. The library below takes lists of 16 KiB.
const BLOCK_BYTES_MAX: usize = 32 << 10;

const HEADERS: u8 = 1;
const CONTINUATION: u8 = 9;
const END_HEADERS: u8 = 0x4;
const PADDED: u8 = 0x8;
const PRIORITY: u8 = 0x20;

/// Where in its connection a client is.
#[derive(Debug, Default)]
pub(super) struct Frames {
    greeted: bool,
    /// So many bytes of a frame that is no header block are still to come.
    passing: usize,
    mended: bool,
    passes_all: bool,
}

/// What of a header block has come.
enum Block {
    Whole { fragments: Vec<Range<usize>>, end: usize },
    Part,
    Broken,
}

impl Frames {
    /// Nothing is looked at any more.
    pub(super) fn passes_all(&self) -> bool {
        self.passes_all
    }

    pub(super) fn pass_all(&mut self) {
        self.passes_all = true;
    }

    /// Mends what begins here, and says how much of it may go on. The rest must be shown again with
    /// more behind it.
    pub(super) fn follow(&mut self, bytes: &mut [u8]) -> usize {
        let mut at = 0;
        while !self.passes_all && at < bytes.len() {
            let Some(some) = self.step(&mut bytes[at..]) else { return at };
            at += some;
        }
        bytes.len()
    }

    /// `None`: more has to come.
    fn step(&mut self, bytes: &mut [u8]) -> Option<usize> {
        if !self.greeted {
            return self.greet(bytes);
        }
        if self.passing > 0 {
            let some = self.passing.min(bytes.len());
            self.passing -= some;
            return Some(some);
        }
        let frame = Frame::read(bytes)?;
        if frame.kind != HEADERS {
            self.passing = FRAME_HEADER_BYTES + frame.length;
            return Some(0);
        }
        match block(bytes) {
            Block::Part => None,
            Block::Broken => {
                self.passes_all = true;
                Some(0)
            }
            Block::Whole { fragments, end } => {
                self.mend(bytes, &fragments);
                Some(end)
            }
        }
    }

    fn greet(&mut self, bytes: &[u8]) -> Option<usize> {
        let seen = bytes.len().min(PREFACE.len());
        if bytes[..seen] != PREFACE[..seen] {
            self.passes_all = true;
            return Some(0);
        }
        self.greeted = seen == PREFACE.len();
        self.greeted.then_some(seen)
    }

    fn mend(&mut self, bytes: &mut [u8], fragments: &[Range<usize>]) {
        let mut fields: Vec<u8> =
            fragments.iter().flat_map(|at| &bytes[at.clone()]).copied().collect();
        if mend(&mut fields) {
            self.mended = true;
            let mut rest = fields.as_slice();
            for at in fragments {
                let (fragment, behind) = rest.split_at(at.len());
                bytes[at.clone()].copy_from_slice(fragment);
                rest = behind;
            }
        }
        // A client's authority is its channel's, the same in every call, so one look is enough and
        // ordinary connections pay for no more. One that was mended may be spelled out again, when
        // the encoder has dropped it from its table.
        self.passes_all = !self.mended;
    }
}

struct Frame {
    length: usize,
    kind: u8,
    flags: u8,
    stream: [u8; 4],
}

impl Frame {
    fn read(bytes: &[u8]) -> Option<Self> {
        let header: &[u8; FRAME_HEADER_BYTES] = bytes.first_chunk()?;
        let &[high, middle, low, kind, flags, ..] = header;
        let length = u32::from_be_bytes([0, high, middle, low]) as usize;
        let stream = [header[5] & 0x7f, header[6], header[7], header[8]];
        Some(Self { length, kind, flags, stream })
    }
}

/// The block that begins with the frame here.
fn block(bytes: &[u8]) -> Block {
    let mut fragments = Vec::new();
    let (mut end, mut stream) = (0, None);
    loop {
        let Some(frame) = Frame::read(&bytes[end..]) else { return Block::Part };
        let continues = frame.kind == CONTINUATION && stream == Some(frame.stream);
        let start = end + FRAME_HEADER_BYTES;
        end = start + frame.length;
        if end > BLOCK_BYTES_MAX || stream.is_some() && !continues {
            return Block::Broken;
        }
        let Some(payload) = bytes.get(start..end) else { return Block::Part };
        let Some(inner) = fragment(&frame, payload) else { return Block::Broken };
        fragments.push(start + inner.start..start + inner.end);
        if frame.flags & END_HEADERS != 0 {
            return Block::Whole { fragments, end };
        }
        stream = Some(frame.stream);
    }
}

/// The part of a payload that is neither padding nor priority.
fn fragment(frame: &Frame, payload: &[u8]) -> Option<Range<usize>> {
    let has = |flag| frame.kind == HEADERS && frame.flags & flag != 0;
    let (length, padding) = match payload.first() {
        Some(padding) if has(PADDED) => (1, usize::from(*padding)),
        None if has(PADDED) => return None,
        _ => (0, 0),
    };
    let start = length + if has(PRIORITY) { 5 } else { 0 };
    let end = payload.len().checked_sub(padding)?;
    (start <= end).then_some(start..end)
}
