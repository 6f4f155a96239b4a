//! What must be refused, and leave everything as it was.

use driver_protocol::ErrorKind::{
    AlreadyExists, FailedPrecondition, InvalidArgument, NotFound, Unknown,
};
use driver_protocol::Lifecycle::{Paused, Running};

use super::{KILL, sleeping};
use crate::Scenario;
use crate::scenario::{WRONG_STATE, words::*};

pub(super) fn scenarios() -> Vec<Scenario> {
    let groups = [states(), names(), starts()];
    groups.into_iter().flatten().collect()
}

fn states() -> Vec<Scenario> {
    vec![
        sleeping("delete-while-running-is-refused")
            .then(delete("c0"))
            .refused(WRONG_STATE)
            .leaves("c0", Running)
            .ended(),
        sleeping("delete-task-while-running-is-refused")
            .then(delete_task("c0"))
            .refused(WRONG_STATE)
            .leaves("c0", Running)
            .ended(),
        sleeping("start-twice-is-refused")
            .then(start("c0"))
            .refused(&[AlreadyExists])
            .leaves("c0", Running)
            .ended(),
        sleeping("an-exit-status-before-the-exit-is-refused")
            .then(exit_status("c0"))
            .refused(&[FailedPrecondition])
            .leaves("c0", Running)
            .ended(),
        sleeping("a-task-that-was-deleted-is-not-found")
            .then(kill("c0", KILL))
            .then(wait("c0"))
            .exits(128 + KILL)
            .then(delete_task("c0"))
            .leaves_no_task("c0")
            .then(kill("c0", KILL))
            .refused(&[NotFound])
            .then(pause("c0"))
            .refused(&[NotFound])
            .then(pids("c0"))
            .refused(&[NotFound])
            .then(delete("c0")),
        sleeping("pause-twice-is-refused")
            .then(pause("c0"))
            .then(pause("c0"))
            .refused(WRONG_STATE)
            .leaves("c0", Paused)
            .ended(),
        sleeping("resume-of-a-running-task-is-refused")
            .then(resume("c0"))
            .refused(WRONG_STATE)
            .leaves("c0", Running)
            .ended(),
    ]
}

fn names() -> Vec<Scenario> {
    vec![
        Scenario::new("duplicate-create-is-refused")
            .then(create("c0", &["true"]))
            .then(create("c0", &["true"]))
            .refused(&[AlreadyExists])
            .then(delete("c0")),
        Scenario::new("an-id-against-the-rules-is-refused")
            .then(create("no spaces", &["true"]))
            .refused(&[InvalidArgument]),
        Scenario::new("an-unknown-container-is-not-found")
            .then(load("nobody"))
            .refused(&[NotFound])
            .then(start("nobody"))
            .refused(&[NotFound])
            .then(kill("nobody", 9))
            .refused(&[NotFound])
            .then(delete("nobody"))
            .refused(&[NotFound]),
        sleeping("an-unknown-exec-is-not-found")
            .then(exec_kill("c0", "nobody", 9))
            .refused(&[NotFound])
            .then(delete_exec("c0", "nobody"))
            .refused(&[NotFound])
            .ended(),
    ]
}

fn starts() -> Vec<Scenario> {
    vec![
        Scenario::new("start-of-a-missing-binary-leaves-nothing")
            .then(create("c0", &["/no/such/binary"]))
            .then(start("c0"))
            .refused(&[Unknown, InvalidArgument, NotFound])
            .leaves_no_task("c0")
            .then(delete("c0")),
        Scenario::new("a-start-that-fails-leaves-nothing")
            .mock_only("no process on a real runc can be created and yet never be started")
            .then(create("c0", &["laconic-fail-at-start"]))
            .then(start("c0"))
            .refused(&[Unknown])
            .leaves_no_task("c0")
            .then(delete("c0")),
    ]
}
