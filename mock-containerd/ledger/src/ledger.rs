//! The ledger: every call that somebody saw, and the sums.

use std::collections::{BTreeMap, HashMap};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Instant;

use crate::call::{Opening, Way};
use crate::change::{Change, Changed};
use crate::{Call, CallRecord, ConnectionId, Count, Counts, Ended, Mark, Rpc, Seq};

/// How many ended calls are kept in detail, unless told otherwise.
const CALLS_KEPT: usize = 1 << 20;

/// Counts calls. Clones share one book.
///
/// ```
/// use rpc_ledger::{Code, Ledger, Opening, Rpc};
///
/// let (ledger, same) = { let ledger = Ledger::new(); (ledger.clone(), ledger) };
/// same.start(Opening::of(Rpc::from_path("/a.v1.A/One"))).finish(Code::OK);
/// assert_eq!(ledger.calls().len(), 1);
/// ```
#[derive(Clone, Debug)]
pub struct Ledger {
    book: Arc<Book>,
}

/// What a ledger's clones and its calls in flight share.
#[derive(Debug)]
pub(crate) struct Book {
    origin: Instant,
    seq: AtomicU64,
    connections: AtomicU64,
    change: Change,
    // Never held over an await: this crate has none.
    pages: Mutex<Pages>,
}

/// Where a call stands: several may begin in one chunk and then share its number.
pub(crate) type Place = (Seq, u32);

/// Where a call is entered and where it is summed, so that nothing is looked up by name again.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Entry {
    pub(crate) place: Place,
    connection: ConnectionId,
    method: usize,
}

#[derive(Debug)]
struct Pages {
    calls: BTreeMap<Place, CallRecord>,
    open: u64,
    limit: usize,
    dropped: u64,
    /// Numbers methods in the order in which they were first called.
    methods: HashMap<Rpc, usize>,
    /// By the method's number.
    sums: Vec<(Rpc, Count)>,
    by_connection: HashMap<ConnectionId, Vec<Count>>,
}

impl Default for Ledger {
    fn default() -> Self {
        Self::new()
    }
}

impl Ledger {
    /// An empty one.
    pub fn new() -> Self {
        Self::with_call_limit(CALLS_KEPT)
    }

    /// An empty one that keeps at most so many ended calls in detail; its sums know all.
    pub fn with_call_limit(limit: usize) -> Self {
        let pages = Pages {
            calls: BTreeMap::new(),
            open: 0,
            limit,
            dropped: 0,
            methods: HashMap::new(),
            sums: Vec::new(),
            by_connection: HashMap::new(),
        };
        let book = Book {
            origin: Instant::now(),
            seq: AtomicU64::new(0),
            connections: AtomicU64::new(0),
            change: Change::default(),
            pages: Mutex::new(pages),
        };
        Self { book: Arc::new(book) }
    }

    /// The instant from which calls are timed.
    pub fn origin(&self) -> Instant {
        self.book.origin
    }

    /// Names a new connection.
    pub fn open_connection(&self) -> ConnectionId {
        ConnectionId::new(self.book.connections.fetch_add(1, Ordering::Relaxed) + 1)
    }

    /// Takes a number.
    pub fn next_seq(&self) -> Seq {
        self.book.next_seq()
    }

    /// Takes a number that stands between what was numbered before and what will be after.
    pub fn mark(&self) -> Mark {
        Mark::at(self.next_seq())
    }

    /// Enters a call.
    pub fn start(&self, opening: Opening) -> Call {
        let seq = opening.seq.unwrap_or_else(|| self.next_seq());
        let entry = self.book.start(seq, opening);
        Call::new(self.book.clone(), entry)
    }

    /// Everything so far.
    pub fn counts(&self) -> Counts {
        let pages = self.book.pages();
        Counts { by_rpc: pages.sums.iter().cloned().collect() }
    }

    /// Everything so far on one connection.
    pub fn counts_of(&self, connection: ConnectionId) -> Counts {
        let pages = self.book.pages();
        let of_connection = pages.by_connection.get(&connection).into_iter().flatten();
        let named = pages.sums.iter().map(|(rpc, _)| rpc.clone()).zip(of_connection.cloned());
        Counts { by_rpc: named.filter(|(_, count)| count.started > 0).collect() }
    }

    /// All calls that are kept, in order.
    pub fn calls(&self) -> Vec<CallRecord> {
        self.book.pages().calls.values().cloned().collect()
    }

    /// Calls that were started between two marks, in order.
    pub fn calls_between(&self, from: Mark, to: Mark) -> Vec<CallRecord> {
        let pages = self.book.pages();
        let range = (from.seq(), 0)..(to.seq(), 0);
        pages.calls.range(range).map(|(_, call)| call.clone()).collect()
    }

    /// How many ended calls were not kept in detail.
    pub fn calls_dropped(&self) -> u64 {
        self.book.pages().dropped
    }

    /// Calls that have not ended.
    pub fn in_flight(&self) -> u64 {
        self.book.pages().open
    }

    /// Done when a call has started or ended since this was called.
    pub fn changed(&self) -> Changed {
        self.book.change.changed()
    }
}

impl Book {
    fn pages(&self) -> MutexGuard<'_, Pages> {
        self.pages.lock().expect("nothing panics while it holds the pages")
    }

    fn next_seq(&self) -> Seq {
        Seq::new(self.seq.fetch_add(1, Ordering::Relaxed) + 1)
    }

    fn now_us(&self) -> u64 {
        u64::try_from(self.origin.elapsed().as_micros()).unwrap_or(u64::MAX)
    }

    fn start(&self, seq: Seq, opening: Opening) -> Entry {
        let started_us = self.now_us();
        let mut pages = self.pages();
        let mut place = (seq, 0);
        while pages.calls.contains_key(&place) {
            place.1 += 1;
        }
        let connection = opening.connection;
        let method = pages.method(&opening.rpc);
        pages.both(method, connection, |count| count.begin(opening.injected));
        pages.open += 1;
        let record = CallRecord {
            seq,
            rpc: opening.rpc,
            connection,
            namespace: opening.namespace,
            traceparent: opening.traceparent,
            injected: opening.injected,
            started_us,
            duration_us: None,
            ended: None,
            request_bytes: 0,
            reply_bytes: 0,
            request_hash: 0,
            reply_hash: 0,
        };
        pages.calls.insert(place, record);
        drop(pages);
        self.change.tell();
        Entry { place, connection, method }
    }

    /// More bytes came, and all that came so far have this hash.
    pub(crate) fn bytes(&self, entry: Entry, way: Way, more: usize, hash: u64) {
        let more = more as u64;
        let mut pages = self.pages();
        let Some(call) = pages.calls.get_mut(&entry.place) else { return };
        match way {
            Way::Request => {
                (call.request_bytes, call.request_hash) = (call.request_bytes + more, hash)
            }
            Way::Reply => (call.reply_bytes, call.reply_hash) = (call.reply_bytes + more, hash),
        }
        pages.both(entry.method, entry.connection, |count| match way {
            Way::Request => count.request_bytes += more,
            Way::Reply => count.reply_bytes += more,
        });
    }

    pub(crate) fn inject(&self, entry: Entry) {
        let mut pages = self.pages();
        let Some(call) = pages.calls.get_mut(&entry.place) else { return };
        if !std::mem::replace(&mut call.injected, true) {
            pages.both(entry.method, entry.connection, |count| count.injected += 1);
        }
    }

    pub(crate) fn end(&self, entry: Entry, ended: Ended) {
        let now = self.now_us();
        let mut pages = self.pages();
        // Calls in flight are never dropped, so the entry is there.
        if let Some(call) = pages.calls.get_mut(&entry.place) {
            call.ended = Some(ended);
            call.duration_us = Some(now.saturating_sub(call.started_us));
            pages.open -= 1;
            pages.both(entry.method, entry.connection, |count| count.end(ended));
        }
        pages.forget();
        drop(pages);
        self.change.tell();
    }
}

impl Pages {
    fn method(&mut self, rpc: &Rpc) -> usize {
        if let Some(number) = self.methods.get(rpc) {
            return *number;
        }
        let number = self.sums.len();
        self.methods.insert(rpc.clone(), number);
        self.sums.push((rpc.clone(), Count::default()));
        number
    }

    fn both(&mut self, method: usize, connection: ConnectionId, change: impl Fn(&mut Count)) {
        change(&mut self.sums[method].1);
        let of_connection = self.by_connection.entry(connection).or_default();
        if of_connection.len() <= method {
            of_connection.resize_with(method + 1, Count::default);
        }
        change(&mut of_connection[method]);
    }

    fn forget(&mut self) {
        while self.calls.len() > self.limit + self.open as usize {
            let oldest = self.calls.iter().find(|(_, call)| call.ended.is_some());
            let Some(place) = oldest.map(|(place, _)| *place) else { return };
            self.calls.remove(&place);
            self.dropped += 1;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Code;
    use proptest::prelude::*;

    const METHODS: [&str; 3] = ["/a.v1.A/One", "/a.v1.A/Two", "/b.v1.B/One"];

    #[test]
    fn equal_requests_have_equal_hashes_and_their_order_matters() {
        let ledger = Ledger::new();
        for parts in [["ab", "c"], ["a", "bc"], ["c", "ab"]] {
            let call = ledger.start(Opening::of(Rpc::from_path(METHODS[0])));
            parts.iter().for_each(|part| call.request_bytes(part.as_bytes()));
            call.finish(Code::OK);
        }
        let hashes: Vec<u64> = ledger.calls().iter().map(|call| call.request_hash).collect();
        assert_eq!(hashes[0], hashes[1]);
        assert_ne!(hashes[0], hashes[2]);
    }

    #[test]
    fn a_ledger_with_a_limit_keeps_its_sums_and_says_what_it_dropped() {
        let ledger = Ledger::with_call_limit(2);
        let open = ledger.start(Opening::of(Rpc::from_path(METHODS[1])));
        for _ in 0..5 {
            ledger.start(Opening::of(Rpc::from_path(METHODS[0]))).finish(Code::OK);
        }
        assert_eq!(ledger.counts().total_started(), 6);
        assert_eq!(ledger.calls_dropped(), 3);
        assert_eq!(ledger.in_flight(), 1);
        open.finish(Code::OK);
        assert_eq!(ledger.in_flight(), 0);
    }

    #[test]
    fn calls_are_found_between_the_marks_they_were_started_between() {
        let ledger = Ledger::new();
        let start = |method| ledger.start(Opening::of(Rpc::from_path(method)));
        start(METHODS[0]).finish(Code::OK);
        let from = ledger.mark();
        start(METHODS[1]).finish(Code::OK);
        let to = ledger.mark();
        start(METHODS[2]).finish(Code::OK);
        let between = ledger.calls_between(from, to);
        assert_eq!(between.len(), 1);
        assert_eq!(between[0].rpc.short(), "A/Two");
    }

    fn step() -> impl Strategy<Value = (usize, u8, u32, usize)> {
        (0..METHODS.len(), 0u8..4, 0u32..18, 0usize..40)
    }

    proptest! {
        #[test]
        fn what_is_started_is_finished_broken_cancelled_or_in_flight(
            steps in proptest::collection::vec(step(), 0..60), split in 0usize..60,
        ) {
            let ledger = Ledger::new();
            let mut open = Vec::new();
            let mut earlier = ledger.counts();
            for (index, (method, end, code, bytes)) in steps.iter().enumerate() {
                if index == split {
                    earlier = ledger.counts();
                }
                let call = ledger.start(Opening::of(Rpc::from_path(METHODS[*method])));
                call.reply_bytes(&vec![0; *bytes]);
                match end {
                    0 => call.finish(Code::new(*code)),
                    1 => call.broken(),
                    2 => drop(call),
                    _ => open.push(call),
                }
            }
            let counts = ledger.counts();
            prop_assert_eq!(counts.total_started(), steps.len() as u64);
            let in_flight: u64 = counts.iter().map(|(_, count)| count.in_flight()).sum();
            prop_assert_eq!(in_flight, open.len() as u64);
            prop_assert_eq!(ledger.in_flight(), open.len() as u64);
            let later = counts.clone() - earlier.clone();
            prop_assert_eq!(
                earlier.total_started() + later.total_started(), counts.total_started()
            );
            prop_assert!((counts.clone() - counts).iter().all(|(_, c)| *c == Count::default()));
        }
    }
}
