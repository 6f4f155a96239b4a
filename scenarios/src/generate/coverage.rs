//! Which cells a full run must hit, and whether the weights are such that it does.

use std::collections::BTreeSet;

use crate::model::{Cell, TO_ALL};

/// How often a full run must hit each cell.
pub const HITS_MIN: u64 = 20;

/// Every operation, and whether it is about an exec. Signals stand apart as servers tell them apart.
const OPERATIONS: [(&str, bool); 32] = [
    ("create", false),
    ("load", false),
    ("create-task", false),
    ("start-task", false),
    ("start", false),
    ("exec", true),
    ("wait", false),
    ("exec-wait", true),
    ("status", false),
    ("exit-status", false),
    ("exec-exit-status", true),
    ("kill 0", false),
    ("kill 15", false),
    ("kill 9", false),
    ("kill 99", false),
    ("kill-all 9", false),
    ("kill-all", false),
    ("exec-kill 9", true),
    ("exec-kill", true),
    ("pause", false),
    ("resume", false),
    ("resize", false),
    ("exec-resize", true),
    ("close-stdin", false),
    ("exec-close-stdin", true),
    ("update", false),
    ("pids", false),
    ("stats", false),
    ("delete-task", false),
    ("delete-exec", true),
    ("force-delete", false),
    ("delete", false),
];

/// What the tables of containerd's states have beside these cells, and why no client gets there by the
/// operations that there are.
pub const UNREACHABLE: [(&str, &str); 10] = [
    ("Exec with an empty or bad id", "ids are slots; observed cases C-014, C-045, C-076 hold it"),
    (
        "Start, Kill and Wait of an exec that is only registered",
        "exec registers and starts at once",
    ),
    ("an exec whose start failed", "a client removes it, and a second start kills the shim"),
    ("DeleteProcess without an id", "it takes the task from under the daemon; no client sends it"),
    ("Checkpoint", "only where CRIU is: named scenarios"),
    ("Containers/Update", "the protocol has no such operation; observed cases hold it"),
    ("Containers/Delete of a live task", "clients refuse; observed cases C-123 and after hold it"),
    ("wait × created and paused", "it would be awaited for ever"),
    ("exec-wait × an exec that runs", "it would be awaited for ever, or may have ended by then"),
    ("an exec that runs in a stopped task", "it dies with the task"),
];

/// All cells that there are: each operation in each state of the task, and of the exec where it is
/// about one.
pub fn floor() -> BTreeSet<Cell> {
    const STATES: [&str; 6] =
        ["no container", "no task", "created", "running", "paused", "stopped"];
    const EXECS: [&str; 3] = ["absent", "running", "exited"];
    let mut cells = BTreeSet::new();
    for (operation, of_exec) in OPERATIONS {
        for state in STATES {
            let there = matches!(state, "created" | "running" | "paused" | "stopped");
            for exec in EXECS {
                // Execs live on tasks, and end with them.
                let possible =
                    exec == "absent" || (there && (state, exec) != ("stopped", "running"));
                if of_exec && possible {
                    cells.insert(Cell { operation, state, exec: Some(exec) });
                }
            }
            if !of_exec {
                cells.insert(Cell { operation, state, exec: None });
            }
        }
    }
    for operation in TO_ALL {
        for state in ["created", "running", "paused", "stopped"] {
            for exec in ["running", "exited"] {
                // The tables have no column for an exec that exited in a paused task here.
                if ![("stopped", "running"), ("paused", "exited")].contains(&(state, exec)) {
                    cells.insert(Cell { operation, state, exec: Some(exec) });
                }
            }
        }
    }
    // What would be awaited for ever is not asked.
    cells.retain(|cell| {
        let (wait, exec_wait) = (cell.operation == "wait", cell.operation == "exec-wait");
        let for_ever = (wait && matches!(cell.state, "paused" | "created"))
            || (exec_wait && cell.exec == Some("running"));
        !for_ever
    });
    cells
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::generate::Generation;
    use crate::model::{Coverage, World};

    /// Cases as a server may play them that takes any of the ways that the model allows.
    fn simulate(generation: &Generation) -> Coverage {
        let mut coverage = Coverage::default();
        for case in &generation.cases {
            let mut rng = fastrand::Rng::with_seed(*case);
            let mut world = World::default();
            for play in generation.moves(*case) {
                if world.waits_for_ever(&play) {
                    continue;
                }
                world.cells(&play).into_iter().for_each(|cell| coverage.hit(cell));
                world.go(&play, &mut |ways| rng.usize(..ways));
            }
        }
        coverage
    }

    #[test]
    fn a_thousand_cases_reach_the_floor() {
        let coverage = simulate(&Generation::first(1_000, 0, (0, 1)));
        let missed: Vec<String> = floor()
            .into_iter()
            .map(|cell| (coverage.hits().get(&cell).copied().unwrap_or(0), cell))
            .filter(|(hits, _)| *hits < HITS_MIN)
            .map(|(hits, cell)| format!("{cell}: {hits}"))
            .collect();
        assert_eq!(missed, Vec::<String>::new());
        // What was struck before it ran can be awaited: that is rare, and no part of the floor; and of an
        // exec that will end only this simulation knows that it has not yet.
        let rare = |cell: &Cell| {
            let of_no_column = (cell.state, cell.exec) == ("paused", Some("exited"));
            cell.operation == "cancel"
                || (of_no_column && TO_ALL.contains(&cell.operation))
                || (cell.operation == "wait" && cell.state == "created")
                || (cell.operation == "exec-wait" && cell.exec == Some("running"))
        };
        let strangers: Vec<_> = (coverage.hits().keys())
            .filter(|cell| !floor().contains(cell) && !rare(cell))
            .collect();
        assert!(strangers.is_empty(), "{strangers:?}");
    }
}
