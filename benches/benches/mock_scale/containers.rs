//! Two mocks, one with few containers and one with many, each in a process of its own.

use std::path::Path;
use std::time::Instant;

use containerd_client::services::v1 as api;
use containerd_client::services::v1::containers_client::ContainersClient;
use laconic_benches::{Measured, ratio};
use mock_containerd::MockContainerd;
use tonic::transport::Channel;

use crate::NAMESPACE;
use crate::process::Process;
use crate::requests::{self, within};

const FEW: usize = 1_000;
const MANY: usize = 100_000;
const SPEC_BYTES: usize = 4096;
const AT_ONCE: usize = 64;
const ROUNDS: usize = 60;
const GETS: usize = 200;

pub(crate) async fn serve_mock(socket: &str) {
    let _mock = MockContainerd::builder().socket(socket).start().await.expect("a free path");
    std::future::pending::<()>().await;
}

struct Served {
    process: Process,
    channel: Channel,
    containers: usize,
}

impl Served {
    async fn spawn(socket: &Path, containers: usize) -> Self {
        let (process, channel) = Process::spawn("serve-mock", socket).await;
        Self { process, channel, containers }
    }

    /// What of it is in memory.
    fn resident_bytes(&self) -> u64 {
        let path = format!("/proc/{}/status", self.process.pid());
        let status = std::fs::read_to_string(path).expect("it lives");
        let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
        let kibibytes = line.and_then(|line| line.split_whitespace().next());
        1024 * kibibytes.and_then(|number| number.parse::<u64>().ok()).expect("a number of kB")
    }

    async fn fill(&self) {
        let workers: Vec<_> = (0..AT_ONCE)
            .map(|worker| {
                let (channel, containers) = (self.channel.clone(), self.containers);
                tokio::spawn(async move {
                    let mut client = ContainersClient::new(channel);
                    for number in (worker..containers).step_by(AT_ONCE) {
                        let container = Some(container(number));
                        let request = within(NAMESPACE, api::CreateContainerRequest { container });
                        client.create(request).await.expect("it is made");
                    }
                })
            })
            .collect();
        for worker in workers {
            worker.await.expect("every container is made");
        }
    }

    async fn gets(&self, random: &mut fastrand::Rng) -> u64 {
        let mut client = ContainersClient::new(self.channel.clone());
        let begun = Instant::now();
        for _ in 0..GETS {
            let id = id(random.usize(..self.containers));
            client
                .get(within(NAMESPACE, api::GetContainerRequest { id }))
                .await
                .expect("it is there");
        }
        u64::try_from(begun.elapsed().as_micros()).expect("a turn is short")
    }
}

fn id(number: usize) -> String {
    format!("container-{number:06}")
}

/// A spec that no other container has.
fn container(number: usize) -> api::Container {
    let unique = format!("{number:064}").repeat(SPEC_BYTES / 64);
    let spec = serde_json::json!({ "process": { "args": ["true"], "env": [unique] } });
    requests::container(id(number), &spec)
}

pub(crate) async fn measure() {
    let folder = tempfile::tempdir().expect("a folder");
    let few = Served::spawn(&folder.path().join("few"), FEW).await;
    let many = Served::spawn(&folder.path().join("many"), MANY).await;
    few.fill().await;
    let before = many.resident_bytes();
    many.fill().await;
    let each = (many.resident_bytes() - before) as f64 / MANY as f64;
    println!("memory: {MANY} containers with unique {SPEC_BYTES} byte specs: {each:.0} bytes each");

    let mut random = fastrand::Rng::with_seed(7);
    let of = |client: &str| Measured { client: client.to_owned(), of: "get", samples_us: vec![] };
    let (mut of_few, mut of_many) = (of("few"), of("many"));
    for round in 0..ROUNDS {
        if round % 2 == 0 {
            of_few.samples_us.push(few.gets(&mut random).await);
            of_many.samples_us.push(many.gets(&mut random).await);
        } else {
            of_many.samples_us.push(many.gets(&mut random).await);
            of_few.samples_us.push(few.gets(&mut random).await);
        }
    }
    let times = ratio(&of_many, &of_few).expect("there are rounds");
    println!(
        "Containers/Get: at {MANY} over at {FEW}: {:.2} [{:.2}, {:.2}]",
        times.ratio, times.low, times.high
    );
}
