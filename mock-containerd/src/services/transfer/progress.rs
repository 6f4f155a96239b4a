//! Tells whoever wants to know how far a transfer is.

use containerd_client::types::Descriptor;
use containerd_client::types::transfer::Progress as Message;

use crate::streams::Used;

/// A stream of progress, or none.
pub(super) struct Progress {
    stream: Option<Used>,
}

impl Progress {
    pub(super) fn untold() -> Self {
        Self { stream: None }
    }

    pub(super) fn to(stream: Used) -> Self {
        Self { stream: Some(stream) }
    }

    /// The last of it, which is to come before the transfer's own answer.
    pub(super) async fn end(mut self, event: &str) {
        self.tell(event).await;
        if let Some(mut stream) = self.stream {
            stream.wire().to.handed_over().await;
        }
    }

    pub(super) async fn tell(&mut self, event: &str) {
        self.tell_of(event, String::new(), None).await;
    }

    pub(super) async fn tell_of(&mut self, event: &str, name: String, desc: Option<Descriptor>) {
        let Some(stream) = &mut self.stream else { return };
        let message = Message { event: event.to_owned(), name, desc, ..Message::default() };
        // Who does not listen any more stops no transfer.
        if stream.wire().to.send(containerd_client::to_any(&message)).await.is_err() {
            self.stream = None;
        }
    }
}
