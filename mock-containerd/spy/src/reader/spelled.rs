//! Header blocks with their Huffman-coded strings spelled out. loona-hpack makes its table anew for each
//! such string, and that is most of what reading a call costs; here one table serves a connection.

use loona_hpack::huffman::HuffmanDecoder;

/// Says the same in plain strings. What cannot be followed is left as it is: the decoder, which comes next,
/// finds the fault and names it.
pub(super) fn spelled(block: &[u8], huffman: &mut HuffmanDecoder) -> Vec<u8> {
    let mut plain = Vec::with_capacity(2 * block.len());
    let mut rest = block;
    while let Some(after) = field(rest, huffman, &mut plain) {
        rest = after;
    }
    plain.extend_from_slice(rest);
    plain
}

/// One representation of RFC 7541, section 6. Returns what stands behind it, if it is whole; otherwise
/// nothing is written.
fn field<'b>(
    bytes: &'b [u8],
    huffman: &mut HuffmanDecoder,
    plain: &mut Vec<u8>,
) -> Option<&'b [u8]> {
    let first = *bytes.first()?;
    let (prefix_bits, is_literal) = match first {
        0x80.. => (7, false),
        0x40.. => (6, true),
        0x20.. => (5, false),
        _ => (4, true),
    };
    let begun = plain.len();
    let (index, mut rest) = integer(bytes, prefix_bits)?;
    plain.extend_from_slice(&bytes[..bytes.len() - rest.len()]);
    let strings = match (is_literal, index) {
        (false, _) => 0,
        (true, 0) => 2,
        (true, _) => 1,
    };
    for _ in 0..strings {
        match string(rest, huffman, plain) {
            Some(after) => rest = after,
            None => {
                plain.truncate(begun);
                return None;
            }
        }
    }
    Some(rest)
}

fn string<'b>(
    bytes: &'b [u8],
    huffman: &mut HuffmanDecoder,
    plain: &mut Vec<u8>,
) -> Option<&'b [u8]> {
    let is_coded = *bytes.first()? & 0x80 != 0;
    let (length, content) = integer(bytes, 7)?;
    let (content, rest) = content.split_at_checked(length)?;
    if !is_coded {
        plain.extend_from_slice(&bytes[..bytes.len() - rest.len()]);
        return Some(rest);
    }
    let text = huffman.decode(content).ok()?;
    write_length(text.len(), plain);
    plain.extend(text);
    Some(rest)
}

/// Section 5.1. Longer ones than anybody sends are not followed.
fn integer(bytes: &[u8], prefix_bits: u32) -> Option<(usize, &[u8])> {
    let most = (1 << prefix_bits) - 1;
    let (first, mut rest) = bytes.split_first()?;
    let mut value = usize::from(*first) & most;
    if value < most {
        return Some((value, rest));
    }
    for shift in [0, 7, 14, 21] {
        let (next, after) = rest.split_first()?;
        rest = after;
        value += usize::from(next & 0x7f) << shift;
        if next & 0x80 == 0 {
            return Some((value, rest));
        }
    }
    None
}

/// Of a string that is not coded.
fn write_length(length: usize, plain: &mut Vec<u8>) {
    const MOST: usize = 0x7f;
    if length < MOST {
        return plain.push(length as u8);
    }
    plain.push(MOST as u8);
    let mut left = length - MOST;
    while left > 0x7f {
        plain.push(0x80 | (left & 0x7f) as u8);
        left >>= 7;
    }
    plain.push(left as u8);
}

#[cfg(test)]
mod tests {
    use super::*;
    use loona_hpack::Decoder;
    use proptest::prelude::*;

    type Fields = Vec<(Vec<u8>, Vec<u8>)>;

    /// What a decoder makes of blocks, one after the other, up to its first error.
    fn decoded(blocks: &[Vec<u8>]) -> Vec<Result<Fields, String>> {
        let mut decoder = Decoder::new();
        decoder.set_max_allowed_table_size(4096);
        let mut all = Vec::new();
        for block in blocks {
            let fields = decoder.decode(block).map_err(|error| format!("{error:?}"));
            let fields = fields.map(|fields| {
                fields.into_iter().map(|(name, value)| (name.to_vec(), value.to_vec())).collect()
            });
            let failed = fields.is_err();
            all.push(fields);
            if failed {
                break;
            }
        }
        all
    }

    fn all_spelled(blocks: &[Vec<u8>]) -> Vec<Vec<u8>> {
        let mut huffman = HuffmanDecoder::new();
        blocks.iter().map(|block| spelled(block, &mut huffman)).collect()
    }

    /// RFC 7541, C.4: three requests of one connection, their strings coded.
    #[test]
    fn the_requests_of_the_rfc_are_read_as_they_stand_there() {
        let blocks: Vec<Vec<u8>> = [
            "828684418cf1e3c2e5f23a6ba0ab90f4ff",
            "828684be5886a8eb10649cbf",
            "828785bf408825a849e95ba97d7f8925a849e95bb8e8b4bf",
        ]
        .iter()
        .map(|hex| {
            let digit = |at| u8::from_str_radix(&hex[at..at + 2], 16).unwrap();
            (0..hex.len()).step_by(2).map(digit).collect()
        })
        .collect();
        let plain = all_spelled(&blocks);
        assert_eq!(decoded(&plain), decoded(&blocks));
        assert!(plain[0].ends_with(b"www.example.com") && plain[2].ends_with(b"custom-value"));
    }

    /// So many times the letter a, which Huffman codes with the bits 00011.
    fn coded(letters: usize) -> Vec<u8> {
        let bits = [0, 0, 0, 1, 1].into_iter().cycle().take(5 * letters);
        let bits: Vec<u8> = bits.chain([1; 7]).collect();
        bits.chunks_exact(8)
            .map(|eight| eight.iter().fold(0, |byte, bit| byte << 1 | bit))
            .collect()
    }

    #[test]
    fn a_string_of_any_length_is_spelled_out_and_its_length_as_short_as_can_be() {
        let lengths = [(1, 1), (126, 1), (127, 2), (254, 2), (255, 3), (16_510, 3), (16_511, 4)];
        for (letters, length_bytes) in lengths {
            let value = coded(letters);
            let mut length = Vec::new();
            write_length(value.len(), &mut length);
            length[0] |= 0x80;
            let block = [&[0, 1, b'n'], &length[..], &value].concat();
            let plain = spelled(&block, &mut HuffmanDecoder::new());
            assert_eq!(plain.len(), 3 + length_bytes + letters);
            let text = vec![b'a'; letters];
            assert_eq!(decoded(&[plain]), [Ok(vec![(b"n".to_vec(), text.clone())])]);
            assert_eq!(decoded(&[block]), [Ok(vec![(b"n".to_vec(), text)])]);
        }
    }

    proptest! {
        #[test]
        fn whatever_the_bytes_the_decoder_says_the_same_of_both(
            blocks in proptest::collection::vec(representations(), 1..4),
        ) {
            prop_assert_eq!(decoded(&all_spelled(&blocks)), decoded(&blocks));
        }
    }

    /// Mostly what a decoder can read, and anything else.
    fn representations() -> impl Strategy<Value = Vec<u8>> {
        let words = prop_oneof![
            Just(vec![
                0x8c, 0xf1, 0xe3, 0xc2, 0xe5, 0xf2, 0x3a, 0x6b, 0xa0, 0xab, 0x90, 0xf4, 0xff
            ]),
            Just(vec![0x83, 0x94, 0xe7, 0x07]),
            Just(vec![0x03, b'f', b'o', b'o']),
            (127..400_usize).prop_map(|length| {
                let mut bytes = Vec::new();
                write_length(length, &mut bytes);
                bytes.extend(std::iter::repeat_n(b'x', length));
                bytes
            }),
        ];
        let named = (prop_oneof![Just(0x00), Just(0x10), Just(0x40)], words.clone(), words.clone())
            .prop_map(|(first, name, value)| [vec![first], name, value].concat());
        let indexed_name = (prop_oneof![Just(0x04), Just(0x14), Just(0x44)], words)
            .prop_map(|(first, value)| [vec![first], value].concat());
        let field = prop_oneof![
            4 => named,
            4 => indexed_name,
            4 => (0x82..0xc0_u8).prop_map(|index| vec![index]),
            1 => (0x20..0x40_u8).prop_map(|size| vec![size]),
            1 => proptest::collection::vec(any::<u8>(), 0..20),
        ];
        proptest::collection::vec(field, 0..6).prop_map(|fields| fields.concat())
    }
}
