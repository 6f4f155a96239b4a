//! A mock on a socket, a client of it, and the book of what its calls are counted in.

use std::collections::BTreeSet;
use std::future::Future;

use hyper_util::rt::TokioIo;
use laconic_client::{Builder, Client, Io, NewContainer, NewExec, Task};
use mock_containerd::faults::{Cut, EventFault, Faults, When};
use mock_containerd::{MockContainerd, Profile};
use tempfile::TempDir;
use tokio::net::UnixStream;

use crate::book::Book;
use crate::cost::Calls;
use crate::listener::{Heard, Listener};

const NAMESPACE: &str = "costs";

pub(crate) struct Stage<'b> {
    mock: MockContainerd,
    /// Clients talk through it.
    listener: Listener,
    /// Clients make their FIFOs here.
    io_root: TempDir,
    pub(crate) client: Client,
    book: &'b mut Book,
}

impl<'b> Stage<'b> {
    /// Every way to a client costs the same, and is entered.
    pub(crate) async fn open(profile: Profile, book: &'b mut Book) -> Self {
        let mock = MockContainerd::builder().profile(profile).start().await.unwrap();
        let listener = Listener::before(mock.socket());
        let socket = listener.socket();
        let io_root = tempfile::tempdir().unwrap();
        let mut probed = |method, calls: Calls| {
            let probes = calls["Events/Publish"];
            book.enter(method, "", &[("p", probes)], calls);
        };
        let builder = || Client::builder(NAMESPACE).io_root(io_root.path());
        let (calls, client) = counted(&mock, builder().connect(&socket)).await;
        probed("Builder::connect", calls);
        let path = socket.clone();
        let dial = tower::service_fn(move |_: http::Uri| {
            let path = path.clone();
            async move { UnixStream::connect(path).await.map(TokioIo::new) }
        });
        let (calls, other) = counted(&mock, builder().with_connector(dial)).await;
        probed("Builder::with_connector", calls);
        let channel = containerd_client::connect(&socket).await.unwrap();
        let opening = laconic_client::Subscription::open(channel, NAMESPACE);
        let (calls, subscription) = counted(&mock, opening).await;
        probed("Subscription::open", calls);
        drop((other.unwrap(), subscription.unwrap()));
        Self { client: client.unwrap(), mock, listener, io_root, book }
    }

    /// Another client, as after a restart.
    pub(crate) async fn restarted(&self) -> Client {
        self.restarted_with(|builder| builder).await
    }

    pub(crate) async fn restarted_with(&self, options: impl FnOnce(Builder) -> Builder) -> Client {
        let builder = Client::builder(NAMESPACE).io_root(self.io_root.path());
        options(builder).connect(self.listener.socket()).await.unwrap()
    }

    pub(crate) fn folder(&self) -> &std::path::Path {
        self.io_root.path()
    }

    /// Lets the next call of this method fail.
    pub(crate) fn fail_next(&self, rpc: &str, how: &str) {
        let faults = Faults::default().rpc(rpc, When::Before, &format!("1*{how}")).unwrap();
        self.mock.faults().add(faults);
    }

    /// Nobody is told the next event of this topic.
    pub(crate) fn lose_next(&self, topic: &str) {
        self.mock.faults().add(Faults::default().event(topic, 1, EventFault::Lose));
    }

    /// Cuts the event stream of a client; done when it has begun to open another. The probe of that may
    /// be heard before the subscription: they are two calls at once.
    pub(crate) async fn lose_stream(&self, client: &Client) {
        let ledger = self.mock.ledger();
        let from = ledger.mark();
        let stream = Cut::Stream("Events/Subscribe".to_owned());
        let after = "Version/Version#1".parse().unwrap();
        self.mock.faults().add(Faults::default().cut(after, stream));
        client.version().await.unwrap();
        loop {
            let changed = ledger.changed();
            let calls = ledger.calls_between(from, ledger.mark());
            let heard = |rpc| calls.iter().any(|call| call.rpc.short() == rpc);
            if heard("Events/Subscribe") && heard("Events/Publish") {
                return;
            }
            changed.await;
        }
    }

    /// What all calls since this was asked last have carried.
    pub(crate) fn heard(&self) -> Vec<Heard> {
        self.listener.take()
    }

    /// Does some work of a method, and enters what it cost.
    pub(crate) async fn play<T>(
        &mut self,
        method: &'static str,
        when: &'static str,
        work: impl Future<Output = T>,
    ) -> T {
        self.play_with(method, when, &[], work).await
    }

    /// The same, where its cost names numbers.
    pub(crate) async fn play_with<T>(
        &mut self,
        method: &'static str,
        when: &'static str,
        numbers: &[(&'static str, u64)],
        work: impl Future<Output = T>,
    ) -> T {
        let (calls, done) = counted(&self.mock, work).await;
        self.book.enter(method, when, numbers, calls);
        done
    }

    /// A task that runs until it is killed.
    pub(crate) async fn sleeping(&self, id: &str) -> Task {
        let new = NewContainer::new(id, ["sleep", "inf"]);
        self.client.create(new).await.unwrap().start(Io::Null).await.unwrap()
    }
}

/// An exec of `sh -c`.
pub(crate) fn sh(id: &str, line: &str, io: Io) -> NewExec {
    let args = ["sh", "-c", line].map(str::to_owned).into();
    NewExec { id: id.to_owned(), args, io, terminal: false }
}

/// What some work calls. The mock counts a call before it answers.
async fn counted<T>(mock: &MockContainerd, work: impl Future<Output = T>) -> (Calls, T) {
    let ledger = mock.ledger();
    let from = ledger.mark();
    let done = work.await;
    let mut calls = Calls::new();
    let mut traces = BTreeSet::new();
    for call in ledger.calls_between(from, ledger.mark()) {
        let context = call.traceparent.expect("every call is of a trace");
        traces.insert(context.split('-').nth(1).map(str::to_owned));
        *calls.entry(call.rpc.short()).or_default() += 1;
    }
    assert!(traces.len() <= 1, "one operation is one trace: {calls:?}");
    (calls, done)
}
