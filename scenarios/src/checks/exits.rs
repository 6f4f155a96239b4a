//! Exit statuses that a client was told, against what the server told.

use driver_protocol::{ExitStatus, Operation, Outcome};
use run_record::Verdict;

use crate::target::Event;

/// Whether each exit that a client was told of is one that the server told: of that process, with that
/// status. What never ran is told in ways that are free.
pub(crate) fn judge_exits(steps: &[(&Operation, &Outcome)], events: &[Event]) -> Verdict {
    for (operation, outcome) in steps {
        let Outcome::Ok(done) = outcome else { continue };
        let Some(ExitStatus::Code(status)) = done.exited().map(|exited| exited.status) else {
            continue;
        };
        let Some((container, exec)) = process(operation) else { continue };
        let mut told = events.iter().filter(|event| {
            event.topic == "/tasks/exit"
                && event.container.as_str() == container
                && event.exec.as_ref().map(|exec| exec.as_str()) == exec
        });
        let started = events
            .iter()
            .any(|event| event.topic == "/tasks/start" && event.container.as_str() == container);
        if started && !told.any(|event| event.status == Some(status)) {
            let exec = exec.map(|exec| format!("exec {exec} of ")).unwrap_or_default();
            let detail = format!(
                "{} told that {exec}{container} exited with {status}, the server told of no such exit",
                operation.name()
            );
            return Verdict::fail("exit-status", detail);
        }
    }
    Verdict::pass("exit-status")
}

fn process(operation: &Operation) -> Option<(&str, Option<&str>)> {
    Some(match operation {
        Operation::Wait(on) | Operation::DeleteTask(on) | Operation::ForceDelete(on) => {
            (on.container.as_str(), None)
        }
        Operation::ExecWait(on) | Operation::DeleteExec(on) => {
            (on.container.as_str(), Some(on.exec.as_str()))
        }
        Operation::ExitStatus(of) => {
            (of.container.as_str(), of.exec.as_ref().map(|exec| exec.as_str()))
        }
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use driver_protocol::{ContainerId, ExecId, Exited, Ok as Done, Target, Waited};

    fn on() -> Target {
        Target { container: ContainerId::new("c0") }
    }

    fn event(topic: &str, status: Option<u32>) -> Event {
        let container = ContainerId::new("c0");
        Event { topic: topic.into(), namespace: "n".into(), container, exec: None, status }
    }

    #[test]
    fn a_status_that_the_server_never_told_fails() {
        let exited = Exited { status: ExitStatus::Code(7), at_ns: None };
        let waited = Outcome::Ok(Done::Wait(Waited { exited, gathered: None }));
        let wait = Operation::Wait(on());
        let told = |status| [event("/tasks/start", None), event("/tasks/exit", Some(status))];
        assert!(!judge_exits(&[(&wait, &waited)], &told(7)).failed());
        assert!(judge_exits(&[(&wait, &waited)], &told(0)).failed());
    }

    /// What is judged of an operation that told 7, after a start of c0 and one more event.
    fn judged(operation: &str, told: &str, event: Event) -> Verdict {
        let operation: Operation = serde_json::from_str(operation).unwrap();
        let outcome = serde_json::from_str(&format!(r#"{{"ok":{{"{told}":{{"status":7}}}}}}"#));
        judge_exits(&[(&operation, &outcome.unwrap())], &[self::event("/tasks/start", None), event])
    }

    fn of(container: &str, exec: Option<&str>, status: u32) -> Event {
        let (container, exec) = (ContainerId::new(container), exec.map(ExecId::new));
        Event { container, exec, ..event("/tasks/exit", Some(status)) }
    }

    #[test]
    fn whatever_tells_a_status_is_held_against_the_exit_of_its_own_process() {
        let target = r#"{"container":"c0"}"#;
        let exec = r#"{"container":"c0","exec":"e0"}"#;
        for (name, on, whose) in [
            ("wait", target, None),
            ("delete-task", target, None),
            ("force-delete", target, None),
            ("exit-status", target, None),
            ("exec-wait", exec, Some("e0")),
            ("delete-exec", exec, Some("e0")),
            ("exit-status", exec, Some("e0")),
        ] {
            let judged = |event| judged(&format!(r#"{{"{name}":{on}}}"#), name, event);
            assert!(!judged(of("c0", whose, 7)).failed(), "{name}");
            let not_its_own = if whose.is_some() { None } else { Some("e0") };
            for other in [
                of("c0", whose, 0),
                of("c1", whose, 7),
                of("c0", not_its_own, 7),
                Event { topic: "/tasks/oom".into(), ..of("c0", whose, 7) },
            ] {
                assert!(judged(other.clone()).failed(), "{name}: {other:?}");
            }
        }
    }

    #[test]
    fn what_never_ran_may_be_told_with_any_status() {
        let exited = Exited { status: ExitStatus::Code(0), at_ns: None };
        let deletion = Operation::DeleteTask(on());
        let deleted = Outcome::Ok(Done::DeleteTask(exited));
        let mut events = vec![event("/tasks/create", None), event("/tasks/exit", Some(137))];
        assert!(!judge_exits(&[(&deletion, &deleted)], &events).failed());
        // That another one ran is nothing to it.
        events.push(Event { topic: "/tasks/start".into(), ..of("c1", None, 0) });
        assert!(!judge_exits(&[(&deletion, &deleted)], &events).failed());
        events.push(event("/tasks/start", None));
        assert!(judge_exits(&[(&deletion, &deleted)], &events).failed());
    }
}
