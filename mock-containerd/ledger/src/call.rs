//! One call, from its opening to its end.

use std::hash::Hasher;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};

use twox_hash::XxHash64;

use crate::ledger::{Book, Entry};
use crate::{Code, ConnectionId, Rpc, Seq};

/// How a call began.
///
/// ```
/// use rpc_ledger::{Ledger, Opening, Rpc};
///
/// let ledger = Ledger::new();
/// let rpc = Rpc::from_path("/a.v1.A/One");
/// let opening = Opening { namespace: Some("mine".to_owned()), ..Opening::of(rpc) };
/// let call = ledger.start(opening);
/// assert_eq!(ledger.calls()[0].namespace.as_deref(), Some("mine"));
/// ```
#[derive(Clone, Debug)]
pub struct Opening {
    /// What is called.
    pub rpc: Rpc,
    /// On which connection.
    pub connection: ConnectionId,
    /// Its number; `None`: the ledger gives the next one.
    pub seq: Option<Seq>,
    /// The containerd namespace that it names.
    pub namespace: Option<String>,
    /// Its W3C trace context.
    pub traceparent: Option<String>,
    /// Whether the harness will make it fail.
    pub injected: bool,
}

impl Opening {
    /// A call of which only the name is known.
    pub fn of(rpc: Rpc) -> Self {
        Self {
            rpc,
            connection: ConnectionId::default(),
            seq: None,
            namespace: None,
            traceparent: None,
            injected: false,
        }
    }

    pub(crate) fn lent(&self) -> Lent<'_> {
        Lent {
            path: self.rpc.path(),
            connection: self.connection,
            seq: self.seq,
            namespace: self.namespace.as_deref(),
            traceparent: self.traceparent.as_deref(),
            injected: self.injected,
        }
    }
}

/// How a call began, in words of somebody else's: most were said before, and nothing is to be copied
/// for them.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Lent<'w> {
    pub(crate) path: &'w str,
    pub(crate) connection: ConnectionId,
    pub(crate) seq: Option<Seq>,
    pub(crate) namespace: Option<&'w str>,
    pub(crate) traceparent: Option<&'w str>,
    pub(crate) injected: bool,
}

/// How a call ended.
///
/// ```
/// use rpc_ledger::{Ended, Ledger, Opening, Rpc};
///
/// let ledger = Ledger::new();
/// drop(ledger.start(Opening::of(Rpc::from_path("/a.v1.A/One"))));
/// assert_eq!(ledger.calls()[0].ended, Some(Ended::Cancelled));
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Ended {
    /// With a status, in headers or trailers.
    Finished(Code),
    /// By the server's side, without a status.
    Broken,
    /// By the client, before a status came.
    Cancelled,
}

/// A call as it stands in the ledger.
///
/// ```
/// use rpc_ledger::{CallRecord, Code, Ledger, Opening, Rpc};
///
/// let ledger = Ledger::new();
/// let call = ledger.start(Opening::of(Rpc::from_path("/a.v1.A/One")));
/// let record: CallRecord = ledger.calls().remove(0);
/// assert_eq!((record.ending().as_str(), record.duration_us), ("open", None));
/// call.finish(Code::new(5));
/// assert_eq!(ledger.calls()[0].ending(), "not-found");
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CallRecord {
    /// Its number.
    pub seq: Seq,
    /// What was called.
    pub rpc: Rpc,
    /// On which connection.
    pub connection: ConnectionId,
    /// The containerd namespace that it named.
    pub namespace: Option<String>,
    /// Its W3C trace context.
    pub traceparent: Option<String>,
    /// Whether the harness made it fail.
    pub injected: bool,
    /// Since the ledger's origin.
    pub started_us: u64,
    /// Absent while it is open.
    pub duration_us: Option<u64>,
    /// Absent while it is open.
    pub ended: Option<Ended>,
    /// DATA payload from client to server.
    pub request_bytes: u64,
    /// DATA payload from server to client.
    pub reply_bytes: u64,
    /// XXH64 of what the client sent: equal requests have equal hashes.
    pub request_hash: u64,
    /// XXH64 of what the server sent.
    pub reply_hash: u64,
}

impl CallRecord {
    /// How it ended, in a word: a status code, `broken`, `cancelled`, or `open`.
    pub fn ending(&self) -> String {
        match &self.ended {
            None => "open".to_owned(),
            Some(Ended::Finished(code)) => code.to_string(),
            Some(Ended::Broken) => "broken".to_owned(),
            Some(Ended::Cancelled) => "cancelled".to_owned(),
        }
    }
}

/// A call in flight. Dropping it without an end counts it as cancelled.
///
/// ```
/// use rpc_ledger::{Call, Code, Ledger, Opening, Rpc};
///
/// let ledger = Ledger::new();
/// let call: Call = ledger.start(Opening::of(Rpc::from_path("/a.v1.A/One")));
/// call.request_bytes(b"asked");
/// call.reply_bytes(b"answered");
/// call.finish(Code::OK);
/// let record = &ledger.calls()[0];
/// assert_eq!((record.request_bytes, record.reply_bytes), (5, 8));
/// ```
#[must_use = "dropping a call counts it as cancelled"]
#[derive(Debug)]
pub struct Call {
    book: Arc<Book>,
    entry: Entry,
    ended: AtomicBool,
    sent: Mutex<XxHash64>,
    received: Mutex<XxHash64>,
}

/// Which way bytes went.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Way {
    Request,
    Reply,
}

impl Call {
    pub(crate) fn new(book: Arc<Book>, entry: Entry) -> Self {
        let ended = AtomicBool::new(false);
        Self { book, entry, ended, sent: Mutex::default(), received: Mutex::default() }
    }

    /// Its number.
    pub fn seq(&self) -> Seq {
        self.entry.seq
    }

    /// The client sent message bytes.
    pub fn request_bytes(&self, bytes: &[u8]) {
        self.bytes(Way::Request, bytes);
    }

    /// The server sent message bytes.
    pub fn reply_bytes(&self, bytes: &[u8]) {
        self.bytes(Way::Reply, bytes);
    }

    fn bytes(&self, way: Way, bytes: &[u8]) {
        let hasher = match way {
            Way::Request => &self.sent,
            Way::Reply => &self.received,
        };
        let mut hasher = hasher.lock().expect("hashing does not panic");
        hasher.write(bytes);
        self.book.bytes(self.entry, way, bytes.len(), hasher.finish());
    }

    /// It ended with a status.
    pub fn finish(self, code: Code) {
        self.end(Ended::Finished(code));
    }

    /// The server's side ended it without a status.
    pub fn broken(self) {
        self.end(Ended::Broken);
    }

    /// The client gave it up.
    pub fn cancelled(self) {
        self.end(Ended::Cancelled);
    }

    /// The layer's futures and bodies share a call: the first end counts.
    pub(crate) fn end(&self, ended: Ended) {
        if !self.ended.swap(true, Ordering::Relaxed) {
            self.book.end(self.entry, ended);
        }
    }
}

/// A layer finds it at the body of a request that came through [`crate::LedgerLayer`]
/// ([`crate::LedgerBody::injection`]), and says by it that it had a hand in how the call went.
///
/// ```
/// use rpc_ledger::{Ended, Injection, Ledger, Opening, Rpc};
///
/// let ledger = Ledger::new();
/// let call = std::sync::Arc::new(ledger.start(Opening::of(Rpc::from_path("/a.v1.A/One"))));
/// let injection = Injection::of(call);
/// injection.mark();
/// injection.break_off();
/// let call = &ledger.calls()[0];
/// assert!(call.injected);
/// assert_eq!(call.ended, Some(Ended::Broken));
/// ```
#[derive(Clone, Debug)]
pub struct Injection {
    call: Arc<Call>,
}

impl Injection {
    /// For a call that is under way.
    pub fn of(call: Arc<Call>) -> Self {
        Self { call }
    }

    /// From now on it stands in the ledger as injected.
    pub fn mark(&self) {
        self.call.book.inject(self.call.entry);
    }

    /// What it calls.
    pub fn rpc(&self) -> Rpc {
        self.call.book.rpc(self.call.entry)
    }

    /// The server's side ends it now, without a status.
    pub fn break_off(&self) {
        self.call.end(Ended::Broken);
    }
}

impl Drop for Call {
    fn drop(&mut self) {
        self.end(Ended::Cancelled);
    }
}
