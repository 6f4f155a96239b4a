//! Operations of several calls, which are not left half done when whoever asked goes away.

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll};
use std::time::Duration;

use tokio::runtime::Handle;
use tokio::sync::watch;

use crate::wire::carried;

/// How long undoing may take, all in all.
const UNDO_LIMIT: Duration = Duration::from_secs(30);

/// What is being undone in the background.
#[derive(Clone, Debug)]
pub(crate) struct Undoing {
    runtime: Handle,
    open: watch::Sender<usize>,
}

/// One of them.
struct Open(watch::Sender<usize>);

impl Drop for Open {
    fn drop(&mut self) {
        self.0.send_modify(|open| *open -= 1);
    }
}

impl Undoing {
    /// On the runtime that runs here.
    pub(crate) fn here() -> Self {
        Self { runtime: Handle::current(), open: watch::Sender::default() }
    }

    /// Undoes something in the background, within the limit.
    pub(crate) fn undo(&self, undo: impl Future<Output = ()> + Send + 'static) {
        self.go_on(limited(undo));
    }

    /// For the operation that runs here, also while it is dropped. Where the runtime has ended,
    /// nothing can be said to the daemon any more.
    fn go_on(&self, work: impl Future<Output = ()> + Send + 'static) {
        self.open.send_modify(|open| *open += 1);
        let open = Open(self.open.clone());
        let counted = async move {
            work.await;
            drop(open);
        };
        self.runtime.spawn(carried(counted));
    }

    /// Waits until nothing is being undone any more.
    pub(crate) async fn done(&self) {
        // The sender is in `self`.
        let _ = self.open.subscribe().wait_for(|open| *open == 0).await;
    }
}

async fn limited(undo: impl Future<Output = ()>) {
    if tokio::time::timeout(UNDO_LIMIT, undo).await.is_err() {
        tracing::warn!(limit = ?UNDO_LIMIT, "something could not be undone in time");
    }
}

/// Whether nobody waits for the result any more.
#[derive(Clone, Debug, Default)]
pub(crate) struct Abandoned(Arc<AtomicBool>);

impl Abandoned {
    pub(crate) fn get(&self) -> bool {
        self.0.load(Ordering::Relaxed)
    }
}

type Work<T> = Pin<Box<dyn Future<Output = T> + Send>>;
type Undo<T> = Box<dyn FnOnce(T) -> Work<()> + Send>;

/// Runs to its end. Dropped before, it goes on by itself, so that what came of it is known, and
/// then that is undone: a call that makes something is not reset, for it may be done all the same.
pub(crate) struct Finishing<T: Send + 'static> {
    work: Option<Work<T>>,
    undo: Option<Undo<T>>,
    abandoned: Abandoned,
    undoing: Undoing,
}

impl<T: Send + 'static> Finishing<T> {
    pub(crate) fn new<W, U>(
        undoing: &Undoing,
        work: impl FnOnce(Abandoned) -> W,
        undo: impl FnOnce(T) -> U + Send + 'static,
    ) -> Self
    where
        W: Future<Output = T> + Send + 'static,
        U: Future<Output = ()> + Send + 'static,
    {
        let abandoned = Abandoned::default();
        let work: Work<T> = Box::pin(work(abandoned.clone()));
        let undo: Undo<T> = Box::new(|made| Box::pin(undo(made)));
        let (work, undo) = (Some(work), Some(undo));
        Self { work, undo, abandoned, undoing: undoing.clone() }
    }
}

impl<T: Send + 'static> Future for Finishing<T> {
    type Output = T;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<T> {
        let work = self.work.as_mut().expect("it is not polled again after its end");
        let done = std::task::ready!(work.as_mut().poll(context));
        self.work = None;
        Poll::Ready(done)
    }
}

impl<T: Send + 'static> Unpin for Finishing<T> {}

impl<T: Send + 'static> Drop for Finishing<T> {
    fn drop(&mut self) {
        let (Some(work), Some(undo)) = (self.work.take(), self.undo.take()) else { return };
        self.abandoned.0.store(true, Ordering::Relaxed);
        let ending = async move { limited(undo(work.await)).await };
        self.undoing.go_on(ending);
    }
}
