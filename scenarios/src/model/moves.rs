//! Moves: operations on slots. Any part of a sequence of moves is a sequence of moves again, so that
//! what fails can be made smaller without looking at what it means.

use driver_protocol::{
    ContainerId, Create, Exec, ExecId, ExecKill, ExecResize, ExecTarget, ExitStatusOf, Kill, Many,
    Operation, Resize, StartTask, Target, Update,
};
use serde::{Deserialize, Serialize};

use super::Trouble;
use super::program::{Program, args, line};

/// Containers of a case.
pub const CONTAINERS: u8 = 3;
/// Execs of a container.
pub const EXECS: u8 = 2;

/// One move: container `c`, exec `e`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
#[expect(missing_docs, reason = "each is the operation of its name, on the slots c and e")]
pub enum Move {
    Create {
        c: u8,
        #[serde(with = "line")]
        process: Program,
    },
    Load {
        c: u8,
    },
    CreateTask {
        c: u8,
    },
    StartTask {
        c: u8,
    },
    Start {
        c: u8,
    },
    Exec {
        c: u8,
        e: u8,
        #[serde(with = "args", rename = "args")]
        process: Program,
    },
    Wait {
        c: u8,
    },
    ExecWait {
        c: u8,
        e: u8,
    },
    Status {
        c: u8,
    },
    ExitStatus {
        c: u8,
    },
    ExecExitStatus {
        c: u8,
        e: u8,
    },
    Kill {
        c: u8,
        signal: u32,
    },
    KillAll {
        c: u8,
        signal: u32,
    },
    ExecKill {
        c: u8,
        e: u8,
        signal: u32,
    },
    Pause {
        c: u8,
    },
    Resume {
        c: u8,
    },
    Resize {
        c: u8,
    },
    ExecResize {
        c: u8,
        e: u8,
    },
    Update {
        c: u8,
    },
    Pids {
        c: u8,
    },
    Stats {
        c: u8,
    },
    StatsAll {},
    DeleteTask {
        c: u8,
    },
    DeleteExec {
        c: u8,
        e: u8,
    },
    ForceDelete {
        c: u8,
    },
    Delete {
        c: u8,
    },
    CloseStdin {
        c: u8,
    },
    ExecCloseStdin {
        c: u8,
        e: u8,
    },
    /// A wait that is given up.
    Cancel {
        c: u8,
    },
    /// The client is gone as if killed; the next one gets handles for what is there.
    Restart {},
    /// Something goes wrong at the next occasion.
    Fault(Trouble),
}

impl Move {
    /// Its container's slot; `None`: it is about all of them.
    pub fn container(&self) -> Option<u8> {
        Some(match self {
            Self::StatsAll {} | Self::Restart {} | Self::Fault(_) => return None,
            Self::Create { c, .. }
            | Self::Load { c }
            | Self::CreateTask { c }
            | Self::StartTask { c }
            | Self::Start { c }
            | Self::Exec { c, .. }
            | Self::Wait { c }
            | Self::ExecWait { c, .. }
            | Self::Status { c }
            | Self::ExitStatus { c }
            | Self::ExecExitStatus { c, .. }
            | Self::Kill { c, .. }
            | Self::KillAll { c, .. }
            | Self::ExecKill { c, .. }
            | Self::Pause { c }
            | Self::Resume { c }
            | Self::Resize { c }
            | Self::ExecResize { c, .. }
            | Self::Update { c }
            | Self::Pids { c }
            | Self::Stats { c }
            | Self::DeleteTask { c }
            | Self::DeleteExec { c, .. }
            | Self::ForceDelete { c }
            | Self::CloseStdin { c }
            | Self::ExecCloseStdin { c, .. }
            | Self::Cancel { c }
            | Self::Delete { c } => *c,
        })
    }

    /// Its exec's slot, if it is about one.
    pub fn exec(&self) -> Option<u8> {
        match self {
            Self::Exec { e, .. }
            | Self::ExecWait { e, .. }
            | Self::ExecExitStatus { e, .. }
            | Self::ExecKill { e, .. }
            | Self::ExecResize { e, .. }
            | Self::ExecCloseStdin { e, .. }
            | Self::DeleteExec { e, .. } => Some(*e),
            _ => None,
        }
    }

    /// Whether its slots are slots that there are.
    pub fn has_its_slots(&self) -> bool {
        let shim = match self {
            Self::Fault(Trouble::Shim { c, .. }) => Some(*c),
            _ => self.container(),
        };
        shim.is_none_or(|c| c < CONTAINERS) && self.exec().is_none_or(|e| e < EXECS)
    }

    /// Its name, as in replay files.
    pub fn name(&self) -> &'static str {
        match self {
            Self::ExecExitStatus { .. } => "exec-exit-status",
            Self::Restart {} => "restart",
            Self::Cancel { .. } => "cancel",
            Self::Fault(_) => "fault",
            other => other.operation().name(),
        }
    }

    /// Whether it may be asked of things that are not there, so that fewer calls are right.
    pub fn asks_of_what_need_not_be(&self) -> bool {
        self.container().is_none()
            || matches!(self, Self::CloseStdin { .. } | Self::ExecCloseStdin { .. })
    }

    /// What a client is asked.
    pub fn operation(&self) -> Operation {
        let on = |c: &u8| Target { container: container_id(*c) };
        let on_exec =
            |c: &u8, e: &u8| ExecTarget { container: container_id(*c), exec: exec_id(*e) };
        let all = || Many { containers: (0..CONTAINERS).map(container_id).collect() };
        let kill = |c: &u8, signal: &u32| Kill { container: container_id(*c), signal: *signal };
        match self {
            // What goes wrong is asked of nobody: it is looked at before.
            Self::Restart {} | Self::Fault(_) => Operation::Restore(all()),
            Self::StatsAll {} => Operation::StatsAll(all()),
            Self::Create { c, process } => Operation::Create(Create {
                container: container_id(*c),
                args: process.args(),
                terminal: false,
            }),
            Self::Load { c } => Operation::Load(on(c)),
            Self::CreateTask { c } => Operation::CreateTask(start(*c)),
            Self::StartTask { c } => Operation::StartTask(on(c)),
            Self::Start { c } => Operation::Start(start(*c)),
            Self::Exec { c, e, process } => Operation::Exec(Exec {
                container: container_id(*c),
                exec: exec_id(*e),
                args: process.args(),
                stdin: process.reads(),
                input: None,
                output: false,
                terminal: false,
            }),
            Self::Cancel { c } | Self::Wait { c } => Operation::Wait(on(c)),
            Self::ExecWait { c, e } => Operation::ExecWait(on_exec(c, e)),
            Self::Status { c } => Operation::Status(on(c)),
            Self::ExitStatus { c } => {
                Operation::ExitStatus(ExitStatusOf { container: container_id(*c), exec: None })
            }
            Self::ExecExitStatus { c, e } => Operation::ExitStatus(ExitStatusOf {
                container: container_id(*c),
                exec: Some(exec_id(*e)),
            }),
            Self::Kill { c, signal } => Operation::Kill(kill(c, signal)),
            Self::KillAll { c, signal } => Operation::KillAll(kill(c, signal)),
            Self::ExecKill { c, e, signal } => Operation::ExecKill(ExecKill {
                container: container_id(*c),
                exec: exec_id(*e),
                signal: *signal,
            }),
            Self::Pause { c } => Operation::Pause(on(c)),
            Self::Resume { c } => Operation::Resume(on(c)),
            Self::Resize { c } => {
                Operation::Resize(Resize { container: container_id(*c), width: 120, height: 40 })
            }
            Self::ExecResize { c, e } => Operation::ExecResize(ExecResize {
                container: container_id(*c),
                exec: exec_id(*e),
                width: 120,
                height: 40,
            }),
            Self::Update { c } => Operation::Update(Update {
                container: container_id(*c),
                memory_limit_bytes: 256 << 20,
            }),
            Self::Pids { c } => Operation::Pids(on(c)),
            Self::Stats { c } => Operation::Stats(on(c)),
            Self::DeleteTask { c } => Operation::DeleteTask(on(c)),
            Self::DeleteExec { c, e } => Operation::DeleteExec(on_exec(c, e)),
            Self::ForceDelete { c } => Operation::ForceDelete(on(c)),
            Self::CloseStdin { c } => Operation::CloseStdin(on(c)),
            Self::ExecCloseStdin { c, e } => Operation::ExecCloseStdin(on_exec(c, e)),
            Self::Delete { c } => Operation::Delete(on(c)),
        }
    }
}

/// The id of a slot.
pub fn container_id(slot: u8) -> ContainerId {
    ContainerId::new(format!("c{slot}"))
}

fn start(slot: u8) -> StartTask {
    StartTask { container: container_id(slot), stdin: false, input: None, output: false }
}

pub(crate) fn exec_id(slot: u8) -> ExecId {
    ExecId::new(format!("e{slot}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_move_on_a_slot_that_there_is_not_is_known() {
        let shim = |c| {
            let (shim, after) = ("kill".to_owned(), "Tasks/Kill".to_owned());
            Move::Fault(Trouble::Shim { shim, c, after })
        };
        let wait = |c, e| Move::ExecWait { c, e };
        for (play, has) in [
            (Move::Wait { c: CONTAINERS - 1 }, true),
            (Move::Wait { c: CONTAINERS }, false),
            (wait(0, EXECS - 1), true),
            (wait(0, EXECS), false),
            (wait(CONTAINERS, 0), false),
            (shim(CONTAINERS - 1), true),
            (shim(CONTAINERS), false),
            (Move::StatsAll {}, true),
        ] {
            assert_eq!(play.has_its_slots(), has, "{play:?}");
        }
    }

    #[test]
    fn what_need_not_be_there_may_cost_fewer_calls() {
        for (play, may) in [
            (Move::StatsAll {}, true),
            (Move::Restart {}, true),
            (Move::CloseStdin { c: 0 }, true),
            (Move::ExecCloseStdin { c: 0, e: 0 }, true),
            (Move::Stats { c: 0 }, false),
            (Move::ExecWait { c: 0, e: 0 }, false),
        ] {
            assert_eq!(play.asks_of_what_need_not_be(), may, "{play:?}");
        }
    }

    #[test]
    fn an_update_limits_memory_to_256_mebibytes() {
        let Operation::Update(update) = (Move::Update { c: 2 }).operation() else { panic!() };
        assert_eq!(update, Update { container: container_id(2), memory_limit_bytes: 268_435_456 });
    }
}
