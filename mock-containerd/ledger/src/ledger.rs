//! The ledger: every call that somebody saw, and the sums.

use std::collections::{BTreeMap, HashMap};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Instant;

use crate::call::{Lent, Opening, Way};
use crate::change::{Change, Changed};
use crate::rows::{Passed, Row, Rows};
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

/// Where a call is entered and where it is summed, so that nothing is looked up by name again.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Entry {
    pub(crate) seq: Seq,
    row: u64,
    method: usize,
    line: usize,
}

#[derive(Debug)]
struct Pages {
    rows: Rows,
    /// Numbers methods in the order in which they were first called.
    methods: HashMap<Rpc, usize>,
    /// By the method's number.
    sums: Vec<(Rpc, Count)>,
    /// Numbers connections in the order of their first calls.
    lines: BTreeMap<ConnectionId, usize>,
    /// By the connection's number.
    by_line: Vec<Line>,
}

/// What came on one connection.
#[derive(Debug, Default)]
struct Line {
    /// By the method's number.
    sums: Vec<Count>,
    /// Which namespace the last call named: nearly always, the next one names the same.
    namespace: Option<Arc<str>>,
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
            rows: Rows::new(limit),
            methods: HashMap::new(),
            sums: Vec::new(),
            lines: BTreeMap::new(),
            by_line: Vec::new(),
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
        self.enter(opening.lent())
    }

    pub(crate) fn enter(&self, opening: Lent<'_>) -> Call {
        let entry = self.book.start(opening);
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
        let line = pages.lines.get(&connection).map(|line| &pages.by_line[*line]);
        let of_line = line.into_iter().flat_map(|line| &line.sums).cloned();
        let named = pages.sums.iter().map(|(rpc, _)| rpc.clone()).zip(of_line);
        Counts { by_rpc: named.filter(|(_, count)| count.started > 0).collect() }
    }

    /// All calls that are kept, in order.
    pub fn calls(&self) -> Vec<CallRecord> {
        self.book.pages().between(Seq::default(), None)
    }

    /// Calls that were started between two marks, in order.
    pub fn calls_between(&self, from: Mark, to: Mark) -> Vec<CallRecord> {
        self.book.pages().between(from.seq(), Some(to.seq()))
    }

    /// How many ended calls were not kept in detail.
    pub fn calls_dropped(&self) -> u64 {
        self.book.pages().rows.dropped()
    }

    /// Calls that have not ended.
    pub fn in_flight(&self) -> u64 {
        self.book.pages().rows.open()
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

    fn start(&self, opening: Lent<'_>) -> Entry {
        let seq = opening.seq.unwrap_or_else(|| self.next_seq());
        let started_us = self.now_us();
        let mut pages = self.pages();
        let (method, line) = (pages.method(opening.path), pages.line(opening.connection));
        let mut row = Row::new(seq, method, opening.connection, started_us);
        row.namespace = opening.namespace.map(|namespace| pages.by_line[line].name(namespace));
        row.traceparent = opening.traceparent.map(Box::from);
        row.injected = opening.injected;
        let entry = Entry { seq, row: pages.rows.enter(row), method, line };
        pages.both(entry, |count| count.begin(opening.injected));
        drop(pages);
        self.change.tell();
        entry
    }

    /// What it calls.
    pub(crate) fn rpc(&self, entry: Entry) -> Rpc {
        self.pages().sums[entry.method].0.clone()
    }

    /// More bytes came, and all that came so far have this hash.
    pub(crate) fn bytes(&self, entry: Entry, way: Way, more: usize, hash: u64) {
        let more = more as u64;
        let mut pages = self.pages();
        let Some(row) = pages.rows.get_mut(entry.row) else { return };
        let passed = row.passed(way);
        *passed = Passed { bytes: passed.bytes + more, hash };
        pages.both(entry, |count| match way {
            Way::Request => count.request_bytes += more,
            Way::Reply => count.reply_bytes += more,
        });
    }

    pub(crate) fn inject(&self, entry: Entry) {
        let mut pages = self.pages();
        let Some(row) = pages.rows.get_mut(entry.row) else { return };
        if !std::mem::replace(&mut row.injected, true) {
            pages.both(entry, |count| count.injected += 1);
        }
    }

    pub(crate) fn end(&self, entry: Entry, ended: Ended) {
        let now = self.now_us();
        let mut pages = self.pages();
        pages.rows.end(entry.row, ended, now);
        pages.both(entry, |count| count.end(ended));
        drop(pages);
        self.change.tell();
    }
}

impl Pages {
    fn method(&mut self, path: &str) -> usize {
        if let Some(number) = self.methods.get(path) {
            return *number;
        }
        let (number, rpc) = (self.sums.len(), Rpc::from_path(path));
        self.methods.insert(rpc.clone(), number);
        self.sums.push((rpc, Count::default()));
        number
    }

    fn line(&mut self, connection: ConnectionId) -> usize {
        let number = *self.lines.entry(connection).or_insert(self.by_line.len());
        if number == self.by_line.len() {
            self.by_line.push(Line::default());
        }
        number
    }

    fn both(&mut self, entry: Entry, change: impl Fn(&mut Count)) {
        change(&mut self.sums[entry.method].1);
        let of_line = &mut self.by_line[entry.line].sums;
        if of_line.len() <= entry.method {
            of_line.resize_with(entry.method + 1, Count::default);
        }
        change(&mut of_line[entry.method]);
    }

    /// Copies of the calls that were started there, in order.
    fn between(&self, from: Seq, before: Option<Seq>) -> Vec<CallRecord> {
        let rows = self.rows.between(from, before);
        rows.into_iter().map(|row| self.record(row)).collect()
    }

    fn record(&self, row: &Row) -> CallRecord {
        CallRecord {
            seq: row.seq,
            // All calls of a method share its name.
            rpc: self.sums[row.method].0.clone(),
            connection: row.connection,
            namespace: row.namespace.as_deref().map(str::to_owned),
            traceparent: row.traceparent.as_deref().map(str::to_owned),
            injected: row.injected,
            started_us: row.started_us,
            duration_us: row.ended.map(|(_, duration_us)| duration_us),
            ended: row.ended.map(|(ended, _)| ended),
            request_bytes: row.request.bytes,
            reply_bytes: row.reply.bytes,
            request_hash: row.request.hash,
            reply_hash: row.reply.hash,
        }
    }
}

impl Line {
    fn name(&mut self, namespace: &str) -> Arc<str> {
        match &self.namespace {
            Some(last) if **last == *namespace => last.clone(),
            _ => self.namespace.insert(namespace.into()).clone(),
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

    #[test]
    fn what_a_client_sends_after_the_reply_is_counted_to_its_own_call() {
        let ledger = Ledger::new();
        let start = || ledger.start(Opening::of(Rpc::from_path(METHODS[0])));
        let early = start();
        early.end(Ended::Finished(Code::OK));
        let later = start();
        early.request_bytes(b"late");
        later.request_bytes(b"own words");
        let bytes: Vec<u64> = ledger.calls().iter().map(|call| call.request_bytes).collect();
        assert_eq!(bytes, [4, 9]);
    }

    #[test]
    fn open_calls_and_ended_ones_stand_in_the_order_in_which_they_were_started() {
        let ledger = Ledger::new();
        let place = ledger.next_seq();
        let start = |method: usize| {
            let opening = Opening::of(Rpc::from_path(METHODS[method]));
            ledger.start(Opening { seq: Some(place), ..opening })
        };
        let (open, ended, last) = (start(2), start(0), start(1));
        last.finish(Code::OK);
        ended.finish(Code::OK);
        let named: Vec<String> = ledger.calls().iter().map(|call| call.rpc.short()).collect();
        assert_eq!(named, ["B/One", "A/One", "A/Two"]);
        open.finish(Code::OK);
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
