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

#[cfg(test)]
mod tests {
    use super::*;
    use driver_protocol::{ErrorKind, Refusal};

    fn operation(name: &str) -> Operation {
        let arguments = match name {
            "create" => r#"{"container":"c0","args":["true"]}"#,
            "create-from-image" => r#"{"container":"c0","image":"i"}"#,
            "exec" => r#"{"container":"c0","exec":"e0","args":["true"]}"#,
            "exec-wait" => r#"{"container":"c0","exec":"e0"}"#,
            "kill" => r#"{"container":"c0","signal":9}"#,
            _ => r#"{"container":"c0"}"#,
        };
        serde_json::from_str(&format!(r#"{{"{name}":{arguments}}}"#)).unwrap()
    }

    fn done(text: &str) -> Outcome {
        serde_json::from_str(&format!(r#"{{"ok":{text}}}"#)).unwrap()
    }

    #[test]
    fn a_success_is_owed_the_events_of_all_that_it_did_and_a_refusal_none() {
        let (init, exec): (Option<&str>, _) = (None, Some("e0"));
        let all: [(&str, Option<&str>, &[&str]); 15] = [
            ("create", init, &["/containers/create"]),
            ("create-from-image", init, &["/containers/create"]),
            ("create-task", init, &["/tasks/create"]),
            ("start-task", init, &["/tasks/start"]),
            ("start", init, &["/tasks/create", "/tasks/start"]),
            ("exec", exec, &["/tasks/exec-added", "/tasks/exec-started"]),
            ("wait", init, &["/tasks/exit"]),
            ("exec-wait", exec, &["/tasks/exit"]),
            ("pause", init, &["/tasks/paused"]),
            ("resume", init, &["/tasks/resumed"]),
            ("delete-task", init, &["/tasks/delete"]),
            ("force-delete", init, &["/tasks/exit", "/tasks/delete"]),
            ("delete", init, &["/containers/delete"]),
            ("delete-with-snapshot", init, &["/containers/delete"]),
            // Whom a signal ends is not known by its sender.
            ("kill", init, &[]),
        ];
        let refusal = Refusal { kind: ErrorKind::NotFound, code: None, message: String::new() };
        for (name, exec, topics) in all {
            let owed = |outcome| super::owed(&operation(name), outcome);
            let due = owed(&Outcome::Ok(Done::Kill {}));
            assert_eq!(due.iter().map(|one| one.topic).collect::<Vec<_>>(), topics, "{name}");
            let whose = |one: &Owed| {
                one.container.as_str() == "c0" && one.exec.as_ref().map(ExecId::as_str) == exec
            };
            assert!(due.iter().all(whose), "{name}: {due:?}");
            assert_eq!(owed(&Outcome::Error(refusal.clone())), [], "{name}");
        }
    }

    #[test]
    fn whoever_was_told_of_no_status_is_owed_no_exit() {
        for name in ["wait", "exec-wait"] {
            let waited = |status| done(&format!(r#"{{"{name}":{{"status":{status}}}}}"#));
            assert_eq!(owed(&operation(name), &waited("0")).len(), 1, "{name}");
            assert_eq!(owed(&operation(name), &waited("\"unknown\"")), [], "{name}");
        }
    }

    #[test]
    fn a_deletion_without_the_time_of_an_end_is_of_what_never_ran() {
        for (exited, never_ran) in [(r#"{"status":0}"#, true), (r#"{"status":0,"at_ns":5}"#, false)]
        {
            let outcome = done(&format!(r#"{{"delete-task":{exited}}}"#));
            let owed = owed(&operation("delete-task"), &outcome);
            assert_eq!(owed.iter().map(|one| one.never_ran).collect::<Vec<_>>(), [never_ran]);
        }
    }

    #[test]
    fn an_event_is_the_owed_one_only_with_its_topic_and_of_its_process() {
        let owed = &owed(&operation("exec-wait"), &done(r#"{"exec-wait":{"status":0}}"#))[0];
        let event = |topic: &str, container: &str, exec: Option<&str>| Event {
            topic: topic.into(),
            namespace: "n".into(),
            container: ContainerId::new(container),
            exec: exec.map(ExecId::new),
            status: None,
        };
        assert!(owed.is(&event("/tasks/exit", "c0", Some("e0"))));
        for other in [
            event("/tasks/exec-started", "c0", Some("e0")),
            event("/tasks/exit", "c1", Some("e0")),
            event("/tasks/exit", "c0", Some("e1")),
            event("/tasks/exit", "c0", None),
        ] {
            assert!(!owed.is(&other), "{other:?}");
        }
    }
}
