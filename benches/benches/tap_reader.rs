//! What reading a connection costs beside copying its bytes: one unary call, frames and HPACK.

use std::hint::black_box;

use criterion::{BatchSize, Criterion, Throughput, criterion_group, criterion_main};
use rpc_ledger::{ConnectionId, Ledger};
use rpc_spy::{ConnectionReader, Direction};

const PREFACE: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";
const CALLS: u32 = 1_000;

fn frame(kind: u8, flags: u8, stream: u32, payload: &[u8]) -> Vec<u8> {
    let mut bytes = u32::try_from(payload.len()).expect("short").to_be_bytes()[1..].to_vec();
    bytes.extend([kind, flags]);
    bytes.extend(stream.to_be_bytes());
    bytes.extend(payload);
    bytes
}

fn literal(name: &str, value: &str) -> Vec<u8> {
    let mut bytes = vec![0, u8::try_from(name.len()).expect("short")];
    bytes.extend(name.as_bytes());
    bytes.push(u8::try_from(value.len()).expect("short"));
    bytes.extend(value.as_bytes());
    bytes
}

/// Both sides of a connection with many calls, as a client and a server would write them.
fn talk() -> [Vec<u8>; 2] {
    let mut ask = literal(":method", "POST");
    ask.extend(literal(":path", "/containerd.services.tasks.v1.Tasks/Get"));
    ask.extend(literal("containerd-namespace", "laconic-bench"));
    let begin = literal(":status", "200");
    let end = literal("grpc-status", "0");
    let (mut to_server, mut to_client) = (PREFACE.to_vec(), Vec::new());
    for call in 0..CALLS {
        let stream = 2 * call + 1;
        to_server.extend(frame(1, 4, stream, &ask));
        to_server.extend(frame(0, 1, stream, &[0; 64]));
        to_client.extend(frame(1, 4, stream, &begin));
        to_client.extend(frame(0, 0, stream, &[0; 256]));
        to_client.extend(frame(1, 5, stream, &end));
    }
    [to_server, to_client]
}

fn tap_reader(criterion: &mut Criterion) {
    let [to_server, to_client] = talk();
    let mut group = criterion.benchmark_group("tap-reader-1000-calls");
    group.throughput(Throughput::Elements(u64::from(CALLS)));
    group.bench_function("copy", |bencher| {
        bencher.iter(|| black_box((to_server.clone(), to_client.clone())));
    });
    group.bench_function("read", |bencher| {
        bencher.iter_batched(
            Ledger::new,
            |ledger| {
                let mut reader = ConnectionReader::new(ledger.clone(), ConnectionId::new(1));
                for (direction, bytes) in
                    [(Direction::ToServer, &to_server), (Direction::ToClient, &to_client)]
                {
                    for chunk in bytes.chunks(16 * 1024) {
                        let fed = reader.feed(direction, ledger.next_seq(), chunk);
                        fed.expect("these bytes are in order");
                    }
                }
                assert_eq!(ledger.counts().total_started(), u64::from(CALLS));
            },
            BatchSize::SmallInput,
        );
    });
    group.finish();
}

criterion_group!(benches, tap_reader);
criterion_main!(benches);
