//! Exec processes within a task.

use driver_protocol::ErrorKind::{AlreadyExists, InvalidArgument, NotFound, Unknown};
use driver_protocol::Lifecycle::Running;

use super::{KILL, TERM, sleeping};
use crate::Scenario;
use crate::scenario::{WRONG_STATE, words::*};

pub(super) fn scenarios() -> Vec<Scenario> {
    let groups = [exits(), states()];
    groups.into_iter().flatten().collect()
}

fn exits() -> Vec<Scenario> {
    vec![
        sleeping("exec-exits-with-0")
            .then(exec("c0", "e0", &["true"]))
            .then(exec_wait("c0", "e0"))
            .exits(0)
            .then(delete_exec("c0", "e0"))
            .exits(0)
            .leaves("c0", Running)
            .ended(),
        sleeping("exec-exits-with-7")
            .then(exec("c0", "e0", &["sh", "-c", "exit 7"]))
            .then(exec_wait("c0", "e0"))
            .exits(7)
            .then(exec_exit_status("c0", "e0"))
            .exits(7)
            .then(delete_exec("c0", "e0"))
            .exits(7)
            .ended(),
        sleeping("exec-of-a-missing-binary-is-refused-and-the-task-goes-on")
            .then(exec("c0", "e0", &["/no/such/binary"]))
            .refused(&[Unknown, InvalidArgument, NotFound])
            .leaves("c0", Running)
            .then(exec("c0", "e0", &["true"]))
            .then(exec_wait("c0", "e0"))
            .exits(0)
            .then(delete_exec("c0", "e0"))
            .ended(),
        sleeping("exec-with-stdin-ends-when-it-is-closed")
            .then(exec_with_stdin("c0", "e0", &["cat"]))
            .then(exec_close_stdin("c0", "e0"))
            .then(exec_wait("c0", "e0"))
            .exits(0)
            .then(delete_exec("c0", "e0"))
            .ended(),
        sleeping("two-execs-run-at-once")
            .then(exec("c0", "e0", &["sleep", "inf"]))
            .then(exec("c0", "e1", &["sleep", "inf"]))
            .then(exec_kill("c0", "e1", KILL))
            .then(exec_wait("c0", "e1"))
            .exits(128 + KILL)
            .then(exec_kill("c0", "e0", TERM))
            .then(exec_wait("c0", "e0"))
            .exits(128 + TERM)
            .then(delete_exec("c0", "e0"))
            .exits(128 + TERM)
            .then(delete_exec("c0", "e1"))
            .exits(128 + KILL)
            .leaves("c0", Running)
            .ended(),
    ]
}

fn states() -> Vec<Scenario> {
    vec![
        sleeping("an-exec-is-resized")
            .then(exec("c0", "e0", &["sleep", "inf"]))
            .then(exec_resize("c0", "e0"))
            .then(exec_kill("c0", "e0", KILL))
            .then(exec_wait("c0", "e0"))
            .exits(128 + KILL)
            .then(delete_exec("c0", "e0"))
            .ended(),
        sleeping("the-end-of-the-task-ends-its-execs")
            .then(exec("c0", "e0", &["sleep", "inf"]))
            .then(kill("c0", KILL))
            .then(exec_wait("c0", "e0"))
            .exits(128 + KILL)
            .then(wait("c0"))
            .exits(128 + KILL)
            .then(delete_exec("c0", "e0"))
            .then(delete_task("c0"))
            .then(delete("c0")),
        sleeping("an-exec-id-is-busy-until-it-is-deleted")
            .then(exec("c0", "e0", &["true"]))
            .then(exec_wait("c0", "e0"))
            .exits(0)
            .then(exec("c0", "e0", &["true"]))
            .refused(&[AlreadyExists])
            .then(delete_exec("c0", "e0"))
            .then(exec("c0", "e0", &["sh", "-c", "exit 7"]))
            .then(exec_wait("c0", "e0"))
            .exits(7)
            .then(delete_exec("c0", "e0"))
            .exits(7)
            .ended(),
        sleeping("exec-in-a-paused-task-is-refused")
            .then(pause("c0"))
            .then(exec("c0", "e0", &["true"]))
            .refused(WRONG_STATE)
            .then(resume("c0"))
            .leaves("c0", Running)
            .ended(),
        sleeping("exec-in-a-stopped-task-is-refused")
            .then(kill("c0", KILL))
            .then(wait("c0"))
            .exits(128 + KILL)
            .then(exec("c0", "e0", &["true"]))
            .refused(WRONG_STATE)
            .then(delete_task("c0"))
            .then(delete("c0")),
    ]
}
