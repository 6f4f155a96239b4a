//! What the door between processes adds: a request and its outcome through the driver protocol,
//! beside the same two lines over bare pipes to the same program.

use std::io::{BufRead, BufReader, Write};
use std::process::{Command, Stdio};

use criterion::{Criterion, criterion_group, criterion_main};
use driver_protocol::{Connect, DriverFactory, Operation, Request, RequestId};
use laconic_scenarios::external::External;

/// Greets, and answers every line with the outcome of `version` under its id.
const PROGRAM: &str = r#"
read -r hello
echo '{"protocol":1,"hello":{"driver":"d","version":"1","capabilities":[]}}'
echo '{"ready":{}}'
while read -r line; do
    id=${line#*:}; id=${id%%,*}
    echo "{\"id\":$id,\"outcome\":{\"ok\":{\"version\":{\"version\":\"1\",\"revision\":\"r\"}}}}"
done"#;
const LINE: &str = r#"{"id":1234567,"deadline_ms":20000,"operation":{"version":{}}}"#;

fn door(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("door");
    let mut child = Command::new("sh")
        .args(["-c", PROGRAM])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .expect("a shell");
    let (mut to, from) = child.stdin.take().zip(child.stdout.take()).expect("both are pipes");
    let mut from = BufReader::new(from).lines();
    writeln!(to, "hello").expect("it reads");
    assert!(from.by_ref().take(2).all(|line| line.is_ok()));
    group.bench_function("bare-pipe", |bencher| {
        bencher.iter(|| {
            writeln!(to, "{LINE}").expect("it reads");
            from.next().expect("it answers").expect("in text")
        });
    });
    drop(to);
    child.wait().expect("it ends with its input");

    let runtime =
        tokio::runtime::Builder::new_multi_thread().enable_all().build().expect("threads");
    let external = External::new(["sh", "-c", PROGRAM].map(str::to_owned).to_vec());
    let connect = Connect { socket: "/".into(), namespace: "n".to_owned(), rootfs: None };
    let driver = runtime.block_on(external.open(connect)).expect("it greets");
    let mut id = 1_000_000;
    group.bench_function("driver-protocol", |bencher| {
        bencher.iter(|| {
            id += 1;
            let request = Request {
                id: RequestId(id),
                deadline_ms: 20_000,
                traceparent: None,
                operation: Operation::Version {},
            };
            runtime.block_on(driver.perform(request)).expect("it answers")
        });
    });
    group.finish();
    let _inside = runtime.enter();
    drop(driver);
}

criterion_group!(benches, door);
criterion_main!(benches);
