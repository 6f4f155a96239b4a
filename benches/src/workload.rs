//! What clients are timed at.

use driver_protocol::{
    ContainerId, Create, ErrorKind, Exec, ExecId, ExecTarget, Operation, Outcome, StartTask,
    Target as On,
};

/// A workload.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Workload {
    /// An exec of `true` in a running container; timed are the exec itself, and exec to deletion.
    Exec,
    /// A container of `true` from creation to deletion.
    Lifecycle,
    /// The state of a container that nobody has: a client that keeps handles refuses by itself, so
    /// that this is what it costs to be asked at all.
    Door,
}

/// A worker's own container.
fn container(worker: usize) -> ContainerId {
    ContainerId::new(format!("bench-{worker}"))
}

fn on(worker: usize) -> On {
    On { container: container(worker) }
}

fn create(worker: usize, words: &[&str]) -> Operation {
    Operation::Create(Create {
        container: container(worker),
        args: words.iter().map(|word| (*word).to_owned()).collect(),
        terminal: false,
    })
}

fn start(worker: usize) -> Operation {
    Operation::Start(StartTask {
        container: container(worker),
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
            Self::Door => "door",
        }
    }

    /// Whether that is how a round has to end: the door's is a refusal.
    pub fn expects(self, outcome: &Outcome) -> bool {
        match outcome {
            Outcome::Ok(_) => self != Self::Door,
            Outcome::Error(refusal) => self == Self::Door && refusal.kind == ErrorKind::NotFound,
        }
    }

    /// The operation that is timed by itself, by its place in the round.
    pub fn inner(self) -> Option<(usize, &'static str)> {
        match self {
            Self::Exec => Some((0, "exec")),
            Self::Lifecycle | Self::Door => None,
        }
    }

    /// Of each worker, before its first round.
    pub fn before(self, worker: usize) -> Vec<Operation> {
        match self {
            Self::Exec => vec![create(worker, &["sleep", "inf"]), start(worker)],
            Self::Lifecycle | Self::Door => Vec::new(),
        }
    }

    /// One round of a worker.
    pub fn round(self, worker: usize, number: usize) -> Vec<Operation> {
        match self {
            Self::Door => vec![Operation::Status(on(worker))],
            Self::Exec => {
                let exec = ExecId::new(format!("e{number}"));
                let target = || ExecTarget { container: container(worker), exec: exec.clone() };
                vec![
                    Operation::Exec(Exec {
                        container: container(worker),
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
                create(worker, &["true"]),
                start(worker),
                Operation::Wait(on(worker)),
                Operation::DeleteTask(on(worker)),
                Operation::Delete(on(worker)),
            ],
        }
    }

    /// Of each worker, after its last.
    pub fn after(self, worker: usize) -> Vec<Operation> {
        match self {
            Self::Exec => {
                vec![Operation::ForceDelete(on(worker)), Operation::Delete(on(worker))]
            }
            Self::Lifecycle | Self::Door => Vec::new(),
        }
    }
}
