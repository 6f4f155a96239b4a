//! A request to stop, heard between steps and while one is awaited.

use std::sync::Arc;

use tokio::sync::watch;

/// Shared by whoever may ask for a stop and everybody who heeds it.
#[derive(Clone, Debug)]
pub struct Stop {
    asked: Arc<watch::Sender<bool>>,
}

impl Default for Stop {
    fn default() -> Self {
        Self { asked: Arc::new(watch::Sender::new(false)) }
    }
}

impl Stop {
    /// Asks.
    pub fn ask(&self) {
        self.asked.send_replace(true);
    }

    /// Whether somebody asked.
    pub fn asked(&self) -> bool {
        *self.asked.borrow()
    }

    /// Done when somebody asks.
    pub async fn wait(&self) {
        let mut asked = self.asked.subscribe();
        // The sender lives in self: it cannot be gone while we wait.
        let _ = asked.wait_for(|asked| *asked).await;
    }
}
