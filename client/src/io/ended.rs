//! The end of a process, for its streams.

use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll};

use tokio::sync::watch;

use crate::registry::Standing;

/// Whether a process has exited or is gone.
pub(super) struct Ended {
    waiting: Option<Pin<Box<dyn Future<Output = ()> + Send>>>,
}

impl Ended {
    pub(super) fn of(mut standing: watch::Receiver<Standing>) -> Self {
        let waiting = Box::pin(async move {
            if standing.wait_for(Standing::has_ended).await.is_err() {
                // The client is gone, and nobody tells any more.
                std::future::pending().await
            }
        });
        Self { waiting: Some(waiting) }
    }

    pub(super) fn poll(&mut self, context: &mut Context<'_>) -> Poll<()> {
        let Some(waiting) = &mut self.waiting else { return Poll::Ready(()) };
        std::task::ready!(waiting.as_mut().poll(context));
        self.waiting = None;
        Poll::Ready(())
    }
}

impl std::fmt::Debug for Ended {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Ended").field("known", &self.waiting.is_none()).finish()
    }
}
