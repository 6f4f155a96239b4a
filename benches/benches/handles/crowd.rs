//! A client with many tasks, each waited for.

use std::path::Path;
use std::time::Duration;

use laconic_client::{Builder, Client, Container, Exit, Io, NewContainer};
use tokio::task::JoinSet;

use crate::NAMESPACE;
use crate::killer::Killer;
use crate::process::Process;

const AT_ONCE: usize = 64;
/// So that what is measured is the exits alone.
const NEVER: Duration = Duration::from_secs(24 * 3600);

pub(crate) struct Crowd {
    client: Client,
    containers: Vec<Container>,
    waits: JoinSet<(usize, Exit)>,
    killer: Killer,
    random: fastrand::Rng,
    _mock: Process,
}

impl Crowd {
    pub(crate) async fn gather(socket: &Path) -> Self {
        Self::gather_as(socket, |builder| builder.sweep_every(NEVER)).await
    }

    pub(crate) async fn gather_as(socket: &Path, options: impl FnOnce(Builder) -> Builder) -> Self {
        let (mock, _) = Process::spawn("serve-mock", socket).await;
        let builder = options(Client::builder(NAMESPACE));
        let client = builder.connect(socket).await.expect("the mock serves");
        let killer = Killer::spawn(socket);
        let random = fastrand::Rng::with_seed(7);
        Self { client, containers: Vec::new(), waits: JoinSet::new(), killer, random, _mock: mock }
    }

    pub(crate) async fn grow(&mut self, size: usize) {
        while self.containers.len() < size {
            let from = self.containers.len();
            let creating = (from..size.min(from + AT_ONCE)).map(|number| {
                let new = NewContainer::new(format!("c{number}"), ["sleep", "inf"]);
                self.client.create(new)
            });
            let created = futures_util::future::join_all(creating).await;
            self.containers.extend(created.into_iter().map(|one| one.expect("it is made")));
            self.start(from..self.containers.len()).await;
        }
    }

    async fn start(&mut self, numbers: impl IntoIterator<Item = usize> + Clone) {
        let starting = numbers.clone().into_iter().map(|at| self.containers[at].start(Io::Null));
        let started = futures_util::future::join_all(starting).await;
        for (number, task) in numbers.into_iter().zip(started) {
            let task = task.expect("it starts");
            self.waits.spawn(async move { (number, task.wait().await.expect("it ends")) });
        }
    }

    /// Some are killed by somebody else; done when all who waited know.
    pub(crate) async fn lose(&mut self, count: usize) -> Vec<usize> {
        let mut numbers = std::collections::BTreeSet::new();
        while numbers.len() < count {
            numbers.insert(self.random.usize(..self.containers.len()));
        }
        self.killer.kill(&numbers);
        let mut ended = Vec::new();
        while ended.len() < count {
            let (number, exit) = self.waits.join_next().await.expect("all wait").expect("no panic");
            assert_eq!(exit.status, laconic_client::ExitStatus::Code(137));
            ended.push(number);
        }
        ended
    }

    /// Others come in their place.
    pub(crate) async fn replace(&mut self, ended: Vec<usize>) {
        for number in &ended {
            let task = self.containers[*number].clone();
            let deleted = self.client.load(task.id()).await.expect("it is there").task;
            deleted.expect("it is not deleted yet").delete().await.expect("it has exited");
        }
        self.start(ended).await;
    }
}
