//! The socket under clients that write bytes of their own.

use std::time::Duration;

use mock_containerd::{MockContainerd, Profile};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::UnixStream;

use crate::raw::first_answer;
use crate::stage::within;

const PREFACE: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";
const NO_SETTINGS: &[u8] = b"\0\0\0\x04\0\0\0\0\0";
const HEADERS: u8 = 1;
const RESET: u8 = 3;
const LIMIT: Duration = Duration::from_secs(20);

fn frame(kind: u8, flags: u8, payload: &[u8]) -> Vec<u8> {
    let length = u8::try_from(payload.len()).expect("it is short");
    [&[0, 0, length, kind, flags, 0, 0, 0, 1], payload].concat()
}

fn literal(name: &str, value: &str) -> Vec<u8> {
    let text = |text: &str| {
        let length = u8::try_from(text.len()).expect("it is short");
        [&[length], text.as_bytes()].concat()
    };
    [vec![0], text(name), text(value)].concat()
}

/// Version/Version, as a client asks that takes this for the server's name.
fn request(authority: &str) -> Vec<u8> {
    let fields = [
        literal(":method", "POST"),
        literal(":scheme", "http"),
        literal(":path", "/containerd.services.version.v1.Version/Version"),
        literal(":authority", authority),
        literal("content-type", "application/grpc"),
        literal("te", "trailers"),
    ];
    frame(HEADERS, 0x4, &fields.concat())
}

/// The kind of the first frame that is about the stream 1.
async fn answered(socket: &mut UnixStream) -> u8 {
    let read = async {
        loop {
            let mut header = [0; 9];
            socket.read_exact(&mut header).await.unwrap();
            let length = usize::from(u16::from_be_bytes([header[1], header[2]]));
            let mut payload = vec![0; length];
            socket.read_exact(&mut payload).await.unwrap();
            if header[8] == 1 {
                return header[3];
            }
        }
    };
    tokio::time::timeout(LIMIT, read).await.expect("it is answered")
}

async fn lives(mock: &MockContainerd) {
    let channel = containerd_client::connect(mock.socket()).await.unwrap();
    let version = "/containerd.services.version.v1.Version/Version";
    first_answer(&channel, version, within(Vec::new())).await.unwrap();
}

#[tokio::test]
async fn a_client_may_call_the_server_by_the_path_of_its_socket() {
    for profile in [Profile::V1_6, Profile::V1_7, Profile::V2_1] {
        let mock = MockContainerd::builder().profile(profile).start().await.unwrap();
        let path = mock.socket().display().to_string();
        for authority in [path.as_str(), &path.replace('/', "%2F"), "a b/é#?.sock", "localhost"] {
            let mut socket = UnixStream::connect(mock.socket()).await.unwrap();
            let call = [PREFACE, NO_SETTINGS, &request(authority), &frame(0, 1, &[0; 5])].concat();
            socket.write_all(&call).await.unwrap();
            assert_eq!(answered(&mut socket).await, HEADERS, "{profile} {authority}");
        }
        assert_eq!(mock.ledger().counts().total_started(), 4);
    }
}

#[tokio::test]
async fn a_server_without_a_name_is_not_called() {
    let mock = MockContainerd::builder().start().await.unwrap();
    let mut socket = UnixStream::connect(mock.socket()).await.unwrap();
    let call = [PREFACE, NO_SETTINGS, &request("")].concat();
    socket.write_all(&call).await.unwrap();
    assert_eq!(answered(&mut socket).await, RESET);
    lives(&mock).await;
}

#[tokio::test]
async fn garbage_ends_its_own_connection() {
    let mock = MockContainerd::builder().start().await.unwrap();
    let frames = [PREFACE, NO_SETTINGS, &[0xff; 64]].concat();
    // A frame of another kind within a header block, and a block whose fields end too early.
    let torn = frame(HEADERS, 0, b"\x41");
    let torn = [PREFACE, NO_SETTINGS, &torn, &frame(0, 1, b"")].concat();
    let short = [PREFACE, NO_SETTINGS, &frame(HEADERS, 0x4, b"\x41\x7f\xff")].concat();
    for bytes in [b"GET / HTTP/1.1\r\n\r\n".to_vec(), vec![0; 100], frames, torn, short] {
        let mut socket = UnixStream::connect(mock.socket()).await.unwrap();
        socket.write_all(&bytes).await.unwrap();
        // A peer that is already gone is the end, too.
        let read = async { while !matches!(socket.read(&mut [0; 256]).await, Ok(0) | Err(_)) {} };
        tokio::time::timeout(LIMIT, read).await.expect("it is hung up on");
        lives(&mock).await;
    }
}

#[tokio::test]
async fn connections_cut_off_anywhere_harm_nobody() {
    let mock = MockContainerd::builder().start().await.unwrap();
    let call = [PREFACE, NO_SETTINGS, &request("/a"), &frame(0, 1, &[0; 5])].concat();
    for end in 0..call.len() {
        let mut socket = UnixStream::connect(mock.socket()).await.unwrap();
        socket.write_all(&call[..end]).await.unwrap();
        if end % 2 == 0 {
            // Half-closed, it still hears what there is to be said.
            socket.shutdown().await.unwrap();
            let read =
                async { while !matches!(socket.read(&mut [0; 256]).await, Ok(0) | Err(_)) {} };
            tokio::time::timeout(LIMIT, read).await.expect("it is hung up on");
        }
    }
    lives(&mock).await;
}
