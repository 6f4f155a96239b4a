//! What the daemon has, compared with what is known.

use std::sync::Arc;

use containerd_client::services::v1::{GetRequest, ListTasksRequest};

use crate::registry::{Incarnation, Registry};
use crate::wire::{self, Doing, Wire};
use crate::{Error, Kind};

/// Lists the tasks, and asks for each that is missing once more by itself: a list leaves out tasks
/// whose state could not be read. Only "not found" ends one.
pub(super) async fn tasks(
    wire: &Wire,
    registry: &Registry,
    doing: &Doing<'_>,
) -> Result<(), Error> {
    let mark = registry.mark();
    let message = ListTasksRequest { filter: String::new() };
    let listed = wire.call(doing, &wire::tasks::LIST, message).await?;
    for absent in registry.listed(mark, &listed.tasks) {
        confirm(wire, registry, doing, &absent).await?;
    }
    Ok(())
}

/// Asks for every exec that was last known alive: lists know none.
pub(super) async fn execs(
    wire: &Wire,
    registry: &Registry,
    doing: &Doing<'_>,
) -> Result<(), Error> {
    for exec in registry.living_execs() {
        confirm(wire, registry, doing, &exec).await?;
    }
    Ok(())
}

/// Asks for one alone: what the answer says of it counts.
pub(crate) async fn confirm(
    wire: &Wire,
    registry: &Registry,
    doing: &Doing<'_>,
    one: &Arc<Incarnation>,
) -> Result<(), Error> {
    let mark = registry.mark();
    let message = GetRequest {
        container_id: one.container.clone(),
        exec_id: one.exec.clone().unwrap_or_default(),
    };
    match wire.call(doing, &wire::tasks::GET, message).await {
        Ok(found) => {
            if let Some(process) = found.process {
                registry.confirmed(one, mark, &process);
            }
            Ok(())
        }
        Err(error) if error.kind() == Kind::NotFound => {
            registry.vanished(one, mark);
            Ok(())
        }
        Err(error) => Err(error),
    }
}
