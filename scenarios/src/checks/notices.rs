//! What a client says unasked, against what the server told: each exit once, and rightly.

use std::collections::BTreeMap;

use driver_protocol::{ContainerId, ExecId, ExitStatus, Notice};
use run_record::Verdict;

use crate::target::Event;

/// How often each process came to be, by container and exec.
pub(crate) type Made = BTreeMap<(ContainerId, Option<ExecId>), u64>;

/// After a fault an exit may have been kept from the driver; none may be told twice or wrongly. What
/// went without a word may be told as unknown.
pub(crate) fn judge_notices_after_faults(
    events: &[Event],
    heard: &[Notice],
    made: &Made,
) -> Verdict {
    let exits = events.iter().enumerate().filter(|(_, event)| event.topic == "/tasks/exit");
    let mut left: Vec<(&Event, bool)> =
        exits.map(|(place, event)| (event, never_ran(event, &events[..place]))).collect();
    let mut told = Made::new();
    // An unknown exit may be any: those that are known have the first choice.
    let unknown = |Notice::Exit { status, .. }: &&Notice| matches!(status, ExitStatus::Unknown);
    let known = heard.iter().filter(|notice| !unknown(notice));
    for Notice::Exit { container, exec, status, .. } in known.chain(heard.iter().filter(unknown)) {
        let process = (container.clone(), exec.clone());
        let fits = |(event, never_ran): &(&Event, bool)| {
            let same = event.container == *container && event.exec == *exec;
            let known = event.status.map(ExitStatus::Code);
            // The reply to the deletion of what never ran tells another status than its event.
            same && (*never_ran || *status == ExitStatus::Unknown || known == Some(*status))
        };
        let times = told.entry(process.clone()).or_default();
        *times += 1;
        match left.iter().position(fits) {
            Some(index) => drop(left.remove(index)),
            None if *status == ExitStatus::Unknown
                && made.get(&process).is_some_and(|made| *made >= *times) => {}
            None => {
                let exec =
                    exec.as_ref().map_or_else(String::new, |exec| format!("exec {exec} of "));
                let detail = format!(
                    "the driver told that {exec}{container} exited with {status:?}: there was no \
                     such exit, or it was told before"
                );
                return Verdict::fail("exit-once", detail);
            }
        }
    }
    Verdict::pass("exit-once")
}

/// Whether a task ended that was created and not started, by what was told before.
fn never_ran(exit: &Event, before: &[Event]) -> bool {
    let own = |event: &&Event| event.container == exit.container && event.exec.is_none();
    let births = ["/tasks/create", "/tasks/start"];
    let last = before.iter().rev().filter(own).find(|event| births.contains(&&*event.topic));
    exit.exec.is_none() && last.is_some_and(|event| event.topic == "/tasks/create")
}

/// Each exit is told once, and rightly. An exit that the server did not tell may be told as unknown, of
/// what there was. `limit_ms`: they were awaited in vain for so long.
pub(crate) fn judge_notices(
    exits: &[&Event],
    heard: &[Notice],
    made: &Made,
    limit_ms: Option<u64>,
) -> Verdict {
    let shown = |container: &str, exec: Option<&str>, status: String| match exec {
        Some(exec) => format!("exec {exec} of {container}: {status}"),
        None => format!("{container}: {status}"),
    };
    let mut seen: Vec<String> = exits
        .iter()
        .map(|event| {
            let status = event.status.map_or("unknown".into(), |status| status.to_string());
            shown(event.container.as_str(), event.exec.as_ref().map(|e| e.as_str()), status)
        })
        .collect();
    let mut told: Vec<String> = heard
        .iter()
        .map(|Notice::Exit { container, exec, status, .. }| {
            let status = serde_json::to_string(status).unwrap_or_default();
            let status = status.trim_matches('"').to_owned();
            shown(container.as_str(), exec.as_ref().map(|exec| exec.as_str()), status)
        })
        .collect();
    seen.sort();
    told.sort();
    let sure = told.iter().filter(|told| !told.ends_with(": unknown"));
    if seen.iter().eq(sure) && unknowns_are_due(exits, heard, made) {
        return Verdict::pass("exit-once");
    }
    let late = limit_ms.map_or_else(String::new, |limit_ms| format!(" within {limit_ms} ms"));
    let detail = format!("the server reported exits {seen:?}, the driver told {told:?}{late}");
    Verdict::fail("exit-once", detail)
}

/// Whether as many exits at most are told as unknown as the server left out.
fn unknowns_are_due(exits: &[&Event], heard: &[Notice], made: &Made) -> bool {
    let mut left = made.clone();
    for event in exits {
        let ended = left.entry((event.container.clone(), event.exec.clone())).or_default();
        *ended = ended.saturating_sub(1);
    }
    heard.iter().all(|Notice::Exit { container, exec, status, .. }| {
        let due = left.entry((container.clone(), exec.clone())).or_default();
        let is_due = *status != ExitStatus::Unknown || *due > 0;
        *due = due.saturating_sub(u64::from(*status == ExitStatus::Unknown));
        is_due
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn exit(status: u32) -> Event {
        Event {
            topic: "/tasks/exit".into(),
            namespace: "n".into(),
            container: ContainerId::new("c0"),
            exec: None,
            status: Some(status),
        }
    }

    fn notice(status: u32) -> Notice {
        Notice::Exit {
            container: ContainerId::new("c0"),
            exec: None,
            status: ExitStatus::Code(status),
            at_ns: None,
        }
    }

    #[test]
    fn an_exit_told_twice_fails_and_so_does_one_told_wrongly() {
        let judged = |heard: &[Notice]| judge_notices(&[&exit(7)], heard, &made(1), None);
        assert!(!judged(&[notice(7)]).failed());
        assert!(judged(&[notice(7), notice(7)]).failed());
        assert!(judged(&[notice(0)]).failed());
        assert!(judge_notices(&[&exit(7)], &[], &made(1), Some(5_000)).failed());
    }

    fn made(times: u64) -> Made {
        Made::from([((ContainerId::new("c0"), None), times)])
    }

    #[test]
    fn after_a_fault_what_went_without_a_word_is_told_as_unknown_once_and_nothing_else_twice() {
        let Notice::Exit { container, exec, at_ns, .. } = notice(0);
        let unknown = Notice::Exit { container, exec, status: ExitStatus::Unknown, at_ns };
        let judged =
            |heard: &[Notice], exits: &[Event]| judge_notices_after_faults(exits, heard, &made(1));
        assert!(!judged(std::slice::from_ref(&unknown), &[]).failed());
        assert!(judged(&[unknown.clone(), unknown.clone()], &[]).failed());
        assert!(judged(&[notice(7)], &[]).failed());
        assert!(judged(&[notice(7), unknown.clone()], &[exit(7)]).failed());
        // The first went without a word, the exit is the second's.
        let both = [unknown, notice(7)];
        assert!(!judge_notices_after_faults(&[exit(7)], &both, &made(2)).failed());
    }

    #[test]
    fn after_a_fault_of_what_never_ran_the_reply_may_be_told_and_still_once() {
        let birth = |topic: &str| Event { topic: topic.into(), status: None, ..exit(0) };
        let (created, started) = (birth("/tasks/create"), birth("/tasks/start"));
        let judged = |heard: &[Notice], events: &[Event]| {
            judge_notices_after_faults(events, heard, &made(1))
        };
        let never_ran = [created.clone(), exit(137)];
        assert!(!judged(&[notice(0)], &never_ran).failed());
        assert!(judged(&[notice(0), notice(137)], &never_ran).failed());
        assert!(judged(&[notice(0)], &[created, started, exit(137)]).failed());
    }

    #[test]
    fn an_exit_is_told_as_unknown_only_where_the_server_told_none() {
        let unknown = || {
            let Notice::Exit { container, exec, at_ns, .. } = notice(0);
            Notice::Exit { container, exec, status: ExitStatus::Unknown, at_ns }
        };
        assert!(!judge_notices(&[&exit(7)], &[notice(7), unknown()], &made(2), None).failed());
        assert!(judge_notices(&[&exit(7)], &[notice(7), unknown()], &made(1), None).failed());
        assert!(judge_notices(&[&exit(7)], &[unknown()], &made(1), None).failed());
        assert!(judge_notices(&[], &[unknown(), unknown()], &made(1), None).failed());
    }

    #[test]
    fn after_a_fault_an_exit_of_another_process_does_not_count() {
        let of = |container: &str, exec: Option<&str>| Event {
            container: ContainerId::new(container),
            exec: exec.map(ExecId::new),
            ..exit(7)
        };
        let judged = |event| judge_notices_after_faults(&[event], &[notice(7)], &made(1)).failed();
        assert!(!judged(of("c0", None)));
        assert!(judged(of("c1", None)));
        assert!(judged(of("c0", Some("e0"))));
    }

    #[test]
    fn after_a_fault_one_that_ran_is_told_rightly_whatever_else_never_ran() {
        let birth = |topic: &str, container: &str| Event {
            topic: topic.into(),
            container: ContainerId::new(container),
            status: None,
            ..exit(0)
        };
        let (created, started) = (birth("/tasks/create", "c0"), birth("/tasks/start", "c0"));
        let events = [created, started, birth("/tasks/create", "c1"), exit(137)];
        assert!(judge_notices_after_faults(&events, &[notice(0)], &made(1)).failed());
        assert!(!judge_notices_after_faults(&events, &[notice(137)], &made(1)).failed());
    }
}
