//! The layer before the library that it stands before.

use std::pin::Pin;

use bytes::Bytes;
use loona_hpack::Decoder;
use proptest::prelude::*;
use tokio::io::{AsyncReadExt, AsyncWriteExt};

use super::AnyAuthority;
use super::huffman::tests::encode as coded;

const PREFACE: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";
/// No settings; a WINDOW_UPDATE, whose payload looks like a frame's beginning.
const BEFORE: &[u8] = b"\0\0\0\x04\0\0\0\0\0\0\0\x04\x08\0\0\0\0\0\0\0\0\x01";
const END_STREAM: u8 = 0x1;
const END_HEADERS: u8 = 0x4;
const PADDED: u8 = 0x8;
const PRIORITY: u8 = 0x20;

/// Sends bytes through the layer, cut into chunks of these sizes in turn.
fn through(bytes: &[u8], chunks: &[usize], buffer: usize) -> Vec<u8> {
    let mut script = scripted(bytes, chunks);
    let mut out = Vec::new();
    let mut buffer = vec![0; buffer];
    futures_util::FutureExt::now_or_never(async {
        loop {
            match script.read(&mut buffer).await.expect("the script has no errors") {
                0 => return,
                some => out.extend_from_slice(&buffer[..some]),
            }
        }
    })
    .expect("the script never waits");
    out
}

/// Bytes that come in these chunks.
struct Chunks {
    chunks: std::collections::VecDeque<Vec<u8>>,
}

fn scripted(bytes: &[u8], sizes: &[usize]) -> AnyAuthority<Chunks> {
    let mut chunks = std::collections::VecDeque::new();
    let mut rest = bytes;
    for size in sizes.iter().copied().cycle() {
        if rest.is_empty() {
            break;
        }
        let (chunk, behind) = rest.split_at(size.min(rest.len()));
        chunks.push_back(chunk.to_vec());
        rest = behind;
    }
    AnyAuthority::new(Chunks { chunks })
}

impl tokio::io::AsyncRead for Chunks {
    fn poll_read(
        mut self: Pin<&mut Self>,
        _: &mut std::task::Context<'_>,
        buffer: &mut tokio::io::ReadBuf<'_>,
    ) -> std::task::Poll<std::io::Result<()>> {
        if let Some(chunk) = self.chunks.front_mut() {
            let some = chunk.len().min(buffer.remaining());
            buffer.put_slice(&chunk[..some]);
            chunk.drain(..some);
            if chunk.is_empty() {
                self.chunks.pop_front();
            }
        }
        std::task::Poll::Ready(Ok(()))
    }
}

/// How an encoder may spell a request.
#[derive(Clone, Debug)]
struct Spelling {
    authority: Vec<u8>,
    huffman: bool,
    /// Of the literal: added to the table, not, or never.
    indexing: u8,
    name_spelled_out: bool,
    /// Where in the request the authority stands, before fields without a colon.
    before: usize,
    padding: Option<u8>,
    priority: bool,
    /// Where the block is cut for CONTINUATIONs, in parts of 256.
    cuts: Vec<u8>,
}

impl Spelling {
    fn literal_authority(&self) -> Vec<u8> {
        let index = u8::from(!self.name_spelled_out);
        let mut field = vec![[0x40, 0x00, 0x10][usize::from(self.indexing % 3)] | index];
        if self.name_spelled_out {
            field.extend(text(b":authority", self.huffman));
        }
        field.extend(text(&self.authority, self.huffman));
        field
    }

    fn adds_to_the_table(&self) -> bool {
        self.indexing.is_multiple_of(3)
    }

    fn request(&self, stream: u8, authority: &[u8]) -> Vec<u8> {
        // POST, http, and a path.
        let mut fields = vec![vec![0x83], vec![0x86], [&[0x04][..], &text(b"/s/M", true)].concat()];
        fields.insert(self.before % 4, authority.to_vec());
        fields.push([&[0x00][..], &text(b"te", false), &text(b"trailers", true)].concat());
        let block = fields.concat();
        let mut parts: Vec<usize> =
            self.cuts.iter().map(|cut| usize::from(*cut) * block.len() / 256).collect();
        parts.extend([0, block.len()]);
        parts.sort_unstable();
        let mut frames = Vec::new();
        for (nth, part) in parts.windows(2).enumerate() {
            let last = nth + 2 == parts.len();
            let mut payload = block[part[0]..part[1]].to_vec();
            let mut flags = if last { END_HEADERS } else { 0 };
            if nth == 0 {
                flags |= END_STREAM;
                if self.priority {
                    flags |= PRIORITY;
                    payload.splice(0..0, [0, 0, 0, 0, 9]);
                }
                if let Some(padding) = self.padding {
                    flags |= PADDED;
                    payload.insert(0, padding);
                    payload.extend(vec![0; padding.into()]);
                }
            }
            let length = u32::try_from(payload.len()).unwrap().to_be_bytes();
            let kind = if nth == 0 { 1 } else { 9 };
            frames.extend_from_slice(&length[1..]);
            frames.extend([kind, flags, 0, 0, 0, stream]);
            frames.extend(payload);
        }
        frames
    }

    /// A connection with two requests, the second of which takes the authority from the table, if
    /// it is there.
    fn connection(&self) -> Vec<u8> {
        let literal = self.literal_authority();
        let again = if self.adds_to_the_table() { vec![0x80 | 62] } else { literal.clone() };
        [PREFACE, BEFORE, &self.request(1, &literal), &self.request(3, &again)].concat()
    }
}

fn text(text: &[u8], huffman: bool) -> Vec<u8> {
    let (flag, bytes) = if huffman { (0x80, coded(text)) } else { (0, text.to_vec()) };
    let mut out = Vec::new();
    match u8::try_from(bytes.len()) {
        Ok(length @ ..0x7f) => out.push(flag | length),
        _ => {
            let mut rest = bytes.len() - 0x7f;
            out.push(flag | 0x7f);
            while rest >= 0x80 {
                out.push(u8::try_from(rest & 0x7f).unwrap() | 0x80);
                rest >>= 7;
            }
            out.push(u8::try_from(rest).unwrap());
        }
    }
    out.extend(bytes);
    out
}

fn spelling(authority: impl Strategy<Value = Vec<u8>>) -> impl Strategy<Value = Spelling> {
    let frames =
        (prop::option::of(any::<u8>()), any::<bool>(), prop::collection::vec(any::<u8>(), 0..3));
    (authority, any::<bool>(), any::<u8>(), any::<bool>(), 0..4_usize, frames).prop_map(
        |(authority, huffman, indexing, name_spelled_out, before, (padding, priority, cuts))| {
            Spelling {
                authority,
                huffman,
                indexing,
                name_spelled_out,
                before,
                padding,
                priority,
                cuts,
            }
        },
    )
}

/// Paths as clients send them: percent-encoded, or as they are.
fn paths() -> impl Strategy<Value = Vec<u8>> {
    let path = "(/[a-zA-Z0-9 .,:@%&#?\\[\\]é-]{1,30}){1,6}";
    (path, any::<bool>()).prop_map(|(path, encoded)| {
        let all = percent_encoding::NON_ALPHANUMERIC;
        if encoded {
            percent_encoding::utf8_percent_encode(&path, all).to_string().into_bytes()
        } else {
            path.into_bytes()
        }
    })
}

/// The authorities of the requests that the library takes, one more being the last.
async fn taken(spelling: &Spelling) -> Result<Vec<String>, h2::Error> {
    const LAST: &str = "last";
    let (mut client, server) = tokio::io::duplex(1 << 20);
    client.write_all(&spelling.connection()).await.expect("it is read");
    let last = [&[0x01][..], &text(LAST.as_bytes(), false)].concat();
    client.write_all(&spelling.request(5, &last)).await.expect("it is read");
    let mut connection: h2::server::Connection<_, Bytes> =
        h2::server::handshake(AnyAuthority::new(server)).await?;
    let mut authorities = Vec::new();
    while let Some(request) = connection.accept().await {
        let (request, mut respond) = request?;
        let authority = request.uri().authority().expect("it was sent").to_string();
        respond.send_reset(h2::Reason::NO_ERROR);
        if authority == LAST {
            break;
        }
        authorities.push(authority);
    }
    Ok(authorities)
}

fn run<F: Future>(future: F) -> F::Output {
    tokio::runtime::Builder::new_current_thread().build().unwrap().block_on(future)
}

fn chunks() -> impl Strategy<Value = Vec<usize>> {
    prop::collection::vec(1..80_usize, 1..5)
}

proptest! {
    #[test]
    fn any_bytes_keep_their_number(
        bytes in prop::collection::vec(any::<u8>(), 0..300),
        greeted: bool,
        chunks in chunks(),
    ) {
        let bytes = if greeted { [PREFACE, &bytes].concat() } else { bytes };
        let once = through(&bytes, &chunks, 64);
        prop_assert_eq!(once.len(), bytes.len());
        prop_assert_eq!(through(&once, &chunks, 64), once);
    }

    #[test]
    fn nothing_changes_where_the_authority_is_acceptable(
        spelling in spelling("[a-z0-9.-]{1,40}(:[0-9]{1,4})?".prop_map(String::into_bytes)),
        chunks in chunks(),
    ) {
        let bytes = spelling.connection();
        prop_assert_eq!(through(&bytes, &chunks, 50), bytes);
    }

    #[test]
    fn of_a_connection_cut_off_anywhere_nothing_is_lost(
        spelling in spelling(paths()),
        chunks in chunks(),
        cut: prop::sample::Index,
    ) {
        let bytes = spelling.connection();
        let cut = cut.index(bytes.len());
        let whole = through(&bytes, &chunks, 50);
        let part = through(&bytes[..cut], &chunks, 50);
        prop_assert_eq!(part.len(), cut);
        // A block that did not come to its end is not looked into.
        let mended = part.iter().zip(&whole).take_while(|(ours, all)| ours == all).count();
        prop_assert_eq!(&part[mended..], &bytes[mended..cut]);
    }

    #[test]
    fn every_path_as_authority_is_taken_by_the_library(spelling in spelling(paths())) {
        let worth_the_code = coded(&spelling.authority).len() <= spelling.authority.len();
        let spelling = Spelling { huffman: spelling.huffman && worth_the_code, ..spelling };
        let taken = run(taken(&spelling));
        let taken = taken.map_err(|error| TestCaseError::fail(error.to_string()))?;
        prop_assert_eq!(taken.len(), 2);
        prop_assert_eq!(&taken[0], &taken[1]);
        prop_assert_eq!(taken[0].len(), spelling.authority.len());
    }

    #[test]
    fn what_went_through_is_the_same_in_all_but_the_authority(
        spelling in spelling(paths()),
        chunks in chunks(),
        buffer in 1..100_usize,
    ) {
        let bytes = spelling.connection();
        let once = through(&bytes, &chunks, buffer);
        prop_assert_eq!(once.len(), bytes.len());
        prop_assert_eq!(&through(&once, &chunks, buffer), &once);
        let bytes = Spelling { cuts: vec![], padding: None, priority: false, ..spelling.clone() };
        let bytes = bytes.connection();
        let before = fields(&bytes);
        for (ours, theirs) in fields(&through(&bytes, &chunks, buffer)).iter().zip(&before) {
            prop_assert_eq!(ours.1.len(), theirs.1.len());
            prop_assert!(ours == theirs || ours.0 == b":authority");
        }
    }
}

/// All fields of a connection whose blocks are frames without padding.
fn fields(connection: &[u8]) -> Vec<(Vec<u8>, Vec<u8>)> {
    let mut decoder = Decoder::new();
    let mut rest = &connection[PREFACE.len() + BEFORE.len()..];
    let mut all = Vec::new();
    while let Some(header) = rest.first_chunk::<9>() {
        let length = usize::from(u16::from_be_bytes([header[1], header[2]]));
        let (payload, behind) = rest[9..].split_at(length);
        let fields = decoder.decode(payload).expect("the block is whole");
        all.extend(fields.into_iter().map(|(name, value)| (name.to_vec(), value.to_vec())));
        rest = behind;
    }
    all
}

#[test]
fn a_path_becomes_dashes_where_it_must() {
    let authority = b"tmp%2Fa b/c.sock".to_vec();
    let spelling = Spelling {
        authority,
        huffman: false,
        indexing: 0,
        name_spelled_out: true,
        before: 3,
        padding: Some(3),
        priority: true,
        cuts: vec![100],
    };
    let taken = run(taken(&spelling)).unwrap();
    assert_eq!(taken, ["tmp-2Fa-b-c.sock"; 2]);
}

#[test]
fn after_a_block_without_need_nothing_is_looked_at() {
    let good = Spelling {
        authority: b"localhost".to_vec(),
        huffman: true,
        indexing: 1,
        name_spelled_out: false,
        before: 0,
        padding: None,
        priority: false,
        cuts: vec![],
    };
    let bad = Spelling { authority: b"/a".to_vec(), huffman: false, ..good.clone() };
    let good = good.request(1, &good.literal_authority());
    let bad = bad.request(3, &bad.literal_authority());
    let bytes = [PREFACE, BEFORE, &good, &bad].concat();
    assert_eq!(through(&bytes, &[1000], 1000), bytes);
}
