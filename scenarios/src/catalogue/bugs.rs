//! What clients of containerd did wrong once they kept handles: each is a lifecycle that every one
//! must get right. `client/BUGS.md` has them all, with those that need a server that misbehaves.

use driver_protocol::ErrorKind::{
    self, AlreadyExists, FailedPrecondition, InvalidArgument, NotFound, Unknown,
};
use driver_protocol::Lifecycle::{Created, Paused, Running, Stopped};

use super::{KILL, sleeping};
use crate::scenario::{WRONG_STATE, words::*};
use crate::{Expect, Scenario};

/// It has not exited: there is no status, or this is not the state for it.
const NO_EXIT: &[ErrorKind] = &[Unknown, FailedPrecondition, NotFound];

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
        eight_execs(),
    ]
    .into_iter()
    .chain(exits())
    .chain(restarts())
    .collect()
}

/// Exits that were told of the wrong process, made up, or believed of the next one.
fn exits() -> Vec<Scenario> {
    vec![
        // Moby 0e4d3feb94 (2023-01-30): where all processes share a pid, an exec's end was taken for
        // the container's.
        sleeping("the-end-of-an-exec-is-not-the-tasks")
            .then(exec("c0", "e0", &["sh", "-c", "exit 7"]))
            .then(exec_wait("c0", "e0"))
            .exits(7)
            .leaves("c0", Running)
            .then(status("c0"))
            .expect(Expect::State(Running))
            .then(exit_status("c0"))
            .refused(NO_EXIT)
            .then(delete_exec("c0", "e0"))
            .exits(7)
            .ended(),
        // Moby d5e23b680c (2026-01-25): an exit of an earlier run ended the next one.
        sleeping("the-exit-of-a-first-run-does-not-end-the-second")
            .then(kill("c0", KILL))
            .then(wait("c0"))
            .exits(128 + KILL)
            .then(delete_task("c0"))
            .exits(128 + KILL)
            .then(start("c0"))
            .leaves("c0", Running)
            .then(status("c0"))
            .expect(Expect::State(Running))
            .then(exit_status("c0"))
            .refused(NO_EXIT)
            .ended(),
        // Moby 8e6cd44ce4 (2025-06-02): a stop was answered before the state said so.
        sleeping("after-a-wait-the-state-says-stopped")
            .then(kill("c0", KILL))
            .then(wait("c0"))
            .exits(128 + KILL)
            .leaves("c0", Stopped)
            .then(status("c0"))
            .expect(Expect::State(Stopped))
            .then(exit_status("c0"))
            .exits(128 + KILL)
            .ended(),
        // Moby f3d1fb5fa9 (2026-07-22): a kill found nobody, and an exit was made up.
        Scenario::new("a-kill-that-finds-nobody-makes-up-no-exit")
            .then(create("c0", &["sh", "-c", "exit 7"]))
            .then(start("c0"))
            .then(wait("c0"))
            .exits(7)
            .then(kill("c0", KILL))
            .refused(&[NotFound])
            .then(exit_status("c0"))
            .exits(7)
            .then(delete_task("c0"))
            .exits(7)
            .then(delete("c0")),
    ]
}

/// What clients forgot, or made up, when they were started again.
fn restarts() -> Vec<Scenario> {
    vec![
        // Moby 165dfd6c3e (2023-06-23): a task that was gone at a restart had ended with 0.
        // Moby 146c702f24 (2026-02-10): `top` asked a task that there was not.
        sleeping("a-task-that-is-gone-at-a-restart-did-not-end-with-zero")
            .then(kill("c0", KILL))
            .then(wait("c0"))
            .exits(128 + KILL)
            .then(delete_task("c0"))
            .exits(128 + KILL)
            .restart()
            .then(load("c0"))
            .expect(Expect::NoTask)
            .then(exit_status("c0"))
            .refused(&[NotFound])
            .then(pids("c0"))
            .refused(&[NotFound])
            .then(delete("c0")),
        // Moby at b985e2313a (2026-08-23), read in its source: execs that outlive a restart are never
        // deleted.
        sleeping("an-exec-that-outlives-a-restart-leaves-nothing")
            .then(exec("c0", "e0", &["sleep", "600"]))
            .restart()
            .then(load("c0"))
            .expect(Expect::State(Running))
            .ended(),
    ]
}

/// Moby fb7ec1555c (2023-05-25), taken back by 29ac09ee9d (2023-11-06): execs that start at once were
/// slow, and then made to wait for each other.
fn eight_execs() -> Scenario {
    const EXECS: [&str; 8] = ["e0", "e1", "e2", "e3", "e4", "e5", "e6", "e7"];
    let mut scenario = sleeping("eight-execs-start-at-once");
    for name in EXECS {
        scenario = scenario.begin(exec("c0", name, &["sh", "-c", "exit 7"]));
    }
    for _ in EXECS {
        scenario = scenario.join();
    }
    for name in EXECS {
        scenario = scenario.then(exec_wait("c0", name)).exits(7);
        scenario = scenario.then(delete_exec("c0", name)).exits(7);
    }
    scenario.ended()
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
