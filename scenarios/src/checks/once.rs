//! Events of a case against what its steps say was done: one for each, and none for nothing.

use std::cmp::Ordering;
use std::collections::BTreeMap;

use driver_protocol::{ContainerId, Operation, Outcome};
use run_record::Verdict;

use super::{Owed, owed};
use crate::target::Event;

type Key = (String, String, Option<String>);

/// Judges how often each event came. `free`: events that the server is free to lose. An exec whose
/// start failed has been added all the same, and what ends may end in more ways than one: those two
/// may come more often than a client was told of them, and no other. `halfway`: containers of which a
/// start was refused while others acted on them: it may have made a task, which is gone again.
pub(crate) fn judge_once(
    steps: &[(&Operation, &Outcome)],
    events: &[Event],
    free: impl Fn(&Owed) -> bool,
    halfway: &[&ContainerId],
) -> Verdict {
    let mut due: BTreeMap<Key, u64> = BTreeMap::new();
    let mut loses: BTreeMap<Key, bool> = BTreeMap::new();
    for (operation, outcome) in steps {
        for owed in
            owed(operation, outcome).iter().filter(|owed| !FREE_IN_NUMBER.contains(&owed.topic))
        {
            let key =
                key(owed.topic, owed.container.as_str(), owed.exec.as_ref().map(|e| e.as_str()));
            *loses.entry(key.clone()).or_default() |= free(owed);
            *due.entry(key).or_default() += 1;
        }
    }
    let mut seen: BTreeMap<Key, u64> = BTreeMap::new();
    for event in events.iter().filter(|event| !FREE_IN_NUMBER.contains(&event.topic.as_str())) {
        let exec = event.exec.as_ref().map(|exec| exec.as_str());
        *seen.entry(key(&event.topic, event.container.as_str(), exec)).or_default() += 1;
    }
    let keys: std::collections::BTreeSet<&Key> = due.keys().chain(seen.keys()).collect();
    for key in keys {
        let (due, seen) = (due.get(key).copied().unwrap_or(0), seen.get(key).copied().unwrap_or(0));
        let lost = loses.get(key).copied().unwrap_or(false);
        let (topic, container, exec) = key;
        let undone = ["/tasks/create", "/tasks/delete"].contains(&topic.as_str())
            && halfway.iter().any(|one| one.as_str() == container);
        let right = match seen.cmp(&due) {
            Ordering::Less => lost,
            Ordering::Equal => true,
            Ordering::Greater => undone,
        };
        if !right {
            let exec = exec.as_ref().map(|exec| format!("exec {exec} of ")).unwrap_or_default();
            let detail = format!("{topic} of {exec}{container} came {seen} times, {due} are due");
            return Verdict::fail("events-once", detail);
        }
    }
    Verdict::pass("events-once")
}

/// A wait is owed an exit, and so is a forced deletion; what an exec adds it adds before it fails.
const FREE_IN_NUMBER: [&str; 2] = ["/tasks/exit", "/tasks/exec-added"];

fn key(topic: &str, container: &str, exec: Option<&str>) -> Key {
    (topic.to_owned(), container.to_owned(), exec.map(str::to_owned))
}

#[cfg(test)]
mod tests {
    use super::*;
    use driver_protocol::{ExecId, Ok as Done, Target};

    fn on() -> Target {
        Target { container: ContainerId::new("c0") }
    }

    fn event(topic: &str, status: Option<u32>) -> Event {
        let container = ContainerId::new("c0");
        Event { topic: topic.into(), namespace: "n".into(), container, exec: None, status }
    }

    #[test]
    fn an_event_that_is_missing_or_comes_twice_fails_and_one_that_may_be_lost_does_not() {
        let (pause, ok) = (Operation::Pause(on()), Outcome::Ok(Done::Pause {}));
        let steps = [(&pause, &ok)];
        let paused = || event("/tasks/paused", None);
        let judged =
            |events: &[Event], free: bool| judge_once(&steps, events, |_| free, &[]).failed();
        assert!(!judged(&[paused()], false));
        assert!(judged(&[], false) && !judged(&[], true));
        assert!(judged(&[paused(), paused()], true));
    }

    #[test]
    fn an_event_of_another_kind_or_of_another_process_is_not_the_one_that_is_due() {
        let (pause, ok) = (Operation::Pause(on()), Outcome::Ok(Done::Pause {}));
        let judged = |event: Event| judge_once(&[(&pause, &ok)], &[event], |_| false, &[]);
        let paused = || event("/tasks/paused", None);
        assert!(!judged(paused()).failed());
        for other in [
            event("/tasks/resumed", None),
            Event { container: ContainerId::new("c1"), ..paused() },
            Event { exec: Some(ExecId::new("e0")), ..paused() },
        ] {
            assert!(judged(other.clone()).failed(), "{other:?}");
        }
        let verdict = judged(event("/tasks/resumed", None));
        assert_eq!(verdict.detail, "/tasks/paused of c0 came 0 times, 1 are due");
    }

    #[test]
    fn a_start_that_was_refused_halfway_may_have_made_a_task_of_that_container_and_undone_it() {
        let judged = |halfway: &str, topics: &[&str]| {
            let events: Vec<Event> = topics.iter().map(|topic| event(topic, None)).collect();
            judge_once(&[], &events, |_| false, &[&ContainerId::new(halfway)]).failed()
        };
        assert!(!judged("c0", &["/tasks/create", "/tasks/delete"]));
        assert!(judged("c1", &["/tasks/create", "/tasks/delete"]));
        assert!(judged("c0", &["/tasks/start"]));
        // What succeeded is owed its event all the same.
        let (deletion, exited) = (Operation::DeleteTask(on()), r#"{"status":0,"at_ns":5}"#);
        let deleted = serde_json::from_str(&format!(r#"{{"ok":{{"delete-task":{exited}}}}}"#));
        let steps = [(&deletion, &deleted.unwrap())];
        assert!(judge_once(&steps, &[], |_| false, &[&ContainerId::new("c0")]).failed());
    }
}
