//! A scenario: steps, and what is right after each.

use std::borrow::Cow;

use crate::Wrote;
use driver_protocol::{
    ContainerId, Create, ErrorKind, Exec, ExecId, ExecKill, ExecResize, ExecTarget, ExitStatusOf,
    Kill, Lifecycle, Many, Operation, Resize, StartTask, Target as On, Update,
};

/// What an outcome must be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Expect {
    /// It succeeds.
    Ok,
    /// It succeeds and tells this exit status.
    Exit(u32),
    /// It succeeds and tells an exit status other than 0.
    ExitNonZero,
    /// It succeeds, and tells this exit status and this output.
    Wrote(Wrote),
    /// It succeeds and tells this state.
    State(Lifecycle),
    /// It succeeds and tells that there is no task.
    NoTask,
    /// It succeeds and finds this many containers.
    Finds(usize),
    /// It fails with one of these kinds.
    Refused(Vec<ErrorKind>),
}

/// How a step is performed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Play {
    /// Ask, and await the outcome.
    Perform(Operation),
    /// Ask, and go on; `Join` awaits it.
    Begin(Operation),
    /// Await the outcome of what was begun first of all that is still open.
    Join,
    /// The client is gone as if killed; a new one takes its place.
    Restart,
}

/// One step.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Step {
    /// What happens.
    pub play: Play,
    /// What is right.
    pub expect: Expect,
    /// The state in which the server must see the container's task afterwards; `None`: not asked.
    pub leaves: Option<Leaves>,
}

/// What the server must say of a task.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Leaves {
    /// Whose task.
    pub container: ContainerId,
    /// Its state; `None`: there is no task.
    pub task: Option<Lifecycle>,
}

/// Where a scenario can be played.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stage {
    /// Everywhere.
    Any,
    /// Only on the mock, for the stated reason.
    MockOnly(&'static str),
    /// Only on a real containerd of ours, for the stated reason: what an address serves may be a mock.
    RealOnly(&'static str),
}

/// A named sequence of steps.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Scenario {
    /// The first part of its id.
    pub group: &'static str,
    /// Kebab-case, a fragment of a sentence.
    pub name: Cow<'static, str>,
    /// Where.
    pub stage: Stage,
    /// In order.
    pub steps: Vec<Step>,
}

/// States of the server that a client may report as `unknown` (containerd's word for most of
/// them) or as what they mean.
pub const WRONG_STATE: &[ErrorKind] = &[ErrorKind::Unknown, ErrorKind::FailedPrecondition];

impl Scenario {
    /// Begins one.
    pub fn new(name: &'static str) -> Self {
        Self { group: "named", name: name.into(), stage: Stage::Any, steps: Vec::new() }
    }

    /// Begins one whose name is made.
    pub(crate) fn of(group: &'static str, name: String) -> Self {
        Self { group, name: name.into(), ..Self::new("") }
    }

    /// The case id in records.
    pub fn case(&self) -> String {
        format!("{}/{}", self.group, self.name)
    }

    /// Keeps it from real targets.
    pub fn mock_only(mut self, reason: &'static str) -> Self {
        self.stage = Stage::MockOnly(reason);
        self
    }

    /// Keeps it from what is, or may be, a mock.
    pub fn real_only(mut self, reason: &'static str) -> Self {
        self.stage = Stage::RealOnly(reason);
        self
    }

    fn push(mut self, play: Play) -> Self {
        self.steps.push(Step { play, expect: Expect::Ok, leaves: None });
        self
    }

    fn last(&mut self) -> &mut Step {
        self.steps.last_mut().expect("expectations follow a step")
    }

    /// Adds a step that succeeds.
    pub fn then(self, operation: Operation) -> Self {
        self.push(Play::Perform(operation))
    }

    /// Adds a step that stays open until `join`.
    pub fn begin(self, operation: Operation) -> Self {
        self.push(Play::Begin(operation))
    }

    /// Awaits the oldest open step.
    pub fn join(self) -> Self {
        self.push(Play::Join)
    }

    /// Kills the client and starts another.
    pub fn restart(self) -> Self {
        self.push(Play::Restart)
    }

    /// Of the last step: its outcome.
    pub fn expect(mut self, expect: Expect) -> Self {
        self.last().expect = expect;
        self
    }

    /// Of the last step: it is refused with one of these kinds.
    pub fn refused(self, kinds: &[ErrorKind]) -> Self {
        self.expect(Expect::Refused(kinds.to_vec()))
    }

    /// Of the last step: the exit status that it tells.
    pub fn exits(self, status: u32) -> Self {
        self.expect(Expect::Exit(status))
    }

    /// Of the last step: the state that the server then shows.
    pub fn leaves(mut self, container: &str, state: Lifecycle) -> Self {
        self.last().leaves =
            Some(Leaves { container: ContainerId::new(container), task: Some(state) });
        self
    }

    /// Of the last step: afterwards the server knows no task.
    pub fn leaves_no_task(mut self, container: &str) -> Self {
        self.last().leaves = Some(Leaves { container: ContainerId::new(container), task: None });
        self
    }
}

/// Operations in few words, for the catalogue.
pub(crate) mod words {
    use super::*;

    pub(crate) fn version() -> Operation {
        Operation::Version {}
    }
    pub(crate) fn on(container: &str) -> On {
        On { container: ContainerId::new(container) }
    }
    fn on_exec(container: &str, exec: &str) -> ExecTarget {
        ExecTarget { container: ContainerId::new(container), exec: ExecId::new(exec) }
    }
    fn many(containers: &[&str]) -> Many {
        Many { containers: containers.iter().copied().map(ContainerId::new).collect() }
    }
    fn words(args: &[&str]) -> Vec<String> {
        args.iter().map(|word| (*word).to_owned()).collect()
    }
    pub(crate) fn create(container: &str, args: &[&str]) -> Operation {
        Operation::Create(Create {
            container: ContainerId::new(container),
            args: words(args),
            terminal: false,
        })
    }
    pub(crate) fn load(container: &str) -> Operation {
        Operation::Load(on(container))
    }
    pub(crate) fn restore(containers: &[&str]) -> Operation {
        Operation::Restore(many(containers))
    }
    fn start_of(container: &str, stdin: bool) -> StartTask {
        StartTask { container: ContainerId::new(container), stdin, input: None, output: false }
    }
    pub(crate) fn create_task(container: &str) -> Operation {
        Operation::CreateTask(start_of(container, false))
    }
    pub(crate) fn start_task(container: &str) -> Operation {
        Operation::StartTask(on(container))
    }
    pub(crate) fn start(container: &str) -> Operation {
        Operation::Start(start_of(container, false))
    }
    pub(crate) fn start_with_stdin(container: &str) -> Operation {
        Operation::Start(start_of(container, true))
    }
    fn exec_of(container: &str, exec: &str, args: &[&str], stdin: bool) -> Operation {
        Operation::Exec(Exec {
            container: ContainerId::new(container),
            exec: ExecId::new(exec),
            args: words(args),
            stdin,
            terminal: false,
            input: None,
            output: false,
        })
    }
    pub(crate) fn exec(container: &str, exec: &str, args: &[&str]) -> Operation {
        exec_of(container, exec, args, false)
    }
    pub(crate) fn exec_with_stdin(container: &str, exec: &str, args: &[&str]) -> Operation {
        exec_of(container, exec, args, true)
    }
    pub(crate) fn wait(container: &str) -> Operation {
        Operation::Wait(on(container))
    }
    pub(crate) fn exec_wait(container: &str, exec: &str) -> Operation {
        Operation::ExecWait(on_exec(container, exec))
    }
    pub(crate) fn status(container: &str) -> Operation {
        Operation::Status(on(container))
    }
    pub(crate) fn exit_status(container: &str) -> Operation {
        Operation::ExitStatus(ExitStatusOf { container: ContainerId::new(container), exec: None })
    }
    pub(crate) fn exec_exit_status(container: &str, exec: &str) -> Operation {
        Operation::ExitStatus(ExitStatusOf {
            container: ContainerId::new(container),
            exec: Some(ExecId::new(exec)),
        })
    }
    pub(crate) fn kill(container: &str, signal: u32) -> Operation {
        Operation::Kill(Kill { container: ContainerId::new(container), signal })
    }
    pub(crate) fn kill_all(container: &str, signal: u32) -> Operation {
        Operation::KillAll(Kill { container: ContainerId::new(container), signal })
    }
    pub(crate) fn exec_kill(container: &str, exec: &str, signal: u32) -> Operation {
        Operation::ExecKill(ExecKill {
            container: ContainerId::new(container),
            exec: ExecId::new(exec),
            signal,
        })
    }
    pub(crate) fn pause(container: &str) -> Operation {
        Operation::Pause(on(container))
    }
    pub(crate) fn resume(container: &str) -> Operation {
        Operation::Resume(on(container))
    }
    pub(crate) fn resize(container: &str) -> Operation {
        Operation::Resize(Resize { container: ContainerId::new(container), width: 120, height: 40 })
    }
    pub(crate) fn exec_resize(container: &str, exec: &str) -> Operation {
        Operation::ExecResize(ExecResize {
            container: ContainerId::new(container),
            exec: ExecId::new(exec),
            width: 120,
            height: 40,
        })
    }
    pub(crate) fn close_stdin(container: &str) -> Operation {
        Operation::CloseStdin(on(container))
    }
    pub(crate) fn exec_close_stdin(container: &str, exec: &str) -> Operation {
        Operation::ExecCloseStdin(on_exec(container, exec))
    }
    pub(crate) fn update(container: &str) -> Operation {
        Operation::Update(Update {
            container: ContainerId::new(container),
            memory_limit_bytes: 256 << 20,
        })
    }
    pub(crate) fn pids(container: &str) -> Operation {
        Operation::Pids(on(container))
    }
    pub(crate) fn stats(container: &str) -> Operation {
        Operation::Stats(on(container))
    }
    pub(crate) fn stats_all(containers: &[&str]) -> Operation {
        Operation::StatsAll(many(containers))
    }
    pub(crate) fn delete_task(container: &str) -> Operation {
        Operation::DeleteTask(on(container))
    }
    pub(crate) fn delete_exec(container: &str, exec: &str) -> Operation {
        Operation::DeleteExec(on_exec(container, exec))
    }
    pub(crate) fn force_delete(container: &str) -> Operation {
        Operation::ForceDelete(on(container))
    }
    pub(crate) fn delete(container: &str) -> Operation {
        Operation::Delete(on(container))
    }
}
