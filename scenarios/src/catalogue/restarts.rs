//! A client that is killed and comes back.

use driver_protocol::Lifecycle::{Created, Paused, Running, Stopped};

use super::{KILL, sleeping};
use crate::scenario::words::*;
use crate::{Expect, Scenario};

pub(super) fn scenarios() -> Vec<Scenario> {
    vec![
        restart_with_three_tasks(),
        sleeping("a-restarted-client-loads-one-container")
            .restart()
            .then(load("c0"))
            .expect(Expect::State(Running))
            .then(exec("c0", "e0", &["true"]))
            .then(exec_wait("c0", "e0"))
            .exits(0)
            .then(delete_exec("c0", "e0"))
            .ended(),
        Scenario::new("a-restarted-client-loads-a-container-without-a-task")
            .then(create("c0", &["true"]))
            .restart()
            .then(load("c0"))
            .expect(Expect::NoTask)
            .then(delete("c0")),
        Scenario::new("a-restarted-client-starts-a-task-that-was-created")
            .then(create("c0", &["sh", "-c", "exit 7"]))
            .then(create_task("c0"))
            .restart()
            .then(load("c0"))
            .expect(Expect::State(Created))
            .then(start_task("c0"))
            .then(wait("c0"))
            .exits(7)
            .then(delete_task("c0"))
            .exits(7)
            .then(delete("c0")),
        sleeping("a-restarted-client-learns-of-an-exit-it-missed")
            .then(kill("c0", KILL))
            .then(wait("c0"))
            .exits(128 + KILL)
            .restart()
            .then(load("c0"))
            .expect(Expect::State(Stopped))
            .then(exit_status("c0"))
            .exits(128 + KILL)
            .then(delete_task("c0"))
            .exits(128 + KILL)
            .then(delete("c0")),
    ]
}

fn restart_with_three_tasks() -> Scenario {
    let names = ["c0", "c1", "c2"];
    let mut scenario = Scenario::new("a-restarted-client-finds-three-live-tasks");
    for name in names {
        scenario = scenario.then(create(name, &["sleep", "600"])).then(start(name));
    }
    scenario = scenario
        .then(pause("c1"))
        .restart()
        .then(restore(&names))
        .expect(Expect::Finds(3))
        .then(status("c1"))
        .expect(Expect::State(Paused))
        .then(kill("c0", KILL))
        .then(wait("c0"))
        .exits(128 + KILL)
        .then(delete_task("c0"))
        .then(delete("c0"));
    for name in ["c1", "c2"] {
        scenario = scenario
            .then(force_delete(name))
            .exits(128 + KILL)
            .leaves_no_task(name)
            .then(delete(name));
    }
    scenario
}
