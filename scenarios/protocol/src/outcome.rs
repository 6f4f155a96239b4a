//! What an operation came to: its result, or a refusal.

use serde::{Deserialize, Serialize};

use crate::{ContainerId, ImageFound, ImageNames, Refusal};

/// The answer to a request. A fault of the harness or of the driver itself is not an outcome: see
/// [`DriverFault`](crate::DriverFault).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Outcome {
    /// It succeeded, with the result of this operation's own shape.
    Ok(Ok),
    /// It did not.
    Error(Refusal),
}

/// Results, one shape per operation.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Ok {
    /// The server's version.
    Version(Version),
    /// Created.
    Create {},
    /// The container exists; its task, if it has one.
    Load(Found),
    /// What was found of what was asked for.
    Restore {
        /// Containers that exist, in the order of the request.
        containers: Vec<Restored>,
    },
    /// The task exists; its pid.
    CreateTask(Started),
    /// Started; its pid.
    StartTask(Started),
    /// Created and started; its pid.
    Start(Started),
    /// Registered and started; its pid.
    Exec(Started),
    /// The task exited.
    Wait(Waited),
    /// The exec exited.
    ExecWait(Waited),
    /// The task's state.
    Status(TaskState),
    /// The exit of a process that has exited.
    ExitStatus(Exited),
    /// Sent.
    Kill {},
    /// Sent.
    KillAll {},
    /// Sent.
    ExecKill {},
    /// Frozen.
    Pause {},
    /// Thawed.
    Resume {},
    /// Done.
    Resize {},
    /// Done.
    ExecResize {},
    /// Closed.
    CloseStdin {},
    /// Closed.
    ExecCloseStdin {},
    /// Changed.
    Update {},
    /// Process ids, as the host counts them.
    Pids {
        /// In the server's order.
        pids: Vec<u32>,
    },
    /// Metrics of one task.
    Stats(Stats),
    /// Metrics of many; a task without an entry is missing, not zero.
    StatsAll {
        /// One per task that the server answered for, in the order of the request.
        found: Vec<ContainerId>,
    },
    /// Deleted; how it had exited.
    DeleteTask(Exited),
    /// Deleted; how it had exited.
    DeleteExec(Exited),
    /// Killed and deleted; how it exited.
    ForceDelete(Exited),
    /// Deleted.
    Delete {},
    /// Imported: their names.
    Import(ImageNames),
    /// All that there are.
    Images(ImageNames),
    /// Found.
    Image(ImageFound),
    /// Unpacked.
    Unpack {},
    /// Created.
    CreateFromImage {},
    /// Deleted.
    DeleteWithSnapshot {},
    /// Removed.
    RemoveImage {},
    /// Written down.
    Checkpoint {},
}

impl Ok {
    /// The operation that is answered so.
    pub fn operation(&self) -> &'static str {
        match self {
            Self::Version(_) => "version",
            Self::Create { .. } => "create",
            Self::Load(_) => "load",
            Self::Restore { .. } => "restore",
            Self::CreateTask(_) => "create-task",
            Self::StartTask(_) => "start-task",
            Self::Start(_) => "start",
            Self::Exec(_) => "exec",
            Self::Wait(_) => "wait",
            Self::ExecWait(_) => "exec-wait",
            Self::Status(_) => "status",
            Self::ExitStatus(_) => "exit-status",
            Self::Kill { .. } => "kill",
            Self::KillAll { .. } => "kill-all",
            Self::ExecKill { .. } => "exec-kill",
            Self::Pause { .. } => "pause",
            Self::Resume { .. } => "resume",
            Self::Resize { .. } => "resize",
            Self::ExecResize { .. } => "exec-resize",
            Self::CloseStdin { .. } => "close-stdin",
            Self::ExecCloseStdin { .. } => "exec-close-stdin",
            Self::Update { .. } => "update",
            Self::Pids { .. } => "pids",
            Self::Stats(_) => "stats",
            Self::StatsAll { .. } => "stats-all",
            Self::DeleteTask(_) => "delete-task",
            Self::DeleteExec(_) => "delete-exec",
            Self::ForceDelete(_) => "force-delete",
            Self::Delete { .. } => "delete",
            Self::Import(_) => "import",
            Self::Images(_) => "images",
            Self::Image(_) => "image",
            Self::Unpack { .. } => "unpack",
            Self::CreateFromImage { .. } => "create-from-image",
            Self::DeleteWithSnapshot { .. } => "delete-with-snapshot",
            Self::RemoveImage { .. } => "remove-image",
            Self::Checkpoint { .. } => "checkpoint",
        }
    }
}

impl Ok {
    /// The exit that it tells of.
    pub fn exited(&self) -> Option<&Exited> {
        match self {
            Self::Wait(waited) | Self::ExecWait(waited) => Some(&waited.exited),
            Self::ExitStatus(exited)
            | Self::DeleteTask(exited)
            | Self::DeleteExec(exited)
            | Self::ForceDelete(exited) => Some(exited),
            _ => None,
        }
    }
}

/// Of the server.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Version {
    /// For example `1.6.20`.
    pub version: String,
    /// The commit it was built from.
    pub revision: String,
}

/// A container, and its task if it has one.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Found {
    /// Absent when the container has no task.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub task: Option<TaskState>,
}

/// A container that `restore` found.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Restored {
    /// Which.
    pub container: ContainerId,
    /// Absent when the container has no task.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub task: Option<TaskState>,
}

/// A task's state.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct TaskState {
    /// One of containerd's six.
    pub status: Lifecycle,
    /// The init process, as the host counts it.
    pub pid: u32,
}

/// A process that runs.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Started {
    /// As the host counts it.
    pub pid: u32,
}

/// A process that has exited.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Exited {
    /// Its exit status.
    pub status: ExitStatus,
    /// When, in nanoseconds since 1970; absent when it cannot be known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub at_ns: Option<i64>,
}

/// A process that was waited for.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Waited {
    /// How it exited.
    #[serde(flatten)]
    pub exited: Exited,
    /// What it wrote; present when that was to be gathered.
    #[serde(flatten)]
    pub gathered: Option<Gathered>,
}

/// What a process wrote to its standard output; with a terminal, all that it wrote.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Gathered {
    /// As far as it came.
    pub stdout: Digest,
    /// Whether that is all.
    pub output: Ending,
}

/// Bytes, by their number and sum.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Digest {
    /// How many.
    pub bytes: u64,
    /// Their SHA-256, in lower-case hexadecimal digits.
    pub sha256: String,
}

/// Whether output is all that there was.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Ending {
    /// It came to its end.
    Complete,
    /// It did not: a child of the process may hold it open for ever.
    CutOff,
}

/// Metrics of one task: what arrived, not what it says.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Stats {
    /// The payload's type, for example `io.containerd.cgroups.v1.Metrics`.
    pub payload: String,
    /// The payload's length.
    pub bytes: u64,
}

/// containerd's states of a task.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Lifecycle {
    /// Not known; never to be taken for an exit.
    Unknown,
    /// Made, not started.
    Created,
    /// Running.
    Running,
    /// Exited.
    Stopped,
    /// Frozen.
    Paused,
    /// Being frozen.
    Pausing,
}

/// An exit status, when it can be known. Written as a number, or as `"unknown"`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum ExitStatus {
    /// 0 to 255; 128 + signal for a process that was killed.
    Code(u32),
    /// The process is gone and nobody saw how. Never 0.
    Unknown,
}

#[derive(Serialize, Deserialize)]
#[serde(untagged)]
enum ExitStatusWire {
    Code(u32),
    Word(UnknownWord),
}

#[derive(Serialize, Deserialize)]
enum UnknownWord {
    #[serde(rename = "unknown")]
    Unknown,
}

impl Serialize for ExitStatus {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Code(code) => ExitStatusWire::Code(*code),
            Self::Unknown => ExitStatusWire::Word(UnknownWord::Unknown),
        }
        .serialize(serializer)
    }
}

impl<'de> Deserialize<'de> for ExitStatus {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Ok(match ExitStatusWire::deserialize(deserializer)? {
            ExitStatusWire::Code(code) => Self::Code(code),
            ExitStatusWire::Word(UnknownWord::Unknown) => Self::Unknown,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn an_unknown_exit_status_is_a_word_and_never_a_number() {
        assert_eq!(serde_json::to_string(&ExitStatus::Unknown).unwrap(), "\"unknown\"");
        assert_eq!(serde_json::from_str::<ExitStatus>("\"unknown\"").unwrap(), ExitStatus::Unknown);
        assert!(serde_json::from_str::<ExitStatus>("\"perhaps\"").is_err());
    }

    #[test]
    fn output_stands_beside_the_status_that_was_waited_for() {
        let written = r#"{"status":7,"stdout":{"bytes":3,"sha256":"ab"},"output":"cut-off"}"#;
        let waited: Waited = serde_json::from_str(written).unwrap();
        assert_eq!(waited.exited.status, ExitStatus::Code(7));
        assert_eq!(waited.gathered.as_ref().unwrap().output, Ending::CutOff);
        assert_eq!(serde_json::to_string(&waited).unwrap(), written);
        let none: Waited = serde_json::from_str(r#"{"status":"unknown","at_ns":5}"#).unwrap();
        let exited = Exited { status: ExitStatus::Unknown, at_ns: Some(5) };
        assert_eq!(none, Waited { exited, gathered: None });
    }

    proptest! {
        #[test]
        fn every_exit_status_survives_the_wire(code in any::<u32>()) {
            let status = ExitStatus::Code(code);
            let text = serde_json::to_string(&status).unwrap();
            prop_assert_eq!(serde_json::from_str::<ExitStatus>(&text).unwrap(), status);
        }
    }
}
