//! Containers and tasks from creation to deletion.

use driver_protocol::Lifecycle::{Created, Paused, Running, Stopped};

use super::{KILL, TERM, sleeping};
use crate::scenario::words::*;
use crate::{Expect, Scenario};

pub(super) fn scenarios() -> Vec<Scenario> {
    let groups = [ends(), signals(), questions(), deletions()];
    groups.into_iter().flatten().collect()
}

fn ends() -> Vec<Scenario> {
    vec![
        Scenario::new("the-version-is-told").then(version()),
        Scenario::new("run-to-exit-with-0")
            .then(create("c0", &["true"]))
            .then(start("c0"))
            .then(wait("c0"))
            .exits(0)
            .leaves("c0", Stopped)
            .then(delete_task("c0"))
            .exits(0)
            .leaves_no_task("c0")
            .then(delete("c0")),
        Scenario::new("run-to-exit-with-7")
            .then(create("c0", &["sh", "-c", "exit 7"]))
            .then(start("c0"))
            .then(wait("c0"))
            .exits(7)
            .then(exit_status("c0"))
            .exits(7)
            .then(delete_task("c0"))
            .exits(7)
            .then(delete("c0")),
        Scenario::new("a-created-container-is-deleted-unused")
            .then(create("c0", &["true"]))
            .leaves_no_task("c0")
            .then(delete("c0")),
        Scenario::new("created-and-started-in-two-steps")
            .then(create("c0", &["sleep", "inf"]))
            .then(create_task("c0"))
            .leaves("c0", Created)
            .then(start_task("c0"))
            .leaves("c0", Running)
            .ended(),
        Scenario::new("kill-ends-a-task")
            .then(create("c0", &["sleep", "inf"]))
            .then(start("c0"))
            .then(kill("c0", KILL))
            .then(wait("c0"))
            .exits(128 + KILL)
            .leaves("c0", Stopped)
            .then(delete_task("c0"))
            .exits(128 + KILL)
            .then(delete("c0")),
    ]
}

fn signals() -> Vec<Scenario> {
    vec![
        sleeping("term-does-not-end-an-init-without-a-handler")
            .then(kill("c0", TERM))
            .leaves("c0", Running)
            .then(status("c0"))
            .expect(Expect::State(Running))
            .ended(),
        sleeping("kill-all-ends-a-task")
            .then(kill_all("c0", KILL))
            .then(wait("c0"))
            .exits(128 + KILL)
            .then(delete_task("c0"))
            .then(delete("c0")),
        sleeping("pause-and-resume")
            .then(pause("c0"))
            .leaves("c0", Paused)
            .then(status("c0"))
            .expect(Expect::State(Paused))
            .then(resume("c0"))
            .leaves("c0", Running)
            .then(status("c0"))
            .expect(Expect::State(Running))
            .ended(),
        sleeping("kill-ends-a-paused-task")
            .then(pause("c0"))
            .then(kill("c0", KILL))
            .then(wait("c0"))
            .exits(128 + KILL)
            .then(delete_task("c0"))
            .then(delete("c0")),
        sleeping("a-wait-that-was-begun-early-sees-the-exit")
            .begin(wait("c0"))
            .then(kill("c0", KILL))
            .join()
            .exits(128 + KILL)
            .then(delete_task("c0"))
            .then(delete("c0")),
    ]
}

fn questions() -> Vec<Scenario> {
    vec![
        sleeping("status-is-known-while-running")
            .then(status("c0"))
            .expect(Expect::State(Running))
            .ended(),
        sleeping("update-changes-limits").then(update("c0")).leaves("c0", Running).ended(),
        sleeping("pids-are-listed").then(pids("c0")).ended(),
        sleeping("stats-are-read").then(stats("c0")).ended(),
        sleeping("resize-is-accepted").then(resize("c0")).ended(),
        stats_of_three(),
    ]
}

fn deletions() -> Vec<Scenario> {
    vec![
        Scenario::new("stdin-is-closed-and-cat-ends")
            .then(create("c0", &["cat"]))
            .then(start_with_stdin("c0"))
            .leaves("c0", Running)
            .then(close_stdin("c0"))
            .then(wait("c0"))
            .exits(0)
            .then(delete_task("c0"))
            .then(delete("c0")),
        sleeping("force-delete-of-a-running-task").ended(),
        sleeping("force-delete-of-a-paused-task").then(pause("c0")).leaves("c0", Paused).ended(),
        Scenario::new("an-id-is-used-again")
            .then(create("c0", &["sh", "-c", "exit 7"]))
            .then(start("c0"))
            .then(wait("c0"))
            .exits(7)
            .then(delete_task("c0"))
            .then(start("c0"))
            .then(wait("c0"))
            .exits(7)
            .then(delete_task("c0"))
            .then(delete("c0"))
            .then(create("c0", &["true"]))
            .then(start("c0"))
            .then(wait("c0"))
            .exits(0)
            .then(delete_task("c0"))
            .then(delete("c0")),
    ]
}

fn stats_of_three() -> Scenario {
    let names = ["c0", "c1", "c2"];
    let mut scenario = Scenario::new("stats-of-three-tasks-at-once");
    for name in names {
        scenario = scenario.then(create(name, &["sleep", "inf"])).then(start(name));
    }
    scenario = scenario.then(stats_all(&names)).expect(Expect::Finds(3));
    for name in names {
        scenario = scenario.then(force_delete(name)).then(delete(name));
    }
    scenario
}
