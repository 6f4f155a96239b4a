//! Text in HPACK's Huffman code (RFC 7541, appendix B). The code is canonical: codes of one length
//! count up in the order of their symbols, and go on from those of the length before.

/// Symbols by how many bits their codes have.
const CODES: [(u32, &[u8]); 10] = [
    (5, b"012aceiost"),
    (6, b" %-./3456789=A_bdfghlmnpru"),
    (7, b":BCDEFGHIJKLMNOPQRSTUVWYjkqvwxyz"),
    (8, b"&*,;XZ"),
    (10, b"!\"()?"),
    (11, b"'+|"),
    (12, b"#>"),
    (13, b"\0$@[]~"),
    (14, b"^}"),
    (15, b"<`{"),
];
/// How many symbols have longer codes. None of them can stand in an authority, so that it is all
/// one which it is.
const LONG: [(u32, u32); 11] = [
    (19, 3),
    (20, 8),
    (21, 13),
    (22, 26),
    (23, 29),
    (24, 12),
    (25, 4),
    (26, 15),
    (27, 19),
    (28, 29),
    (30, 3),
];
const ANY_LONG: u8 = b'\\';

/// Reads a text; every symbol with a long code is given as `\`. `None`: it is malformed.
pub(super) fn decode(bytes: &[u8]) -> Option<Vec<u8>> {
    let mut text = Vec::new();
    let (mut code, mut bits) = (0, 0);
    for at in 0..bytes.len() * 8 {
        code = code << 1 | u32::from(bytes[at / 8] >> (7 - at % 8) & 1);
        bits += 1;
        if let Some(symbol) = symbol(code, bits) {
            text.push(symbol);
            (code, bits) = (0, 0);
        } else if bits == 30 {
            return None;
        }
    }
    // What is left over is the beginning of a code of ones, and less than a byte.
    (bits < 8 && code == (1 << bits) - 1).then_some(text)
}

fn symbol(code: u32, bits: u32) -> Option<u8> {
    let short = CODES.iter().map(|(length, symbols)| (*length, symbols.len() as u32, *symbols));
    let long = LONG.iter().map(|(length, number)| (*length, *number, &[][..]));
    let (mut first, mut before) = (0, 0);
    for (length, number, symbols) in short.chain(long) {
        first <<= length - before;
        if length == bits {
            let index = code.checked_sub(first).filter(|index| *index < number)?;
            return Some(symbols.get(index as usize).copied().unwrap_or(ANY_LONG));
        }
        first += number;
        before = length;
    }
    None
}

/// Writes a text of so many symbols over the whole of this, all of which can stand in an authority.
/// Which text it is nobody cares; that its code has as many bytes keeps everything around it in its
/// place. An encoder uses the code where it is shorter than the text; otherwise it is left alone.
pub(super) fn fill(bytes: &mut [u8], symbols: usize) -> bool {
    /// `0`, `-`, `B` and `X`, the first of 5, 6, 7 and 8 bits that can.
    const FILL: [(u32, u32); 4] = [(0x00, 5), (0x16, 6), (0x5d, 7), (0xfc, 8)];
    let all = bytes.len() * 8;
    if symbols < bytes.len() || symbols * 5 > all {
        return false;
    }
    bytes.fill(0);
    let (mut at, mut spare) = (0, all - symbols * 5);
    for _ in 0..symbols {
        let (code, bits) = FILL[spare.min(3)];
        spare -= spare.min(3);
        for bit in (0..bits).rev() {
            bytes[at / 8] |= u8::try_from(code >> bit & 1).expect("it is a bit") << (7 - at % 8);
            at += 1;
        }
    }
    true
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;
    use loona_hpack::Decoder;
    use proptest::prelude::*;

    /// Writes a text. A symbol with a long code becomes one of 20 bits, whichever it is.
    pub(in crate::authority) fn encode(text: &[u8]) -> Vec<u8> {
        const ANY_OF_20: (u32, u32) = (0xf_ffe6, 20);
        let mut bits: Vec<bool> = Vec::new();
        for symbol in text {
            let (code, length) = code(*symbol).unwrap_or(ANY_OF_20);
            bits.extend((0..length).rev().map(|bit| code >> bit & 1 == 1));
        }
        let whole = bits.len().next_multiple_of(8);
        bits.resize(whole, true);
        let byte = |bits: &[bool]| bits.iter().fold(0, |byte, bit| byte << 1 | u8::from(*bit));
        bits.chunks(8).map(byte).collect()
    }

    fn code(symbol: u8) -> Option<(u32, u32)> {
        let (mut first, mut before) = (0, 0);
        for (length, symbols) in CODES {
            first <<= length - before;
            if let Some(index) = symbols.iter().position(|other| *other == symbol) {
                return Some((first + u32::try_from(index).ok()?, length));
            }
            first += u32::try_from(symbols.len()).ok()?;
            before = length;
        }
        None
    }

    /// What the decoder that the tap uses makes of it: another's reading of the same table.
    fn decoded_elsewhere(bytes: &[u8]) -> Option<Vec<u8>> {
        let length = u8::try_from(bytes.len()).expect("it is short");
        let block = [&[0x01, 0x80 | length], bytes].concat();
        let fields = Decoder::new().decode(&block).ok()?;
        Some(fields.into_iter().next()?.1)
    }

    #[test]
    fn all_symbols_have_codes() {
        let short: usize = CODES.iter().map(|(_, symbols)| symbols.len()).sum();
        let long: u32 = LONG.iter().map(|(_, number)| number).sum();
        assert_eq!(short + long as usize, 256);
    }

    #[test]
    fn every_symbol_is_read_as_it_was_written() {
        for symbol in 0..=u8::MAX {
            let coded = encode(&[symbol]);
            let read = decode(&coded).expect("it is whole");
            assert_eq!(read, [if code(symbol).is_some() { symbol } else { ANY_LONG }]);
            let other = decoded_elsewhere(&coded).expect("it is whole");
            assert!(code(symbol).is_none() || other == read, "{symbol}");
        }
    }

    #[test]
    fn the_example_of_the_rfc_is_read() {
        let coded = [0xf1, 0xe3, 0xc2, 0xe5, 0xf2, 0x3a, 0x6b, 0xa0, 0xab, 0x90, 0xf4, 0xff];
        assert_eq!(decode(&coded).as_deref(), Some(&b"www.example.com"[..]));
    }

    proptest! {
        #[test]
        fn texts_are_read_as_others_read_them(bytes in prop::collection::vec(any::<u8>(), 0..100)) {
            let Some(text) = decode(&bytes) else { return Ok(()) };
            // Its own rule about what may be left over is laxer, never stricter.
            let other = decoded_elsewhere(&bytes).expect("it reads what we read");
            prop_assert_eq!(text.len(), other.len());
            for (ours, theirs) in text.iter().zip(&other) {
                prop_assert!(ours == theirs || *ours == ANY_LONG);
            }
        }

        #[test]
        fn what_is_filled_has_as_many_symbols(length in 1..100_usize, symbols in 0..200_usize) {
            let mut bytes = vec![0xaa; length];
            if fill(&mut bytes, symbols) {
                prop_assert_eq!(decode(&bytes).map(|text| text.len()), Some(symbols));
            } else {
                prop_assert!(symbols < length || symbols * 5 > length * 8);
                prop_assert_eq!(bytes, vec![0xaa; length]);
            }
        }
    }
}
