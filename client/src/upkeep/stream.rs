//! The stream of events: heard while it goes on, opened again when it is lost.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::mpsc;

use super::compare;
use crate::events::{Subscription, Told};
use crate::registry::{Connection, Registry};
use crate::wire::{Doing, Wire, operation};
use crate::{Error, Kind};

/// Before it is opened again the first time; each further time waits twice as long, up to the most.
const FIRST_PATIENCE: Duration = Duration::from_millis(50);
const PATIENCE_MAX: Duration = Duration::from_secs(5);

type Events = mpsc::UnboundedReceiver<Told>;

/// Hears for ever.
pub(super) async fn hear(
    wire: Wire,
    registry: Arc<Registry>,
    subscription: Subscription,
    mut events: Events,
) {
    let mut subscription = subscription;
    for resyncs in 1.. {
        while let Some(told) = events.recv().await {
            registry.hear(told);
        }
        drop(subscription);
        registry.connection().send_replace(Connection::Lost { attempts: 0 });
        tracing::warn!("the event stream is lost");
        (subscription, events) = again(&wire, &registry).await;
        registry.connection().send_replace(Connection::Live { resyncs });
        tracing::info!(resyncs, "the event stream is back, and all is compared");
    }
}

/// Tries until it is open and all is compared.
async fn again(wire: &Wire, registry: &Registry) -> (Subscription, Events) {
    let mut attempts = 0;
    loop {
        tokio::time::sleep(patience(attempts)).await;
        let comparing = resync(wire, registry);
        match operation("resync", wire.namespace(), None, comparing).await {
            Ok(back) => return back,
            Err(error) => {
                attempts += 1;
                registry.connection().send_replace(Connection::Lost { attempts });
                tracing::warn!(%error, attempts, "the event stream is still lost");
            }
        }
    }
}

/// Opens the stream, and compares once it is proven live: what happens from then on is heard.
async fn resync(wire: &Wire, registry: &Registry) -> Result<(Subscription, Events), Error> {
    let (subscription, mut events) = Subscription::over(wire).await?;
    let doing = Doing::begin("compare the tasks of", wire.namespace());
    let comparing = async {
        compare::tasks(wire, registry, &doing).await?;
        compare::execs(wire, registry, &doing).await
    };
    let mut comparing = std::pin::pin!(comparing);
    loop {
        // What is heard meanwhile is newer than what is compared.
        tokio::select! {
            biased;
            told = events.recv() => match told {
                Some(told) => registry.hear(told),
                None => {
                    let what = "the event stream was lost again";
                    return Err(Error::refusal(&doing, Kind::Unreachable, what));
                }
            },
            compared = &mut comparing => return compared.map(|()| (subscription, events)),
        }
    }
}

fn patience(attempts: u32) -> Duration {
    FIRST_PATIENCE.saturating_mul(1 << attempts.min(16)).min(PATIENCE_MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn patience_doubles_up_to_its_most() {
        let ms: Vec<u128> = (0..9).map(|attempts| patience(attempts).as_millis()).collect();
        assert_eq!(ms, [50, 100, 200, 400, 800, 1600, 3200, 5000, 5000]);
        assert_eq!(patience(u32::MAX), PATIENCE_MAX);
    }
}
