//! Operations: what a user of a client wants. One operation may take many RPCs; how many is what
//! the harness measures.

use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use crate::{ContainerId, CreateFromImage, ExecId, ImageTarget, Import, RemoveImage};

/// An operation with its arguments, as it goes over the wire: `{"exec":{"container":"c1",…}}`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Operation {
    /// Ask the server for its version.
    Version {},
    /// Create a container record.
    Create(Create),
    /// Get handles for one container and its task, if it has one.
    Load(Target),
    /// Get handles for containers that an earlier client of the same namespace left.
    Restore(Many),
    /// Create the task without starting it.
    CreateTask(StartTask),
    /// Start a created task.
    StartTask(Target),
    /// Create the task and start it; when starting fails, leave no task behind.
    Start(StartTask),
    /// Register an exec process and start it.
    Exec(Exec),
    /// Wait for the task's exit.
    Wait(Target),
    /// Wait for an exec's exit.
    ExecWait(ExecTarget),
    /// The task's state now.
    Status(Target),
    /// The exit status of something that has exited.
    ExitStatus(ExitStatusOf),
    /// Send a signal to the init process.
    Kill(Kill),
    /// Send a signal to all processes of the task.
    KillAll(Kill),
    /// Send a signal to an exec process.
    ExecKill(ExecKill),
    /// Freeze.
    Pause(Target),
    /// Thaw.
    Resume(Target),
    /// Resize the task's terminal.
    Resize(Resize),
    /// Resize an exec's terminal.
    ExecResize(ExecResize),
    /// Close the init process's standard input.
    CloseStdin(Target),
    /// Close an exec's standard input.
    ExecCloseStdin(ExecTarget),
    /// Change resource limits.
    Update(Update),
    /// The process ids of the task.
    Pids(Target),
    /// Metrics of one task.
    Stats(Target),
    /// Metrics of many tasks.
    StatsAll(Many),
    /// Delete a stopped task.
    DeleteTask(Target),
    /// Delete an exec process that has exited.
    DeleteExec(ExecTarget),
    /// Kill and delete a task in any state.
    ForceDelete(Target),
    /// Delete the container record.
    Delete(Target),
    /// Import the images of an archive.
    Import(Import),
    /// List the images.
    Images {},
    /// Find an image by its name.
    Image(ImageTarget),
    /// Unpack an image, so that containers can be made of it.
    Unpack(ImageTarget),
    /// Make a container record, and a snapshot of its own on an image.
    CreateFromImage(CreateFromImage),
    /// Delete the container record and its snapshot.
    DeleteWithSnapshot(Target),
    /// Remove the name of an image.
    RemoveImage(RemoveImage),
    /// Write a task down, with all of its memory; it goes on.
    Checkpoint(Checkpoint),
}

/// Arguments that name a container.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Target {
    /// Which container.
    pub container: ContainerId,
}

/// Arguments that name an exec process.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ExecTarget {
    /// Which container.
    pub container: ContainerId,
    /// Which of its execs.
    pub exec: ExecId,
}

/// Arguments that name several containers.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Many {
    /// Which containers.
    pub containers: Vec<ContainerId>,
}

/// Arguments of `create`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Create {
    /// The new container's id.
    pub container: ContainerId,
    /// What its init process runs.
    pub args: Vec<String>,
    /// Whether the init process has a terminal.
    #[serde(default)]
    pub terminal: bool,
}

/// Arguments of `create-task` and `start`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct StartTask {
    /// Which container.
    pub container: ContainerId,
    /// Whether standard input stays open until `close-stdin`.
    #[serde(default)]
    pub stdin: bool,
    /// What is written to standard input once it runs.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub input: Option<String>,
    /// Whether what it writes is gathered, for `wait` to tell.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub output: bool,
}

/// Arguments of `exec`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Exec {
    /// Which container.
    pub container: ContainerId,
    /// The new exec's id.
    pub exec: ExecId,
    /// What it runs.
    pub args: Vec<String>,
    /// Whether standard input stays open until `exec-close-stdin`.
    #[serde(default)]
    pub stdin: bool,
    /// Whether it has a terminal.
    #[serde(default)]
    pub terminal: bool,
    /// What is written to standard input once it runs.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub input: Option<String>,
    /// Whether what it writes is gathered, for `exec-wait` to tell.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub output: bool,
}

/// Arguments of `exit-status`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ExitStatusOf {
    /// Which container.
    pub container: ContainerId,
    /// Which exec; the init process when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub exec: Option<ExecId>,
}

/// Arguments of `kill` and `kill-all`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Kill {
    /// Which container.
    pub container: ContainerId,
    /// The signal's number.
    pub signal: u32,
}

/// Arguments of `exec-kill`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ExecKill {
    /// Which container.
    pub container: ContainerId,
    /// Which exec.
    pub exec: ExecId,
    /// The signal's number.
    pub signal: u32,
}

/// Arguments of `resize`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Resize {
    /// Which container.
    pub container: ContainerId,
    /// Columns.
    pub width: u32,
    /// Rows.
    pub height: u32,
}

/// Arguments of `exec-resize`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ExecResize {
    /// Which container.
    pub container: ContainerId,
    /// Which exec.
    pub exec: ExecId,
    /// Columns.
    pub width: u32,
    /// Rows.
    pub height: u32,
}

/// Arguments of `update`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Update {
    /// Which container.
    pub container: ContainerId,
    /// The new limit on memory.
    pub memory_limit_bytes: u64,
}

/// Arguments of `checkpoint`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Checkpoint {
    /// Which container.
    pub container: ContainerId,
    /// Where to; an absolute path on the daemon's host, where nothing is yet.
    pub folder: PathBuf,
}

impl Operation {
    /// The names of all operations, in the order in which reports show them.
    pub const NAMES: [&'static str; 37] = [
        "version",
        "create",
        "load",
        "restore",
        "create-task",
        "start-task",
        "start",
        "exec",
        "wait",
        "exec-wait",
        "status",
        "exit-status",
        "kill",
        "kill-all",
        "exec-kill",
        "pause",
        "resume",
        "resize",
        "exec-resize",
        "close-stdin",
        "exec-close-stdin",
        "update",
        "pids",
        "stats",
        "stats-all",
        "delete-task",
        "delete-exec",
        "force-delete",
        "delete",
        "import",
        "images",
        "image",
        "unpack",
        "create-from-image",
        "delete-with-snapshot",
        "remove-image",
        "checkpoint",
    ];

    /// The operation's name, as it stands in budgets and reports.
    pub fn name(&self) -> &'static str {
        match self {
            Self::Version {} => "version",
            Self::Create(_) => "create",
            Self::Load(_) => "load",
            Self::Restore(_) => "restore",
            Self::CreateTask(_) => "create-task",
            Self::StartTask(_) => "start-task",
            Self::Start(_) => "start",
            Self::Exec(_) => "exec",
            Self::Wait(_) => "wait",
            Self::ExecWait(_) => "exec-wait",
            Self::Status(_) => "status",
            Self::ExitStatus(_) => "exit-status",
            Self::Kill(_) => "kill",
            Self::KillAll(_) => "kill-all",
            Self::ExecKill(_) => "exec-kill",
            Self::Pause(_) => "pause",
            Self::Resume(_) => "resume",
            Self::Resize(_) => "resize",
            Self::ExecResize(_) => "exec-resize",
            Self::CloseStdin(_) => "close-stdin",
            Self::ExecCloseStdin(_) => "exec-close-stdin",
            Self::Update(_) => "update",
            Self::Pids(_) => "pids",
            Self::Stats(_) => "stats",
            Self::StatsAll(_) => "stats-all",
            Self::DeleteTask(_) => "delete-task",
            Self::DeleteExec(_) => "delete-exec",
            Self::ForceDelete(_) => "force-delete",
            Self::Delete(_) => "delete",
            Self::Import(_) => "import",
            Self::Images {} => "images",
            Self::Image(_) => "image",
            Self::Unpack(_) => "unpack",
            Self::CreateFromImage(_) => "create-from-image",
            Self::DeleteWithSnapshot(_) => "delete-with-snapshot",
            Self::RemoveImage(_) => "remove-image",
            Self::Checkpoint(_) => "checkpoint",
        }
    }

    /// How many containers it acts on: the `n` of a budget's `A + B*n`.
    pub fn containers(&self) -> u64 {
        match self {
            Self::Restore(many) | Self::StatsAll(many) => many.containers.len() as u64,
            _ => 1,
        }
    }
}
