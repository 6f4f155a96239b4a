//! What clients of containerd did wrong once they kept handles: each is a lifecycle that every one
//! must get right. `client/BUGS.md` has them all, with those that need a server that misbehaves.

use driver_protocol::ErrorKind::{AlreadyExists, InvalidArgument, NotFound, Unknown};
use driver_protocol::Lifecycle::{Created, Paused, Running, Stopped};

use super::{KILL, sleeping};
use crate::scenario::{WRONG_STATE, words::*};
use crate::{Expect, Scenario};

pub(super) fn scenarios() -> Vec<Scenario> {
    vec![
        // Moby 6a2f385aea (2022-05-05): a container that an earlier client left was not replaced
        // while its task ran.
        sleeping("what-an-earlier-client-left-running-is-replaced")
            .restart()
            .then(create("c0", &["sleep", "inf"]))
            .refused(&[AlreadyExists])
            .leaves("c0", Running)
            .then(load("c0"))
            .expect(Expect::State(Running))
            .then(force_delete("c0"))
            .exits(128 + KILL)
            .leaves_no_task("c0")
            .then(delete("c0"))
            .then(create("c0", &["sh", "-c", "exit 7"]))
            .then(start("c0"))
            .then(wait("c0"))
            .exits(7)
            .then(delete_task("c0"))
            .exits(7)
            .then(delete("c0")),
        // Moby 69cf2ad6a5 (2023-08-13): a removal by force failed when the container had stopped by
        // itself.
        Scenario::new("what-exited-by-itself-is-deleted-by-force")
            .then(create("c0", &["sh", "-c", "exit 7"]))
            .then(start("c0"))
            .then(wait("c0"))
            .exits(7)
            .leaves("c0", Stopped)
            .then(force_delete("c0"))
            .exits(7)
            .leaves_no_task("c0")
            .then(delete("c0")),
        // Moby 487ea81316 (2023-05-27): an exec whose start had failed was resized, and a null
        // pointer followed. Its id is free again.
        sleeping("an-exec-that-failed-to-start-is-resized-by-nobody")
            .then(exec("c0", "e0", &["/no/such/binary"]))
            .refused(&[Unknown, InvalidArgument, NotFound])
            .then(exec_resize("c0", "e0"))
            .refused(&[NotFound])
            .leaves("c0", Running)
            .then(exec("c0", "e0", &["sh", "-c", "exit 7"]))
            .then(exec_wait("c0", "e0"))
            .exits(7)
            .then(delete_exec("c0", "e0"))
            .exits(7)
            .ended(),
        // Moby 659d7b190f (2024-01-09) parted creation and start; ac8b4e3e75 (2025-02-20): what was
        // never started was taken for a run.
        Scenario::new("a-task-that-was-only-created-is-deleted-by-force")
            .then(create("c0", &["sleep", "inf"]))
            .then(create_task("c0"))
            .leaves("c0", Created)
            .then(status("c0"))
            .expect(Expect::State(Created))
            .then(force_delete("c0"))
            .expect(Expect::ExitNonZero)
            .leaves_no_task("c0")
            .then(delete("c0")),
        // Moby 8b748bd326 (2022-08-25): an exec between the exit of a task and its deletion.
        sleeping("an-exec-after-the-exit-holds-up-no-deletion")
            .then(kill("c0", KILL))
            .then(wait("c0"))
            .exits(128 + KILL)
            .then(exec("c0", "e0", &["true"]))
            .refused(WRONG_STATE)
            .then(delete_task("c0"))
            .exits(128 + KILL)
            .leaves_no_task("c0")
            .then(exec("c0", "e0", &["true"]))
            .refused(&[NotFound])
            .then(delete("c0")),
        every_state(),
    ]
}

/// Moby 0e62dbadcd (2024-01-08) and others: after a restart some of what had been held was not.
fn every_state() -> Scenario {
    let states = [("c0", Running), ("c1", Paused), ("c2", Created), ("c3", Stopped)];
    let mut scenario = Scenario::new("a-restarted-client-ends-tasks-in-every-state");
    for (name, state) in states {
        scenario = scenario.then(create(name, &["sleep", "inf"])).then(create_task(name));
        if state != Created {
            scenario = scenario.then(start_task(name));
        }
    }
    scenario = scenario
        .then(pause("c1"))
        .then(kill("c3", KILL))
        .then(wait("c3"))
        .exits(128 + KILL)
        .restart()
        .then(restore(&states.map(|(name, _)| name)))
        .expect(Expect::Finds(4));
    for (name, state) in states {
        scenario = scenario.then(status(name)).expect(Expect::State(state)).leaves(name, state);
    }
    for (name, _) in states {
        scenario = scenario
            .then(force_delete(name))
            .expect(Expect::ExitNonZero)
            .leaves_no_task(name)
            .then(delete(name));
    }
    scenario
}
