//! Being closed: what is still going on hears of it, and lets go of the connection.

use std::future::Future;

use tokio::sync::watch;

#[derive(Debug, Default)]
pub(crate) struct Closing {
    closed: watch::Sender<bool>,
}

impl Closing {
    pub(crate) fn close(&self) {
        self.closed.send_replace(true);
    }

    /// Goes on until it is done or the driver is closed.
    pub(crate) async fn unless<T>(&self, act: impl Future<Output = T>) -> Option<T> {
        let mut closed = self.closed.subscribe();
        tokio::select! {
            biased;
            _ = closed.wait_for(|closed| *closed) => None,
            done = act => Some(done),
        }
    }
}
