//! What clients are timed at.

use driver_protocol::{
    ContainerId, Create, Exec, ExecId, ExecTarget, Operation, StartTask, Target as On,
};

/// A workload.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Workload {
    /// An exec of `true` in a running container; timed are the exec itself, and exec to deletion.
    Exec,
    /// A container of `true` from creation to deletion.
    Lifecycle,
}

const CONTAINER: &str = "bench";

fn on() -> On {
    On { container: ContainerId::new(CONTAINER) }
}

fn create(words: &[&str]) -> Operation {
    Operation::Create(Create {
        container: ContainerId::new(CONTAINER),
        args: words.iter().map(|word| (*word).to_owned()).collect(),
        terminal: false,
    })
}

fn start() -> Operation {
    Operation::Start(StartTask {
        container: ContainerId::new(CONTAINER),
        stdin: false,
        input: None,
        output: false,
    })
}

impl Workload {
    /// The name of the whole of a round.
    pub fn name(self) -> &'static str {
        match self {
            Self::Exec => "exec-cycle",
            Self::Lifecycle => "lifecycle",
        }
    }

    /// The operation that is timed by itself, by its place in the round.
    pub fn inner(self) -> Option<(usize, &'static str)> {
        match self {
            Self::Exec => Some((0, "exec")),
            Self::Lifecycle => None,
        }
    }

    /// Before the first round.
    pub fn before(self) -> Vec<Operation> {
        match self {
            Self::Exec => vec![create(&["sleep", "inf"]), start()],
            Self::Lifecycle => Vec::new(),
        }
    }

    /// One round.
    pub fn round(self, number: usize) -> Vec<Operation> {
        match self {
            Self::Exec => {
                let exec = ExecId::new(format!("e{number}"));
                let target =
                    || ExecTarget { container: ContainerId::new(CONTAINER), exec: exec.clone() };
                vec![
                    Operation::Exec(Exec {
                        container: ContainerId::new(CONTAINER),
                        exec: exec.clone(),
                        args: vec!["true".to_owned()],
                        stdin: false,
                        terminal: false,
                        input: None,
                        output: false,
                    }),
                    Operation::ExecWait(target()),
                    Operation::DeleteExec(target()),
                ]
            }
            Self::Lifecycle => vec![
                create(&["true"]),
                start(),
                Operation::Wait(on()),
                Operation::DeleteTask(on()),
                Operation::Delete(on()),
            ],
        }
    }

    /// After the last.
    pub fn after(self) -> Vec<Operation> {
        match self {
            Self::Exec => vec![Operation::ForceDelete(on()), Operation::Delete(on())],
            Self::Lifecycle => Vec::new(),
        }
    }
}
