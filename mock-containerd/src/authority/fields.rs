//! The authority in a header block. Only where its representations begin and end has to be known,
//! so the dynamic table is left to the library below.

use std::ops::Range;

use http::uri::Authority;

use super::huffman;

/// RFC 7541, appendix A.
const AUTHORITY_INDEX: usize = 1;
const AUTHORITY: &[u8] = b":authority";
/// What a byte becomes that cannot stand in an authority.
const MENDED: u8 = b'-';

/// Mends the authority of a whole header block in its place, and says whether there was need to.
/// An authority of no bytes, and what no encoder writes (text that Huffman's code makes longer, the
/// name out of the dynamic table), is left as it is.
pub(super) fn mend(block: &mut [u8]) -> bool {
    let Some(Text { at, huffman }) = authority(block) else { return false };
    let value = &mut block[at];
    if !huffman {
        let bad = !value.is_empty() && !acceptable(value);
        if bad {
            mend_plain(value);
        }
        return bad;
    }
    let Some(text) = huffman::decode(value) else { return false };
    !text.is_empty() && !acceptable(&text) && huffman::fill(value, text.len())
}

fn acceptable(value: &[u8]) -> bool {
    Authority::try_from(value).is_ok()
}

fn mend_plain(value: &mut [u8]) {
    for byte in value {
        if !(byte.is_ascii_alphanumeric() || b".-_~".contains(byte)) {
            *byte = MENDED;
        }
    }
}

/// Where a text stands in a block, without its length.
struct Text {
    at: Range<usize>,
    huffman: bool,
}

/// The first literal value of `:authority`. `None`: there is none, or the block is malformed.
fn authority(block: &[u8]) -> Option<Text> {
    let mut fields = Fields { block, at: 0 };
    loop {
        let index_bits = match *block.get(fields.at)? {
            0x80.. => 7,
            0x40.. => 6,
            0x20.. => 5,
            _ => 4,
        };
        let index = fields.integer(index_bits)?;
        if matches!(index_bits, 7 | 5) {
            // A field out of the table, or the table's size.
            continue;
        }
        let named = if index == 0 {
            let name = fields.text()?;
            let bytes = &block[name.at.clone()];
            if name.huffman { huffman::decode(bytes)? == AUTHORITY } else { bytes == AUTHORITY }
        } else {
            index == AUTHORITY_INDEX
        };
        let value = fields.text()?;
        if named {
            return Some(value);
        }
    }
}

/// Reads a header block by the rules of RFC 7541, section 5.
struct Fields<'b> {
    block: &'b [u8],
    at: usize,
}

impl Fields<'_> {
    fn byte(&mut self) -> Option<u8> {
        let byte = *self.block.get(self.at)?;
        self.at += 1;
        Some(byte)
    }

    fn integer(&mut self, prefix_bits: u32) -> Option<usize> {
        let most = (1 << prefix_bits) - 1;
        let prefix = usize::from(self.byte()?) & most;
        if prefix < most {
            return Some(prefix);
        }
        let mut value = most;
        // The library below takes no longer ones either.
        for shift in [0, 7, 14, 21] {
            let byte = self.byte()?;
            value += usize::from(byte & 0x7f) << shift;
            if byte & 0x80 == 0 {
                return Some(value);
            }
        }
        None
    }

    fn text(&mut self) -> Option<Text> {
        let huffman = self.block.get(self.at)? & 0x80 != 0;
        let length = self.integer(7)?;
        let at = self.at..self.at.checked_add(length)?;
        self.block.get(at.clone())?;
        self.at = at.end;
        Some(Text { at, huffman })
    }
}
