//! What a driver says unasked, collected beside the steps.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use driver_protocol::{ContainerId, Driver, ExecId, ExitStatus, Notice};
use run_record::Verdict;
use tokio::sync::watch;
use tokio::time::timeout;

use crate::Event;

/// How long a driver may take to tell an exit that the observer has seen.
const NOTICE_LIMIT_MS: u64 = 5_000;

/// How often each process came to be, by container and exec.
pub(super) type Made = BTreeMap<(ContainerId, Option<ExecId>), u64>;

/// Notices of one driver.
pub(super) struct Notices {
    heard: Arc<Mutex<Vec<Notice>>>,
    count: watch::Receiver<usize>,
    listener: tokio::task::JoinHandle<()>,
}

impl Notices {
    /// Listens until the driver has no more to say.
    pub(super) fn of(driver: Arc<dyn Driver>) -> Self {
        let heard = Arc::new(Mutex::new(Vec::new()));
        let (told, count) = watch::channel(0);
        let into = heard.clone();
        let listener = tokio::spawn(async move {
            while let Some(notice) = driver.next_notice().await {
                let mut notices = into.lock().expect("nothing panics while it holds notices");
                notices.push(notice);
                told.send_replace(notices.len());
            }
        });
        Self { heard, count, listener }
    }

    /// After a fault an exit may have been kept from the driver; none may be told twice or wrongly. What
    /// went without a word may be told as unknown.
    pub(super) fn judge_after_faults(&self, events: &[Event], made: &Made) -> Verdict {
        let heard = self.heard.lock().expect("nothing panics while it holds notices");
        judge_loosely(events, &heard, made)
    }

    /// Holds the notices against the exits that the observer saw: each is told once, and rightly. An
    /// exit that the server did not tell may be told as unknown, of what there was: `made` holds how
    /// often each process came to be.
    pub(super) async fn judge(&mut self, events: &[Event], made: &Made) -> Verdict {
        let exits: Vec<&Event> =
            events.iter().filter(|event| event.topic == "/tasks/exit").collect();
        let enough = self.count.wait_for(|count| *count >= exits.len());
        let in_time = timeout(Duration::from_millis(NOTICE_LIMIT_MS), enough).await.is_ok();
        let heard = self.heard.lock().expect("nothing panics while it holds notices");
        compare(&exits, &heard, made, in_time)
    }
}

impl Drop for Notices {
    fn drop(&mut self) {
        self.listener.abort();
    }
}

fn judge_loosely(events: &[Event], heard: &[Notice], made: &Made) -> Verdict {
    let mut left: Vec<&Event> =
        events.iter().filter(|event| event.topic == "/tasks/exit").collect();
    let mut told = Made::new();
    for Notice::Exit { container, exec, status, .. } in heard {
        let process = (container.clone(), exec.clone());
        let fits = |event: &&Event| {
            let same = event.container == *container && event.exec == *exec;
            let known = event.status.map(ExitStatus::Code);
            same && (*status == ExitStatus::Unknown || known == Some(*status))
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

fn compare(exits: &[&Event], heard: &[Notice], made: &Made, in_time: bool) -> Verdict {
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
    let late = if in_time { String::new() } else { format!(" within {NOTICE_LIMIT_MS} ms") };
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
        let compare = |heard: &[Notice], in_time| compare(&[&exit(7)], heard, &made(1), in_time);
        assert!(!compare(&[notice(7)], true).failed());
        assert!(compare(&[notice(7), notice(7)], true).failed());
        assert!(compare(&[notice(0)], true).failed());
        assert!(compare(&[], false).failed());
    }

    fn made(times: u64) -> Made {
        Made::from([((ContainerId::new("c0"), None), times)])
    }

    #[test]
    fn after_a_fault_what_went_without_a_word_is_told_as_unknown_once_and_nothing_else_twice() {
        let Notice::Exit { container, exec, at_ns, .. } = notice(0);
        let unknown = Notice::Exit { container, exec, status: ExitStatus::Unknown, at_ns };
        let judged = |heard: &[Notice], exits: &[Event]| judge_loosely(exits, heard, &made(1));
        assert!(!judged(std::slice::from_ref(&unknown), &[]).failed());
        assert!(judged(&[unknown.clone(), unknown.clone()], &[]).failed());
        assert!(judged(&[notice(7)], &[]).failed());
        assert!(judged(&[notice(7), unknown], &[exit(7)]).failed());
    }

    #[test]
    fn an_exit_is_told_as_unknown_only_where_the_server_told_none() {
        let unknown = || {
            let Notice::Exit { container, exec, at_ns, .. } = notice(0);
            Notice::Exit { container, exec, status: ExitStatus::Unknown, at_ns }
        };
        assert!(!compare(&[&exit(7)], &[notice(7), unknown()], &made(2), true).failed());
        assert!(compare(&[&exit(7)], &[notice(7), unknown()], &made(1), true).failed());
        assert!(compare(&[&exit(7)], &[unknown()], &made(1), true).failed());
        assert!(compare(&[], &[unknown(), unknown()], &made(1), true).failed());
    }
}
