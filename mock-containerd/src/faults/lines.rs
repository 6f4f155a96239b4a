//! The connections of a mock and the calls that are open on them, so that they can be cut.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard};
use std::task::{Context, Poll};

use futures_util::task::AtomicWaker;
use rpc_ledger::{ConnectionId, Injection, Rpc};

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
    calls: Mutex<BTreeMap<u64, Arc<OpenCall>>>,
    next_call: AtomicU64,
    hung_up: AtomicBool,
    server: AtomicWaker,
}

/// A call that is under way on a line.
#[derive(Debug)]
pub(super) struct OpenCall {
    number: u64,
    path: String,
    /// Absent where nobody counts.
    injection: Option<Injection>,
    reset: AtomicBool,
    waiting: AtomicWaker,
}

/// Takes a call off its line when it is over.
#[derive(Debug)]
pub(super) struct OnLine {
    line: Line,
    call: Arc<OpenCall>,
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
            next_call: AtomicU64::new(0),
            hung_up: AtomicBool::new(false),
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
    pub(super) fn cut(&self) -> usize {
        let lines: Vec<Line> = self.open().values().cloned().collect();
        lines.iter().for_each(Line::cut);
        lines.len()
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
    fn calls(&self) -> MutexGuard<'_, BTreeMap<u64, Arc<OpenCall>>> {
        self.inner.calls.lock().expect("nothing panics while it holds the calls")
    }

    pub(super) fn connection(&self) -> ConnectionId {
        self.inner.connection
    }

    pub(super) fn begin(&self, path: &str, injection: Option<Injection>) -> OnLine {
        let number = self.inner.next_call.fetch_add(1, Ordering::Relaxed);
        let call = Arc::new(OpenCall {
            number,
            path: path.to_owned(),
            injection,
            reset: AtomicBool::new(false),
            waiting: AtomicWaker::new(),
        });
        self.calls().insert(number, call.clone());
        OnLine { line: self.clone(), call }
    }

    /// Ends the connection, and everything that goes on there breaks.
    pub(super) fn cut(&self) {
        let calls: Vec<Arc<OpenCall>> = self.calls().values().cloned().collect();
        // They end here, and not when the connection's tasks notice: those would take it for the
        // client's doing.
        calls.iter().for_each(|call| call.break_off());
        self.inner.hung_up.store(true, Ordering::Release);
        self.inner.server.wake();
    }

    /// Resets the open calls of one method.
    pub(super) fn reset(&self, short: &str) -> usize {
        let calls: Vec<Arc<OpenCall>> = self.calls().values().cloned().collect();
        let of_method = calls.iter().filter(|call| Rpc::from_path(&call.path).short() == short);
        let reset = of_method.map(|call| {
            call.break_off();
            call.reset.store(true, Ordering::Release);
            call.waiting.wake();
        });
        reset.count()
    }

    /// Whether it has been cut. Asked before the connection is polled: what was handed to the
    /// connection before the cut is written by that poll.
    pub(crate) fn hung_up(&self, context: &Context<'_>) -> bool {
        self.inner.server.register(context.waker());
        self.inner.hung_up.load(Ordering::Acquire)
    }
}

impl OpenCall {
    fn break_off(&self) {
        if let Some(injection) = &self.injection {
            injection.mark();
            injection.break_off();
        }
    }
}

impl OnLine {
    pub(super) fn line(&self) -> &Line {
        &self.line
    }

    pub(super) fn mark(&self) {
        if let Some(injection) = &self.call.injection {
            injection.mark();
        }
    }

    /// Ready when it has been reset.
    pub(super) fn poll_reset(&self, context: &Context<'_>) -> Poll<()> {
        self.call.waiting.register(context.waker());
        match self.call.reset.load(Ordering::Acquire) {
            true => Poll::Ready(()),
            false => Poll::Pending,
        }
    }
}

impl Drop for OnLine {
    fn drop(&mut self) {
        self.line.calls().remove(&self.call.number);
    }
}
