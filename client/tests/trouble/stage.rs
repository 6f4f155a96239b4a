//! A mock in memory, the client under test, and another client that acts behind its back.

use std::collections::BTreeMap;
use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll};
use std::time::Duration;

use http::Uri;
use hyper_util::rt::TokioIo;
use laconic_client::{
    Builder, Client, Connection, Container, ExitNews, Io, NewContainer, NewExec, Process, Task,
};
use mock_containerd::{InMemory, MockContainerd, Profile};
use rpc_ledger::{CallRecord, Mark};
use tokio::io::DuplexStream;
use tower::Service;

use crate::foreigner::Foreigner;

pub(crate) const NAMESPACE: &str = "trouble";

/// A connector to the mock that can be shut.
#[derive(Clone)]
pub(crate) struct Door {
    mock: InMemory,
    shut: Arc<AtomicBool>,
}

impl Door {
    pub(crate) fn shut(&self, shut: bool) {
        self.shut.store(shut, Ordering::Relaxed);
    }
}

impl Service<Uri> for Door {
    type Response = TokioIo<DuplexStream>;
    type Error = io::Error;
    type Future = std::future::Ready<io::Result<Self::Response>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, uri: Uri) -> Self::Future {
        if self.shut.load(Ordering::Relaxed) {
            return std::future::ready(Err(io::ErrorKind::ConnectionRefused.into()));
        }
        self.mock.call(uri)
    }
}

pub(crate) struct Stage {
    pub(crate) mock: InMemory,
    pub(crate) door: Door,
    pub(crate) client: Client,
    pub(crate) foreigner: Foreigner,
    mark: Mark,
}

impl Stage {
    pub(crate) async fn open(profile: Profile) -> Self {
        Self::of(MockContainerd::builder().profile(profile), |builder| builder).await
    }

    pub(crate) async fn of(
        mock: mock_containerd::Builder,
        options: impl FnOnce(Builder) -> Builder,
    ) -> Self {
        let mock = mock.in_memory();
        let door = Door { mock: mock.clone(), shut: Arc::default() };
        let builder = options(Client::builder(NAMESPACE));
        let client = builder.with_connector(door.clone()).await.unwrap();
        let foreigner = Foreigner::new(mock.clone());
        let mark = mock.ledger().mark();
        Self { mock, door, client, foreigner, mark }
    }

    /// A container whose task runs until it is killed.
    pub(crate) async fn run(&self, id: &str) -> (Container, Task) {
        let container = self.client.create(NewContainer::new(id, ["sleep", "inf"])).await.unwrap();
        let task = container.start(Io::Null).await.unwrap();
        (container, task)
    }

    /// Counts from now on.
    pub(crate) fn count(&mut self) {
        self.mark = self.mock.ledger().mark();
    }

    /// What the client under test has called since it was counted last: its calls are traced, the
    /// other's are not.
    pub(crate) fn calls(&self) -> Vec<CallRecord> {
        let ledger = self.mock.ledger();
        let calls = ledger.calls_between(self.mark, ledger.mark());
        calls.into_iter().filter(|call| call.traceparent.is_some()).collect()
    }

    /// The same by method, but for what opens a stream.
    pub(crate) fn counts(&self) -> BTreeMap<String, usize> {
        let mut counts = BTreeMap::new();
        for call in self.calls() {
            *counts.entry(call.rpc.short()).or_default() += 1;
        }
        counts
    }

    /// Waits until the client has compared everything anew so often.
    pub(crate) async fn resynced(&self, times: u64) {
        let mut connection = self.client.connection();
        let back =
            |now: &Connection| matches!(now, Connection::Live { resyncs } if *resyncs == times);
        connection.wait_for(back).await.unwrap();
    }

    /// All exits that the client has to tell.
    pub(crate) async fn news(&self) -> Vec<ExitNews> {
        quiet().await;
        let mut news = Vec::new();
        while let Ok(next) = tokio::time::timeout(Duration::ZERO, self.client.next_exit()).await {
            news.push(next);
        }
        news
    }
}

/// What must end: not to wait for it for ever, an hour of the runtime's own time is enough.
pub(crate) async fn ends<F: Future>(work: F) -> F::Output {
    let hour = Duration::from_secs(3600);
    tokio::time::timeout(hour, work).await.expect("it never ends")
}

/// Lets everything happen that is under way: time stands still otherwise.
pub(crate) async fn quiet() {
    tokio::time::sleep(Duration::from_secs(1)).await;
}

pub(crate) fn sleeper(id: &str) -> NewExec {
    exec(id, &["sleep", "inf"])
}

pub(crate) fn exec(id: &str, args: &[&str]) -> NewExec {
    let args = args.iter().map(ToString::to_string).collect();
    NewExec { id: id.to_owned(), args, io: Io::Null, terminal: false }
}

pub(crate) fn counts<const N: usize>(expected: [(&str, usize); N]) -> BTreeMap<String, usize> {
    expected.into_iter().map(|(method, count)| (method.to_owned(), count)).collect()
}

/// An exit in a word: `c0: 7`, `c0/e1: unknown`.
pub(crate) fn told(news: &[ExitNews]) -> Vec<String> {
    let mut told: Vec<String> = news
        .iter()
        .map(|one| match &one.exec {
            None => format!("{}: {}", one.container, one.exit.status),
            Some(exec) => format!("{}/{exec}: {}", one.container, one.exit.status),
        })
        .collect();
    told.sort();
    told
}

pub(crate) async fn running(task: &Task, id: &str) -> Process {
    task.exec(sleeper(id)).await.unwrap()
}
