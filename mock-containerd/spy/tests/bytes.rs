//! The reader on hand-made bytes: every shape that HTTP/2 allows, cut anywhere.

use proptest::prelude::*;
use rpc_ledger::{Code, ConnectionId, Counts, Ended, Ledger, Seq};
use rpc_spy::{Blind, ConnectionReader, Direction};

use Direction::{ToClient, ToServer};

const PREFACE: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";
const END_STREAM: u8 = 1;
const END_HEADERS: u8 = 4;
const PADDED: u8 = 8;
const PRIORITY: u8 = 0x20;

fn frame(kind: u8, flags: u8, stream: u32, payload: &[u8]) -> Vec<u8> {
    let mut bytes = (payload.len() as u32).to_be_bytes()[1..].to_vec();
    bytes.extend([kind, flags]);
    bytes.extend(stream.to_be_bytes());
    bytes.extend(payload);
    bytes
}

fn literal(name: &str, value: &str) -> Vec<u8> {
    // Literal without indexing, new name, no Huffman: one byte of length each.
    let mut bytes = vec![0, name.len() as u8];
    bytes.extend(name.as_bytes());
    bytes.push(value.len() as u8);
    bytes.extend(value.as_bytes());
    bytes
}

fn indexed(name: &str, value: &str) -> Vec<u8> {
    let mut bytes = literal(name, value);
    bytes[0] = 0x40;
    bytes
}

fn ask() -> Vec<u8> {
    let mut block = literal(":method", "POST");
    block.extend(literal(":path", "/containerd.services.tasks.v1.Tasks/Get"));
    block.extend(literal("containerd-namespace", "laconic-x"));
    block
}

fn answer(status: &str) -> Vec<u8> {
    let mut block = literal(":status", "200");
    block.extend(literal("grpc-status", status));
    block
}

/// What each side says, in the order in which the tap relays it.
type Talk = Vec<(Direction, Vec<u8>)>;

fn read(talk: &Talk, cut: usize) -> Result<Ledger, Blind> {
    let ledger = Ledger::new();
    let mut reader = ConnectionReader::new(ledger.clone(), ConnectionId::new(7));
    for (direction, bytes) in talk {
        for chunk in bytes.chunks(cut) {
            reader.feed(*direction, ledger.next_seq(), chunk)?;
        }
    }
    reader.close(false);
    Ok(ledger)
}

fn counts(talk: &Talk) -> Counts {
    read(talk, usize::MAX).unwrap().counts()
}

fn only(talk: &Talk) -> rpc_ledger::CallRecord {
    let calls = read(talk, usize::MAX).unwrap().calls();
    assert_eq!(calls.len(), 1);
    calls[0].clone()
}

fn greeting() -> Vec<u8> {
    [PREFACE, &frame(4, 0, 0, &[])].concat()
}

fn unary(status: &str) -> Talk {
    vec![
        (ToServer, greeting()),
        (ToServer, frame(1, END_HEADERS, 1, &ask())),
        (ToServer, frame(0, END_STREAM, 1, b"12345")),
        (ToClient, frame(4, 0, 0, &[])),
        (ToClient, frame(1, END_HEADERS, 1, &literal(":status", "200"))),
        (ToClient, frame(0, 0, 1, b"123")),
        (ToClient, frame(1, END_HEADERS | END_STREAM, 1, &literal("grpc-status", status))),
    ]
}

#[test]
fn a_unary_call_is_read_with_its_code_namespace_and_bytes() {
    let call = only(&unary("5"));
    assert_eq!(call.ended, Some(Ended::Finished(Code::new(5))));
    assert_eq!(call.rpc.short(), "Tasks/Get");
    assert_eq!(call.namespace.as_deref(), Some("laconic-x"));
    // Of four chunks the second opened it.
    assert_eq!((call.connection, call.seq), (ConnectionId::new(7), Seq::new(2)));
    assert_eq!((call.request_bytes, call.reply_bytes), (5, 3));
}

#[test]
fn the_trace_that_a_call_belongs_to_is_read() {
    let trace = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";
    let mut talk = unary("0");
    talk[1].1 = frame(1, END_HEADERS, 1, &[ask(), literal("traceparent", trace)].concat());
    assert_eq!(only(&talk).traceparent.as_deref(), Some(trace));
}

#[test]
fn trailers_of_a_request_open_no_call() {
    let mut talk = unary("0");
    talk[2].1 = frame(0, 0, 1, b"12345");
    talk.insert(3, (ToServer, frame(1, END_HEADERS | END_STREAM, 1, &literal("checksum", "1"))));
    assert_eq!(counts(&talk), counts(&unary("0")));
}

#[test]
fn a_promise_of_the_server_is_no_call_and_is_read_for_its_table() {
    let mut talk = unary("5");
    let promised = [&2u32.to_be_bytes()[..], &indexed("grpc-status", "5")].concat();
    talk.insert(4, (ToClient, frame(5, END_HEADERS, 1, &promised)));
    talk.last_mut().unwrap().1 = frame(1, END_HEADERS | END_STREAM, 1, &[0x80 | 62]);
    assert_eq!(only(&talk).ended, Some(Ended::Finished(Code::new(5))));
}

#[test]
fn a_header_block_of_one_mebibyte_is_followed_and_none_beyond() {
    let begun = [greeting(), frame(1, 0, 1, &[]), frame(9, 0, 1, &vec![0; 1 << 20])].concat();
    assert!(read(&vec![(ToServer, begun.clone())], usize::MAX).is_ok());
    let beyond = [begun, frame(9, 0, 1, &[0])].concat();
    let blind = read(&vec![(ToServer, beyond)], usize::MAX).unwrap_err();
    assert_eq!(blind.to_string(), "malformed frame on stream 1: a header block beyond 1 MiB");
}

#[test]
fn a_header_block_may_come_in_continuations() {
    let block = ask();
    let (first, rest) = block.split_at(7);
    let (second, third) = rest.split_at(9);
    let mut talk = unary("0");
    talk[1].1 =
        [frame(1, 0, 1, first), frame(9, 0, 1, second), frame(9, END_HEADERS, 1, third)].concat();
    assert_eq!(counts(&talk), counts(&unary("0")));
}

#[test]
fn padding_and_priority_are_no_content() {
    let mut talk = unary("0");
    let padded = [&[3u8, 0, 0, 0, 0, 16][..], &ask(), &[0; 3]].concat();
    talk[1].1 = frame(1, END_HEADERS | PADDED | PRIORITY, 1, &padded);
    talk[2].1 = frame(0, END_STREAM | PADDED, 1, b"\x0212345\0\0");
    assert_eq!(counts(&talk), counts(&unary("0")));
}

#[test]
fn the_dynamic_table_is_followed_from_block_to_block() {
    let path = indexed(":path", "/containerd.services.tasks.v1.Tasks/Get");
    let mut talk = vec![(ToServer, greeting())];
    talk.push((ToServer, frame(1, END_HEADERS | END_STREAM, 1, &path)));
    // 62 is the first entry of the dynamic table.
    talk.push((ToServer, frame(1, END_HEADERS | END_STREAM, 3, &[0x80 | 62])));
    for stream in [1, 3] {
        talk.push((ToClient, frame(1, END_HEADERS | END_STREAM, stream, &answer("0"))));
    }
    let ledger = read(&talk, usize::MAX).unwrap();
    let names: Vec<String> = ledger.calls().iter().map(|call| call.rpc.short()).collect();
    assert_eq!(names, ["Tasks/Get", "Tasks/Get"]);
}

#[test]
fn a_table_resized_to_nothing_and_back_is_followed() {
    let path = "/containerd.services.tasks.v1.Tasks/Get";
    // 0x20: size update to 0. 0x3f 0xe1 0x1f: size update to 4096.
    let empty_then_full = [&[0x20, 0x3f, 0xe1, 0x1f][..], &indexed(":path", path)].concat();
    let talk = vec![
        (ToServer, greeting()),
        (ToServer, frame(1, END_HEADERS | END_STREAM, 1, &indexed(":path", path))),
        (ToServer, frame(1, END_HEADERS | END_STREAM, 3, &empty_then_full)),
        (ToServer, frame(1, END_HEADERS | END_STREAM, 5, &[0x80 | 62])),
    ];
    let ledger = read(&talk, usize::MAX).unwrap();
    assert_eq!(ledger.counts().started_by_short_name()["Tasks/Get"], 3);
}

#[test]
fn a_table_beyond_4096_is_allowed_once_the_other_side_announced_it() {
    // 0x3f 0xe1 0x3f: size update to 8192.
    let larger = [&[0x3f, 0xe1, 0x3f][..], &ask()].concat();
    let settings = frame(4, 0, 0, &[0, 1, 0, 0, 0x20, 0]);
    let mut talk = vec![(ToServer, greeting())];
    talk.push((ToServer, frame(1, END_HEADERS | END_STREAM, 1, &larger)));
    assert!(matches!(read(&talk, usize::MAX), Err(Blind::Hpack { stream: 1, .. })));
    talk.insert(1, (ToClient, settings));
    assert_eq!(counts(&talk).total_started(), 1);
}

#[test]
fn a_trailers_only_reply_ends_the_call() {
    let mut talk = unary("0");
    talk.truncate(3);
    talk.push((ToClient, frame(1, END_HEADERS | END_STREAM, 1, &answer("12"))));
    assert_eq!(only(&talk).ended, Some(Ended::Finished(Code::new(12))));
}

#[test]
fn data_that_ends_the_stream_without_trailers_is_broken() {
    let mut talk = unary("0");
    talk.truncate(5);
    talk.push((ToClient, frame(0, END_STREAM, 1, b"123")));
    assert_eq!(only(&talk).ended, Some(Ended::Broken));
}

#[test]
fn headers_that_end_the_stream_without_a_status_are_broken() {
    let mut talk = unary("0");
    talk.truncate(3);
    let headers = literal(":status", "200");
    talk.push((ToClient, frame(1, END_HEADERS | END_STREAM, 1, &headers)));
    assert_eq!(only(&talk).ended, Some(Ended::Broken));
}

/// Something between that speaks HTTP alone.
#[test]
fn an_error_of_http_is_the_status_that_it_stands_for_and_a_200_is_none() {
    for (status, code) in [("503", Some(14)), ("404", Some(12)), ("200", None), ("100", None)] {
        let mut talk = unary("0");
        talk.truncate(3);
        talk.push((ToClient, frame(1, END_HEADERS, 1, &literal(":status", status))));
        let ended = code.map_or(Ended::Cancelled, |code| Ended::Finished(Code::new(code)));
        assert_eq!(only(&talk).ended, Some(ended), "{status}");
    }
}

#[test]
fn a_reset_by_the_client_is_cancelled_and_by_the_server_broken() {
    for (direction, ended) in [(ToServer, Ended::Cancelled), (ToClient, Ended::Broken)] {
        let mut talk = unary("0");
        talk.truncate(5);
        talk.push((direction, frame(3, 0, 1, &8u32.to_be_bytes())));
        assert_eq!(only(&talk).ended, Some(ended));
    }
}

#[test]
fn a_reset_after_the_trailers_changes_nothing() {
    let mut talk = unary("0");
    talk.push((ToClient, frame(3, 0, 1, &0u32.to_be_bytes())));
    talk.push((ToServer, frame(3, 0, 1, &8u32.to_be_bytes())));
    assert_eq!(counts(&talk), counts(&unary("0")));
}

#[test]
fn a_server_that_speaks_first_is_understood() {
    let mut talk = unary("0");
    talk.swap(0, 3);
    talk.swap(1, 3);
    talk.swap(2, 3);
    assert_eq!(talk[0].0, ToClient);
    assert_eq!(counts(&talk), counts(&unary("0")));
}

#[test]
fn what_is_not_http2_makes_the_connection_blind() {
    let talk = vec![(ToServer, b"GET / HTTP/1.1\r\n\r\n".to_vec())];
    assert_eq!(read(&talk, 1).unwrap_err(), Blind::NotHttp2);
}

#[test]
fn a_stray_continuation_and_an_interrupted_block_make_it_blind() {
    let stray = frame(9, END_HEADERS, 1, &ask());
    let interrupted = [frame(1, 0, 1, &ask()), frame(0, 0, 1, b"x")].concat();
    for bytes in [stray, interrupted] {
        let talk = vec![(ToServer, greeting()), (ToServer, bytes)];
        assert!(matches!(read(&talk, usize::MAX), Err(Blind::Frame { stream: 1, .. })));
    }
}

fn call(stream: u32, status: &'static str) -> Talk {
    let mut talk = unary(status);
    talk.retain(|(_, bytes)| bytes[3..5] != [4, 0] && !bytes.starts_with(PREFACE));
    for (_, bytes) in &mut talk {
        bytes[5..9].copy_from_slice(&stream.to_be_bytes());
    }
    talk
}

proptest! {
    #[test]
    fn any_cutting_into_chunks_gives_the_same_counts(
        statuses in proptest::collection::vec(prop_oneof![Just("0"), Just("5"), Just("2")], 1..8),
        cut in 1usize..200,
    ) {
        let mut talk = vec![(ToServer, greeting())];
        for (index, status) in statuses.iter().enumerate() {
            talk.extend(call(1 + 2 * index as u32, status));
        }
        let whole = counts(&talk);
        prop_assert_eq!(whole.total_started(), statuses.len() as u64);
        prop_assert_eq!(read(&talk, cut).unwrap().counts(), whole);
    }

    #[test]
    fn no_bytes_make_the_reader_panic(
        bytes in proptest::collection::vec(any::<u8>(), 0..600), cut in 1usize..50,
    ) {
        let talk = vec![(ToServer, greeting()), (ToServer, bytes.clone()), (ToClient, bytes)];
        let _ = read(&talk, cut);
    }
}
