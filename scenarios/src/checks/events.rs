//! Which events the server owes once an operation has succeeded.

use driver_protocol::{ContainerId, ExecId, ExitStatus, Ok as Done, Operation, Outcome};

use crate::target::Event;

/// An event that must come.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Owed {
    /// Its topic.
    pub topic: &'static str,
    /// Whose.
    pub container: ContainerId,
    /// Which exec's; `None`: the container's own.
    pub exec: Option<ExecId>,
    /// Of a task that never ran.
    pub never_ran: bool,
}

impl Owed {
    /// Whether this event is the one.
    pub fn is(&self, event: &Event) -> bool {
        event.topic == self.topic && event.container == self.container && event.exec == self.exec
    }
}

/// The events that a successful operation causes, or whose cause it reports. What was refused
/// causes none.
pub fn owed(operation: &Operation, outcome: &Outcome) -> Vec<Owed> {
    if matches!(outcome, Outcome::Error(_)) {
        return Vec::new();
    }
    if let Outcome::Ok(Done::Wait(waited) | Done::ExecWait(waited)) = outcome
        && waited.exited.status == ExitStatus::Unknown
    {
        // The client says itself that it was told of none.
        return Vec::new();
    }
    let own = |container: &ContainerId, topics: &[&'static str]| {
        topics
            .iter()
            .map(|topic| Owed { topic, container: container.clone(), exec: None, never_ran: false })
            .collect()
    };
    let of_exec = |container: &ContainerId, exec: &ExecId, topics: &[&'static str]| {
        topics
            .iter()
            .map(|topic| Owed {
                topic,
                container: container.clone(),
                exec: Some(exec.clone()),
                never_ran: false,
            })
            .collect()
    };
    match operation {
        Operation::Create(create) => own(&create.container, &["/containers/create"]),
        Operation::CreateTask(task) => own(&task.container, &["/tasks/create"]),
        Operation::StartTask(on) => own(&on.container, &["/tasks/start"]),
        Operation::Start(task) => own(&task.container, &["/tasks/create", "/tasks/start"]),
        Operation::Exec(exec) => {
            of_exec(&exec.container, &exec.exec, &["/tasks/exec-added", "/tasks/exec-started"])
        }
        Operation::Wait(on) => own(&on.container, &["/tasks/exit"]),
        Operation::ExecWait(on) => of_exec(&on.container, &on.exec, &["/tasks/exit"]),
        Operation::Pause(on) => own(&on.container, &["/tasks/paused"]),
        Operation::Resume(on) => own(&on.container, &["/tasks/resumed"]),
        Operation::DeleteTask(on) => {
            let mut owed: Vec<Owed> = own(&on.container, &["/tasks/delete"]);
            owed.iter_mut().for_each(|one| one.never_ran = never_ran(outcome));
            owed
        }
        Operation::ForceDelete(on) => own(&on.container, &["/tasks/exit", "/tasks/delete"]),
        Operation::CreateFromImage(new) => own(&new.container, &["/containers/create"]),
        Operation::Delete(on) | Operation::DeleteWithSnapshot(on) => {
            own(&on.container, &["/containers/delete"])
        }
        _ => Vec::new(),
    }
}

/// What never ran has no time of its end.
pub(crate) fn never_ran(outcome: &Outcome) -> bool {
    matches!(outcome, Outcome::Ok(Done::DeleteTask(exited)) if exited.at_ns.is_none())
}
