//! The connections of a mock and the calls that are open on them, so that they can be cut.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard};
use std::task::{Context, Poll, Waker};

use futures_util::task::AtomicWaker;
use rpc_ledger::{ConnectionId, Injection};
use slab::Slab;

use super::{Arrival, Door};

/// All connections.
#[derive(Clone, Debug, Default)]
pub(crate) struct Lines {
    open: Arc<Mutex<BTreeMap<ConnectionId, Line>>>,
}

/// One connection.
#[derive(Clone, Debug)]
pub(crate) struct Line {
    inner: Arc<LineInner>,
}

#[derive(Debug)]
struct LineInner {
    connection: ConnectionId,
    calls: Mutex<Slab<OpenCall>>,
    /// Whether any call was ever reset here: nearly always, there is nothing more to look at.
    resets: AtomicBool,
    hung_up: AtomicBool,
    /// By a fault, and not because who stands behind is gone.
    by_fault: AtomicBool,
    server: AtomicWaker,
}

/// A call that is under way on a line.
#[derive(Debug)]
struct OpenCall {
    injection: Injection,
    reset: bool,
    /// The end of its answer is on its way to the connection: no cut comes before it any more.
    answered: bool,
    /// Whom to tell that it was reset; most calls never wait.
    waiting: Option<Waker>,
}

/// Takes a call off its line when it is over.
#[derive(Debug)]
pub(super) struct OnLine {
    line: Line,
    place: usize,
}

/// Takes a line off the list when its connection has ended.
#[derive(Debug)]
pub(crate) struct Listed {
    lines: Lines,
    line: Line,
}

impl Lines {
    fn open(&self) -> MutexGuard<'_, BTreeMap<ConnectionId, Line>> {
        self.open.lock().expect("nothing panics while it holds the lines")
    }

    /// A connection begins.
    pub(crate) fn begin(&self, Arrival { connection, door }: Arrival) -> Listed {
        let inner = LineInner {
            connection,
            calls: Mutex::default(),
            resets: AtomicBool::new(false),
            hung_up: AtomicBool::new(false),
            by_fault: AtomicBool::new(false),
            server: AtomicWaker::new(),
        };
        let line = Line { inner: Arc::new(inner) };
        // What is not on the list is not cut.
        if door == Door::Front {
            self.open().insert(connection, line.clone());
        }
        Listed { lines: self.clone(), line }
    }

    /// Cuts all.
    pub(super) fn cut(&self) {
        let lines: Vec<Line> = self.open().values().cloned().collect();
        lines.iter().for_each(Line::cut);
    }

    pub(super) fn find(&self, connection: ConnectionId) -> Option<Line> {
        self.open().get(&connection).cloned()
    }
}

impl Listed {
    pub(crate) fn line(&self) -> &Line {
        &self.line
    }
}

impl Drop for Listed {
    fn drop(&mut self) {
        self.lines.open().remove(&self.line.inner.connection);
    }
}

impl Line {
    fn calls(&self) -> MutexGuard<'_, Slab<OpenCall>> {
        self.inner.calls.lock().expect("nothing panics while it holds the calls")
    }

    pub(super) fn connection(&self) -> ConnectionId {
        self.inner.connection
    }

    pub(super) fn begin(&self, injection: Injection) -> OnLine {
        let call = OpenCall { injection, reset: false, answered: false, waiting: None };
        let mut calls = self.calls();
        if self.is_hung_up() {
            // It was in the socket when the connection was cut, and ends as those before it.
            self.end(&call);
        }
        let place = calls.insert(call);
        drop(calls);
        OnLine { line: self.clone(), place }
    }

    /// Ends the connection, and everything that goes on there breaks.
    pub(super) fn cut(&self) {
        self.hang_up(true);
    }

    /// Ends the connection, for whoever stands behind has ended it: that is nobody's fault.
    pub(crate) fn lose(&self) {
        self.hang_up(false);
    }

    /// They end here, and not when the connection's tasks notice: those would take it for the client's
    /// doing.
    fn hang_up(&self, by_fault: bool) {
        let calls = self.calls();
        if !self.inner.hung_up.swap(true, Ordering::AcqRel) {
            self.inner.by_fault.store(by_fault, Ordering::Release);
        }
        let open = calls.iter().map(|(_, call)| call).filter(|call| !call.answered);
        open.for_each(|call| self.end(call));
        drop(calls);
        self.inner.server.wake();
    }

    fn end(&self, call: &OpenCall) {
        match self.inner.by_fault.load(Ordering::Acquire) {
            true => call.break_off(),
            false => call.injection.break_off(),
        }
    }

    fn is_hung_up(&self) -> bool {
        self.inner.hung_up.load(Ordering::Acquire)
    }

    /// How many calls of one method are open.
    pub(super) fn open(&self, short: &str) -> usize {
        self.calls().iter().filter(|(_, call)| call.injection.rpc().short() == short).count()
    }

    /// Resets the open calls of one method.
    pub(super) fn reset(&self, short: &str) {
        let mut calls = self.calls();
        let of_method = calls
            .iter_mut()
            .map(|(_, call)| call)
            .filter(|call| call.injection.rpc().short() == short);
        let waiting: Vec<Option<Waker>> = of_method.map(OpenCall::reset).collect();
        drop(calls);
        self.inner.resets.store(true, Ordering::Release);
        waiting.into_iter().flatten().for_each(Waker::wake);
    }

    /// Whether it has been cut, and no answer from before is still on its way. Asked before the connection
    /// is polled: what was handed to the connection before the cut is written by that poll.
    pub(crate) fn hung_up(&self, context: &Context<'_>) -> bool {
        self.inner.server.register(context.waker());
        self.is_hung_up() && !self.calls().iter().any(|(_, call)| call.answered)
    }
}

impl OpenCall {
    fn break_off(&self) {
        self.injection.mark();
        self.injection.break_off();
    }

    fn reset(&mut self) -> Option<Waker> {
        self.break_off();
        self.reset = true;
        self.waiting.take()
    }
}

impl OnLine {
    pub(super) fn line(&self) -> &Line {
        &self.line
    }

    pub(super) fn mark(&self) {
        self.line.calls()[self.place].injection.mark();
    }

    /// Its answer ends now. `false`: it was cut before, and nobody is to be told any more.
    pub(super) fn answer(&self) -> bool {
        let call = &mut self.line.calls()[self.place];
        call.answered |= !self.line.is_hung_up();
        call.answered
    }

    /// Whether its connection was cut before it was answered.
    pub(super) fn is_cut(&self) -> bool {
        self.line.is_hung_up() && !self.line.calls()[self.place].answered
    }

    /// Whether it has been reset.
    pub(super) fn is_reset(&self) -> bool {
        self.line.inner.resets.load(Ordering::Acquire) && self.line.calls()[self.place].reset
    }

    /// For a call that waits: ready when it has been reset.
    pub(super) fn poll_reset(&self, context: &Context<'_>) -> Poll<()> {
        let call = &mut self.line.calls()[self.place];
        if call.reset {
            return Poll::Ready(());
        }
        match &mut call.waiting {
            Some(waker) => waker.clone_from(context.waker()),
            none => *none = Some(context.waker().clone()),
        }
        Poll::Pending
    }
}

impl Drop for OnLine {
    fn drop(&mut self) {
        self.line.calls().remove(self.place);
        // The cut may have waited for it.
        if self.line.is_hung_up() {
            self.line.inner.server.wake();
        }
    }
}

#[cfg(test)]
mod tests {
    use std::task::Waker;

    use rpc_ledger::{Call, Ended, Ledger, Opening, Rpc};

    use super::super::Arrivals;
    use super::*;

    fn call(ledger: &Ledger) -> (Arc<Call>, Injection) {
        let call = Arc::new(ledger.start(Opening::of(Rpc::from_path("/a.v1.A/One"))));
        (call.clone(), Injection::of(call))
    }

    #[test]
    fn a_cut_waits_for_an_answer_that_is_on_its_way_and_breaks_off_all_others() {
        let ledger = Ledger::new();
        let listed = Lines::default().begin(Arrivals::default().arrive(&ledger, Door::Front));
        let line = listed.line();
        let ((told, first), (_untold, second)) = (call(&ledger), call(&ledger));
        let (first, second) = (line.begin(first), line.begin(second));
        assert!(first.answer());
        line.cut();
        let (_late, third) = call(&ledger);
        let third = line.begin(third);
        assert!(third.is_cut(), "it was in the socket");
        assert!(second.is_cut() && !second.answer(), "nobody is told after the cut");
        assert!(!first.is_cut());
        let context = Context::from_waker(Waker::noop());
        assert!(!line.hung_up(&context), "the first answer is not written yet");
        drop(told);
        drop(first);
        assert!(line.hung_up(&context));
        let ended: Vec<_> = ledger.calls().iter().map(|call| (call.ended, call.injected)).collect();
        let broken = (Some(Ended::Broken), true);
        assert_eq!(ended, [(Some(Ended::Cancelled), false), broken, broken], "each as it ended");
    }
}
