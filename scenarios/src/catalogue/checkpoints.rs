//! Tasks that are written down.

use driver_protocol::Lifecycle::{Created, Running, Stopped};
use driver_protocol::{Checkpoint, ContainerId, Operation};

use super::{KILL, sleeping};
use crate::scenario::{WRONG_STATE, words::*};
use crate::{Expect, Scenario};

/// Stands in a scenario for a folder of the case's own, where nothing is yet.
pub const FOLDER: &str = "{folder}";

fn checkpoint() -> Operation {
    let container = ContainerId::new("c0");
    Operation::Checkpoint(Checkpoint { container, folder: FOLDER.into() })
}

pub(super) fn scenarios() -> Vec<Scenario> {
    vec![
        sleeping("a-running-task-is-written-down-and-goes-on")
            .then(checkpoint())
            .leaves("c0", Running)
            .then(status("c0"))
            .expect(Expect::State(Running))
            .ended(),
        sleeping("a-checkpoint-of-a-stopped-task-is-refused")
            .then(kill("c0", KILL))
            .then(wait("c0"))
            .exits(128 + KILL)
            .then(checkpoint())
            .refused(WRONG_STATE)
            .leaves("c0", Stopped)
            .then(delete_task("c0"))
            .then(delete("c0")),
        Scenario::new("a-checkpoint-of-a-created-task-is-refused")
            .then(create("c0", &["sleep", "600"]))
            .then(create_task("c0"))
            .then(checkpoint())
            .refused(WRONG_STATE)
            .leaves("c0", Created)
            .then(start_task("c0"))
            .ended(),
    ]
}
