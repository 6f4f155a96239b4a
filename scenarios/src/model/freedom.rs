//! Where more than one thing is right: what may be, whose doing that is, and where it was seen. The rules
//! hold each of these as a set of allowed states; what is not in this table they may not leave open.

/// Whose doing it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Whose {
    /// A real server answers now so, now otherwise.
    Servers,
    /// The server is sure, and how far something had come when it was asked is not.
    Times,
    /// Clients know different things, and each answers rightly by what it knows.
    Clients,
}

/// One freedom.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Freedom {
    /// Whose.
    pub whose: Whose,
    /// Of which operations.
    pub operations: &'static [&'static str],
    /// In which states of the task; none: in any.
    pub states: &'static [&'static str],
    /// Which answers may stand beside each other; `state`: the same answer, and more than one state after
    /// it; `any exit`: whichever status.
    pub allows: &'static [&'static str],
    /// Why.
    pub reason: &'static str,
    /// Observed cases (`C-472`), and scenarios in which clients differ.
    pub evidence: &'static [&'static str],
}

/// All of them. What events a server may lose is in [`crate::checks::Freedom`].
pub const FREEDOMS: &[Freedom] = &[
    Freedom {
        whose: Whose::Servers,
        operations: &["delete-task", "force-delete", "wait", "exit-status", "cancel"],
        states: &["created", "no task"],
        allows: &["any exit"],
        reason: "of what never ran the reply tells 0 and the event 137, in either order or not at all",
        evidence: &["C-084", "C-229", "C-472"],
    },
    Freedom {
        whose: Whose::Servers,
        operations: &["exec-kill", "kill-all"],
        states: &["created", "running", "paused"],
        allows: &["state"],
        reason: "a shell that has come to its trap obeys SIGTERM, before that it dies of it; a signal that \
                 comes while runc still makes the process may be lost",
        evidence: &["C-391", "C-398", "K-003", "K-011"],
    },
    Freedom {
        whose: Whose::Servers,
        operations: &["kill", "kill-all"],
        states: &["running", "paused"],
        allows: &["state"],
        reason: "the kernel keeps SIGTERM from a first process without a handler, and whether the shell has \
                 come to its trap is not known, nor whether runc's init, which ends with 2 by it, has made \
                 way for the program when a start is answered",
        evidence: &["C-397", "C-398", "C-068"],
    },
    Freedom {
        whose: Whose::Times,
        operations: &["kill", "kill-all", "exec-kill"],
        states: &["created", "running", "paused"],
        allows: &["state"],
        reason: "who was struck before may be dying of the one signal or of the other, or be dead and not \
                 known to be",
        evidence: &["C-068", "C-069", "C-265"],
    },
    Freedom {
        whose: Whose::Times,
        operations: &["kill", "update"],
        states: &["created", "running"],
        allows: &["ok", "not-found", "wrong state"],
        reason: "who was struck before may be dead to runc, and not yet to the shim, which shows what was \
                 until then (1.6.20 and 1.7.24 under load: for 60 ms)",
        evidence: &["C-068", "C-069"],
    },
    Freedom {
        whose: Whose::Times,
        operations: &["pause"],
        states: &["running"],
        allows: &["state"],
        reason: "what was ending by itself may have ended before it was frozen, and be told later; an exec \
                 that is frozen with its signal goes on once it is thawed",
        evidence: &["C-276", "C-340"],
    },
    Freedom {
        whose: Whose::Times,
        operations: &["resume"],
        states: &["paused"],
        allows: &["ok", "wrong state"],
        reason: "runc thaws what it kills, and refuses from then on; the shim shows it as paused until it \
                 knows its end (1.7.24 under load: for 20 ms)",
        evidence: &["C-327", "K-007"],
    },
    Freedom {
        whose: Whose::Times,
        operations: &["force-delete"],
        states: &["running", "paused"],
        allows: &["exit", "state"],
        reason: "what ends by itself may have ended before the kill reached it, and its execs before it or \
                 with it",
        evidence: &["C-386", "C-342", "C-474"],
    },
    Freedom {
        whose: Whose::Times,
        operations: &["exec"],
        states: &["created", "running"],
        allows: &["ok", "wrong state", "no binary"],
        reason: "between the registering and the starting the task may have ended",
        evidence: &["C-168", "C-379"],
    },
    Freedom {
        whose: Whose::Clients,
        operations: &["exec"],
        states: &["paused", "stopped"],
        allows: &["wrong state", "taken"],
        reason: "the state and the id are both in the way: the server names the id, who knows the state may \
                 name that",
        evidence: &["C-137", "C-346", "C-379"],
    },
    Freedom {
        whose: Whose::Clients,
        operations: &["cancel"],
        states: &[],
        allows: &["given up", "exit", "any exit", "not-found"],
        reason: "what had ended may be told before the wait is given up",
        evidence: &["C-399", "C-475"],
    },
    Freedom {
        whose: Whose::Clients,
        operations: &["wait", "exit-status", "exec-wait", "exec-exit-status", "cancel"],
        states: &[],
        allows: &["not-found", "exit", "any exit"],
        reason: "how something had ended that is gone the server has forgotten, and a client need not have",
        evidence: &["C-204", "named/a-task-that-was-deleted-is-not-found"],
    },
    Freedom {
        whose: Whose::Clients,
        operations: &[
            "exec-wait",
            "exec-exit-status",
            "exec-kill",
            "exec-resize",
            "exec-close-stdin",
            "delete-exec",
        ],
        states: &["created", "running", "paused", "stopped"],
        allows: &["not-found", "ok", "exit", "wrong state", "no exit", "no signal"],
        reason: "who was not there when an exec was made need not know of it; containerd lists none",
        evidence: &["C-509", "named/a-restarted-client-ends-tasks-in-every-state"],
    },
    Freedom {
        whose: Whose::Clients,
        operations: &["exec-close-stdin"],
        states: &["created", "running", "paused", "stopped"],
        allows: &["ok", "not-found"],
        reason: "the server takes it of what has exited; a client may say that there is nothing to close",
        evidence: &["C-288", "C-491"],
    },
    Freedom {
        whose: Whose::Clients,
        operations: &["delete-task"],
        states: &["created"],
        allows: &["any exit", "wrong state"],
        reason: "the server deletes what never ran; containerd's own client refuses to ask for that",
        evidence: &["C-084"],
    },
];

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;
    use std::path::Path;

    use super::super::answer::{
        ABSENT, Answer, GIVEN_UP, NO_BINARY, NO_EXIT, NO_SIGNAL, TAKEN, WRONG_STATE,
    };
    use super::super::rules::{self, State};
    use super::super::{Cell, KILL, Move, Program, TERM, World};
    use super::{FREEDOMS, Freedom};

    const C: u8 = 0;
    const E: u8 = 0;

    /// All that can be done to one container with one exec.
    fn moves() -> Vec<Move> {
        let (c, e) = (C, E);
        let mut moves = vec![
            Move::Load { c },
            Move::CreateTask { c },
            Move::StartTask { c },
            Move::Start { c },
            Move::Wait { c },
            Move::ExecWait { c, e },
            Move::Status { c },
            Move::ExitStatus { c },
            Move::ExecExitStatus { c, e },
            Move::Pause { c },
            Move::Resume { c },
            Move::Resize { c },
            Move::ExecResize { c, e },
            Move::Update { c },
            Move::Pids { c },
            Move::Stats { c },
            Move::DeleteTask { c },
            Move::DeleteExec { c, e },
            Move::ForceDelete { c },
            Move::Delete { c },
            Move::CloseStdin { c },
            Move::ExecCloseStdin { c, e },
            Move::Cancel { c },
        ];
        // The others differ from `true` in their number alone.
        let processes = [
            Program::Sleeps,
            Program::ExitsWith0,
            Program::Obeys,
            Program::Reads,
            Program::IsMissing,
        ];
        for process in processes {
            moves.push(Move::Exec { c, e, process });
            if !process.reads() {
                moves.push(Move::Create { c, process });
            }
        }
        for signal in [0, TERM, KILL, 99] {
            moves.push(Move::Kill { c, signal });
            moves.push(Move::KillAll { c, signal });
            moves.push(Move::ExecKill { c, e, signal });
        }
        moves
    }

    fn word(answer: Answer) -> String {
        let words = [
            (ABSENT, "not-found"),
            (TAKEN, "taken"),
            (WRONG_STATE, "wrong state"),
            (NO_EXIT, "no exit"),
            (NO_BINARY, "no binary"),
            (NO_SIGNAL, "no signal"),
            (GIVEN_UP, "given up"),
        ];
        match answer {
            Answer::Exit(_) => "exit".to_owned(),
            Answer::SomeExit(_) => "any exit".to_owned(),
            answer => words
                .iter()
                .find(|(one, _)| *one == answer)
                .map_or_else(|| answer.words(), |(_, word)| (*word).to_owned()),
        }
    }

    /// What is open: pairs of answers that are right in one state, one answer and two states after it, and
    /// an answer that leaves its status open.
    type Open = (&'static str, &'static str, BTreeSet<String>);

    fn open(play: &Move, state: &State) -> BTreeSet<Open> {
        let cells = Cell::all(play, state);
        let cell = cells.first().expect("every move has a cell");
        let outcomes: BTreeSet<(Answer, State)> = rules::answers(play, state).into_iter().collect();
        let outcomes: Vec<_> = outcomes.into_iter().collect();
        let mut open = BTreeSet::new();
        for (place, (one, _)) in outcomes.iter().enumerate() {
            if let Answer::SomeExit(_) = one {
                open.insert((play.name(), cell.state, [word(*one)].into()));
            }
            for (other, _) in &outcomes[place + 1..] {
                let differ = match one == other {
                    true => BTreeSet::from(["state".to_owned()]),
                    false => BTreeSet::from([word(*one), word(*other)]),
                };
                open.insert((play.name(), cell.state, differ));
            }
        }
        open
    }

    fn all_open() -> BTreeSet<Open> {
        let moves = moves();
        let states = World::reachable(&moves);
        states.iter().flat_map(|state| moves.iter().flat_map(|play| open(play, state))).collect()
    }

    fn covers(freedom: &Freedom, (operation, state, differ): &Open) -> bool {
        freedom.operations.contains(operation)
            && (freedom.states.is_empty() || freedom.states.contains(state))
            && differ.iter().all(|word| freedom.allows.contains(&word.as_str()))
    }

    #[test]
    fn the_rules_leave_nothing_open_that_the_table_does_not_and_the_table_nothing_that_they_do_not()
    {
        let all = all_open();
        let uncovered: Vec<&Open> =
            all.iter().filter(|one| !FREEDOMS.iter().any(|line| covers(line, one))).collect();
        assert_eq!(uncovered, Vec::<&Open>::new(), "the rules are free without a reason");
        for line in FREEDOMS {
            let used: Vec<&Open> = all.iter().filter(|one| covers(line, one)).collect();
            for operation in line.operations {
                let one = used.iter().any(|(name, _, _)| name == operation);
                assert!(one, "{operation} is not free: {}", line.reason);
            }
            for state in line.states {
                let one = used.iter().any(|(_, name, _)| name == state);
                assert!(one, "nothing is free when {state}: {}", line.reason);
            }
            for word in line.allows {
                let one = used.iter().any(|(_, _, differ)| differ.contains(*word));
                assert!(one, "{word} is never one of several: {}", line.reason);
            }
        }
    }

    #[test]
    fn every_freedom_was_seen_somewhere() {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("targets/tests/observed/cases");
        let mut cases = String::new();
        for entry in std::fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.extension().is_some_and(|kind| kind == "jsonl") {
                cases.push_str(&std::fs::read_to_string(path).unwrap());
            }
        }
        let named: BTreeSet<String> =
            crate::catalogue().iter().map(|scenario| scenario.case()).collect();
        for line in FREEDOMS {
            assert!(!line.evidence.is_empty() && !line.reason.is_empty(), "{line:?}");
            for evidence in line.evidence {
                let observed = cases.contains(&format!("\"id\": \"{evidence}\""));
                assert!(observed || named.contains(*evidence), "there is no case {evidence}");
            }
        }
    }
}
