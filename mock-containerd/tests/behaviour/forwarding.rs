//! The socket beside the gRPC one, as a shim uses it.

use containerd_client::services::v1::events_client::EventsClient;
use containerd_client::services::v1::{ForwardRequest, SubscribeRequest};
use containerd_client::types::Envelope;
use mock_containerd::MockContainerd;
use prost::Message;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::UnixStream;

/// A ttrpc request, written by hand: service, method, payload.
fn frame(stream: u32, method: &str, payload: &[u8]) -> Vec<u8> {
    let field = |number: u8, bytes: &[u8]| {
        let length = u8::try_from(bytes.len()).expect("it is short");
        assert!(length < 128);
        [&[number << 3 | 2, length], bytes].concat()
    };
    let service = b"containerd.services.events.ttrpc.v1.Events";
    let body = [field(1, service), field(2, method.as_bytes()), field(3, payload)].concat();
    let length = u32::try_from(body.len()).unwrap().to_be_bytes();
    [&length[..], &stream.to_be_bytes(), &[1, 0], &body].concat()
}

async fn answer(io: &mut UnixStream) -> (Vec<u8>, Vec<u8>) {
    let mut header = vec![0; 10];
    io.read_exact(&mut header).await.unwrap();
    let length = u32::from_be_bytes(header[..4].try_into().unwrap());
    let mut body = vec![0; length as usize];
    io.read_exact(&mut body).await.unwrap();
    (header, body)
}

#[tokio::test]
async fn an_event_that_a_shim_forwards_reaches_subscribers() {
    let mock = MockContainerd::builder().start().await.unwrap();
    let mut beside = mock.socket().as_os_str().to_owned();
    beside.push(".ttrpc");
    let mut io = UnixStream::connect(&beside).await.unwrap();
    let channel = containerd_client::connect(mock.socket()).await.unwrap();
    let mut subscriber = EventsClient::new(channel);
    let envelope = Envelope {
        timestamp: Some(prost_types::Timestamp { seconds: 1, nanos: 0 }),
        namespace: "n".to_owned(),
        topic: "/tasks/oom".to_owned(),
        event: None,
    };
    let payload = ForwardRequest { envelope: Some(envelope.clone()) }.encode_to_vec();
    // No header comes before the first event, so it is forwarded until one came.
    let forwarded = async {
        let mut stream = 1;
        loop {
            io.write_all(&frame(stream, "Forward", &payload)).await.unwrap();
            let (header, body) = answer(&mut io).await;
            assert_eq!((&header[4..8], header[8]), (&stream.to_be_bytes()[..], 2));
            assert!(body.is_empty(), "{body:?}");
            stream += 2;
            tokio::task::yield_now().await;
        }
    };
    let subscribed = subscriber.subscribe(SubscribeRequest::default());
    let events = tokio::select! {
        events = subscribed => events.unwrap(),
        () = forwarded => unreachable!("it goes on for ever"),
    };
    assert_eq!(events.into_inner().message().await.unwrap(), Some(envelope));
}

#[tokio::test]
async fn what_the_socket_does_not_know_is_unimplemented_and_garbage_ends_the_connection() {
    let mock = MockContainerd::builder().start().await.unwrap();
    let mut beside = mock.socket().as_os_str().to_owned();
    beside.push(".ttrpc");
    let mut io = UnixStream::connect(&beside).await.unwrap();
    io.write_all(&frame(1, "Nope", b"")).await.unwrap();
    let (_, body) = answer(&mut io).await;
    assert!(body.windows(11).any(|window| window == b"method Nope"), "{body:?}");
    let mut garbage = UnixStream::connect(&beside).await.unwrap();
    garbage.write_all(&[0xff; 64]).await.unwrap();
    let mut rest = Vec::new();
    // Reset or closed: it says nothing.
    let _ = garbage.read_to_end(&mut rest).await;
    assert!(rest.is_empty());
    io.write_all(&frame(3, "Nope", b"")).await.unwrap();
    answer(&mut io).await;
}
