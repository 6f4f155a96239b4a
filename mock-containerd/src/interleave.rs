//! Interleavings: every message takes a drawn while, so that what happens at once happens in
//! another order, and in the same order for the same seed.

use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::task::{Context, Poll, ready};
use std::time::Duration;

use bytes::Bytes;
use http_body::{Body, Frame};
use tokio::time::Sleep;

use crate::faults::Draw;

/// A message takes less than so many milliseconds.
const DELAY_MS: u64 = 16;

/// Draws how long messages take. Clones are one.
#[derive(Clone, Debug)]
pub(crate) struct Interleave {
    seed: Arc<AtomicU64>,
    messages: Arc<AtomicU64>,
}

impl Interleave {
    pub(crate) fn new(seed: u64) -> Self {
        Self { seed: Arc::new(AtomicU64::new(seed)), messages: Arc::default() }
    }

    /// Draws anew, as if no message had come yet.
    pub(crate) fn anew(&self, seed: u64) {
        self.seed.store(seed, Ordering::Relaxed);
        self.messages.store(0, Ordering::Relaxed);
    }

    /// By the number of the message: in memory, and with time that stands still, messages come in
    /// the same order in every run.
    fn next(&self) -> Duration {
        let number = self.messages.fetch_add(1, Ordering::Relaxed);
        let draw = Draw(self.seed.load(Ordering::Relaxed));
        Duration::from_millis(draw.below(DELAY_MS, [number, 0, 0]))
    }

    /// Before a request is served.
    pub(crate) async fn pause(&self) {
        tokio::time::sleep(self.next()).await;
    }

    /// For the messages of one answer.
    pub(crate) fn pace(&self) -> Pace {
        Pace { interleave: self.clone(), waiting: None }
    }
}

type Came = Option<Result<Frame<Bytes>, tonic::Status>>;

/// Passes the frames of one answer on, each data frame after a while: their order stays.
#[derive(Debug)]
pub(crate) struct Pace {
    interleave: Interleave,
    waiting: Option<(Pin<Box<Sleep>>, Came)>,
}

impl Pace {
    pub(crate) fn poll_frame(
        &mut self,
        body: &mut tonic::body::Body,
        context: &mut Context<'_>,
    ) -> Poll<Came> {
        if self.waiting.is_none() {
            let came = ready!(Pin::new(body).poll_frame(context));
            if !matches!(&came, Some(Ok(frame)) if frame.is_data()) {
                return Poll::Ready(came);
            }
            let sleep = Box::pin(tokio::time::sleep(self.interleave.next()));
            self.waiting = Some((sleep, came));
        }
        if let Some((sleep, _)) = &mut self.waiting {
            ready!(sleep.as_mut().poll(context));
        }
        Poll::Ready(self.waiting.take().and_then(|(_, came)| came))
    }

    /// Whether no frame waits.
    pub(crate) fn is_empty(&self) -> bool {
        self.waiting.is_none()
    }
}
