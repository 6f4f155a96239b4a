//! What a client does unasked: it hears events, opens their stream again when it is lost, compares
//! what it knows with what the daemon has, and gives up on events that do not come.

mod compare;
mod grace;
mod stream;
mod sweep;

pub(crate) use compare::confirm;

use std::sync::Arc;
use std::time::Duration;

use tokio::task::JoinSet;

use crate::Error;
use crate::events::Subscription;
use crate::registry::Registry;
use crate::wire::Wire;

/// The tasks of one client. Dropping it ends them.
#[derive(Debug)]
pub(crate) struct Upkeep {
    // Aborted when it is dropped.
    _tasks: JoinSet<()>,
}

impl Upkeep {
    /// Begins once the event subscription is proven live.
    pub(crate) async fn begin(
        wire: &Wire,
        sweep_every: Duration,
    ) -> Result<(Self, Arc<Registry>), Error> {
        let (unresolved, past) = tokio::sync::mpsc::unbounded_channel();
        let registry = Arc::new(Registry::new(unresolved));
        let (subscription, events) = Subscription::over(wire).await?;
        let mut tasks = JoinSet::new();
        tasks.spawn(stream::hear(wire.clone(), registry.clone(), subscription, events));
        tasks.spawn(sweep::look(wire.clone(), registry.clone(), sweep_every));
        tasks.spawn(grace::resolve(registry.clone(), past));
        Ok((Self { _tasks: tasks }, registry))
    }
}
