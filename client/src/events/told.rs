//! What the stream tells of tasks.

use containerd_client::events as told;
use containerd_client::types::Envelope;
use prost::{Message, Name};
use prost_types::Any;

use crate::Exit;
use crate::registry::since_1970_ns;

/// What the stream told, and when by the clock of whoever said it first: what is told once more has
/// the same time.
#[derive(Clone, Debug, PartialEq)]
pub struct Told {
    /// Nanoseconds since 1970, if it was stamped.
    pub at_ns: Option<i64>,
    /// What happened.
    pub what: TaskEvent,
}

/// What happened to a task or an exec.
#[derive(Clone, Debug, PartialEq)]
pub enum TaskEvent {
    /// A task was created.
    Created {
        /// Whose.
        container: String,
        /// The init's.
        pid: u32,
    },
    /// A task was started.
    Started {
        /// Whose.
        container: String,
        /// The init's.
        pid: u32,
    },
    /// A process exited.
    Exited {
        /// Whose.
        container: String,
        /// `None`: the init.
        exec: Option<String>,
        /// As the host counts it.
        pid: u32,
        /// How.
        exit: Exit,
    },
    /// A task was frozen.
    Paused {
        /// Whose.
        container: String,
    },
    /// A task was thawed.
    Resumed {
        /// Whose.
        container: String,
    },
    /// An exec was registered.
    ExecAdded {
        /// Whose.
        container: String,
        /// Its id.
        exec: String,
    },
    /// An exec was started.
    ExecStarted {
        /// Whose.
        container: String,
        /// Its id.
        exec: String,
        /// As the host counts it.
        pid: u32,
    },
    /// A task was deleted.
    Deleted {
        /// Whose.
        container: String,
        /// The init's.
        pid: u32,
        /// How it had ended; one that never ran has no time, and 0.
        exit: Exit,
    },
}

fn payload<E: Message + Name + Default>(event: &Any) -> Option<E> {
    (event.type_url == E::full_name()).then(|| E::decode(event.value.as_slice()).ok()).flatten()
}

pub(crate) fn decode(envelope: &Envelope) -> Option<Told> {
    let what = happened(envelope.topic.as_str(), envelope.event.as_ref()?)?;
    let at_ns = envelope.timestamp.as_ref().and_then(since_1970_ns);
    Some(Told { at_ns, what })
}

fn happened(topic: &str, event: &Any) -> Option<TaskEvent> {
    match topic {
        "/tasks/create" => payload::<told::TaskCreate>(event)
            .map(|event| TaskEvent::Created { container: event.container_id, pid: event.pid }),
        "/tasks/start" => payload::<told::TaskStart>(event)
            .map(|event| TaskEvent::Started { container: event.container_id, pid: event.pid }),
        "/tasks/exit" => payload::<told::TaskExit>(event).map(|event| TaskEvent::Exited {
            exec: (event.id != event.container_id).then_some(event.id),
            container: event.container_id,
            pid: event.pid,
            exit: Exit::new(event.exit_status, event.exited_at),
        }),
        "/tasks/paused" => payload::<told::TaskPaused>(event)
            .map(|event| TaskEvent::Paused { container: event.container_id }),
        "/tasks/resumed" => payload::<told::TaskResumed>(event)
            .map(|event| TaskEvent::Resumed { container: event.container_id }),
        "/tasks/exec-added" => payload::<told::TaskExecAdded>(event).map(|event| {
            TaskEvent::ExecAdded { container: event.container_id, exec: event.exec_id }
        }),
        "/tasks/exec-started" => {
            payload::<told::TaskExecStarted>(event).map(|event| TaskEvent::ExecStarted {
                container: event.container_id,
                exec: event.exec_id,
                pid: event.pid,
            })
        }
        "/tasks/delete" => payload::<told::TaskDelete>(event).map(|event| TaskEvent::Deleted {
            container: event.container_id,
            pid: event.pid,
            exit: Exit::new(event.exit_status, event.exited_at),
        }),
        _ => None,
    }
}
