//! Looks for tasks that vanished without a word, while somebody waits for one.

use std::sync::Arc;
use std::time::Duration;

use super::compare;
use crate::registry::Registry;
use crate::wire::{Doing, Wire, operation};

/// One Tasks/List at every interval in which somebody waits, however many they are; none while
/// nobody does.
pub(super) async fn look(wire: Wire, registry: Arc<Registry>, every: Duration) {
    loop {
        registry.waits().until_any().await;
        tokio::time::sleep(every).await;
        // What is lost is compared when it is back.
        if !registry.waits().any() || !registry.is_live() {
            continue;
        }
        let looking = async {
            let doing = Doing::begin("compare the tasks of", wire.namespace());
            compare::tasks(&wire, &registry, &doing).await
        };
        if let Err(error) = operation("sweep", wire.namespace(), None, looking).await {
            tracing::warn!(%error, "could not look for vanished tasks");
        }
    }
}
