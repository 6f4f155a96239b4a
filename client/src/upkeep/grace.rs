//! Ends that no event tells.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::mpsc;
use tokio::time::Instant;

use crate::registry::{Incarnation, Registry};

/// So long after the daemon is known to have a process no more its exit may still be told: replies
/// overtake events, and containerd deletes some tasks before it tells their exits.
const GRACE: Duration = Duration::from_millis(500);

/// Ends each with an unknown status, unless an event was in time.
pub(super) async fn resolve(
    registry: Arc<Registry>,
    mut past: mpsc::UnboundedReceiver<Arc<Incarnation>>,
) {
    let mut waiting: VecDeque<(Instant, Arc<Incarnation>)> = VecDeque::new();
    loop {
        let next = waiting.front().map(|(at, _)| *at);
        let due = async {
            match next {
                Some(at) => tokio::time::sleep_until(at).await,
                None => std::future::pending().await,
            }
        };
        tokio::select! {
            gone = past.recv() => match gone {
                Some(gone) => waiting.push_back((Instant::now() + GRACE, gone)),
                None => return,
            },
            () = due => {
                if let Some((_, one)) = waiting.pop_front() {
                    registry.resolve(&one);
                }
            }
        }
    }
}
