//! Events of a case: each where it can be in the life of what it is about, and none twice.

use std::collections::BTreeMap;

use run_record::Verdict;

use crate::target::Event;

/// How far a container's life has come, by what was told.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Life {
    record: bool,
    task: Option<Task>,
}

/// A task's.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Task {
    started: bool,
    paused: bool,
    exited: bool,
    deleted: bool,
}

/// An exec's.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Exec {
    Added,
    Started,
    Exited,
}

/// Judges all events of a namespace, in the order in which they came. `loses_deletes`: the server is
/// free to lose `/tasks/delete`, so that a task may be followed by another without one.
pub(crate) fn judge_order(events: &[Event], loses_deletes: bool) -> Verdict {
    let mut lives: BTreeMap<String, Life> = BTreeMap::new();
    let mut execs: BTreeMap<(String, String), Exec> = BTreeMap::new();
    for (place, event) in events.iter().enumerate() {
        let id = event.container.as_str();
        let life = lives.entry(id.to_owned()).or_default();
        let right = match &event.exec {
            None => life.goes_on(&event.topic, loses_deletes),
            Some(exec) => {
                let key = (id.to_owned(), exec.as_str().to_owned());
                let next = after(execs.get(&key).copied(), &event.topic);
                let right = next.is_some() && life.task.is_some();
                execs.extend(next.map(|next| (key, next)));
                right
            }
        };
        if event.exec.is_none() && event.topic == "/tasks/create" {
            // Another task: ids of execs are free again.
            execs.retain(|(container, _), _| container != id);
        }
        if !right {
            let before: Vec<String> = events[..place]
                .iter()
                .filter(|one| one.container == event.container)
                .map(shown)
                .collect();
            let detail =
                format!("{} of {id} cannot come after {}", shown(event), before.join(", "));
            return Verdict::fail("events-order", detail);
        }
    }
    Verdict::pass("events-order")
}

fn shown(event: &Event) -> String {
    let exec = event.exec.as_ref().map(|exec| format!(" {exec}")).unwrap_or_default();
    let status = event.status.map(|status| format!(" {status}")).unwrap_or_default();
    format!("{}{exec}{status}", event.topic)
}

impl Life {
    /// Whether an event of the container or of its task can be the next; it is.
    fn goes_on(&mut self, topic: &str, loses_deletes: bool) -> bool {
        if let Some(there) = match topic {
            "/containers/create" => Some(!std::mem::replace(&mut self.record, true)),
            "/containers/update" => Some(self.record),
            "/containers/delete" => Some(std::mem::replace(&mut self.record, false)),
            _ => None,
        } {
            return there;
        }
        if topic == "/tasks/create" {
            // Of what never ran no exit need be told.
            let ended =
                |task: Task| task.deleted || (loses_deletes && (task.exited || !task.started));
            let over = self.task.is_none_or(ended);
            self.task = Some(Task::default());
            return self.record && over;
        }
        let Some(task) = &mut self.task else { return false };
        let Task { started, paused, exited, deleted } = *task;
        match topic {
            "/tasks/start" => {
                task.started = true;
                !started && !exited && !deleted
            }
            "/tasks/paused" => {
                task.paused = true;
                started && !paused && !exited
            }
            "/tasks/resumed" => {
                task.paused = false;
                paused && !exited
            }
            // Of one that never ran they come in either order.
            "/tasks/exit" => {
                task.exited = true;
                !exited && (!deleted || !started)
            }
            "/tasks/delete" => {
                task.deleted = true;
                !deleted && (exited || !started)
            }
            "/tasks/oom" => !exited,
            _ => true,
        }
    }
}

/// Where an exec is after an event; `None`: it cannot be the next.
fn after(exec: Option<Exec>, topic: &str) -> Option<Exec> {
    match (exec, topic) {
        // Nobody tells of its removal, nor that its start failed.
        (None | Some(Exec::Exited | Exec::Added), "/tasks/exec-added") => Some(Exec::Added),
        (Some(Exec::Added), "/tasks/exec-started") => Some(Exec::Started),
        (Some(Exec::Started), "/tasks/exit") => Some(Exec::Exited),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use driver_protocol::{ContainerId, ExecId};

    fn event(text: &str) -> Event {
        let (topic, exec) = text.split_once(' ').map_or((text, None), |(t, e)| (t, Some(e)));
        Event {
            topic: topic.into(),
            namespace: "n".into(),
            container: ContainerId::new("c0"),
            exec: exec.map(ExecId::new),
            status: None,
        }
    }

    fn fails(events: &[&str], loses_deletes: bool) -> bool {
        let events: Vec<Event> = events.iter().map(|text| event(text)).collect();
        judge_order(&events, loses_deletes).failed()
    }

    const RUN: [&str; 5] =
        ["/containers/create", "/tasks/create", "/tasks/start", "/tasks/exit", "/tasks/delete"];

    #[test]
    fn a_life_is_told_in_its_order_and_a_second_one_like_it() {
        assert!(!fails(&RUN, false));
        assert!(!fails(&[&RUN[..], &RUN[1..], &["/containers/delete"]].concat(), false));
        assert!(!fails(&[&RUN[..2], &["/tasks/delete", "/tasks/exit"]].concat(), false));
    }

    #[test]
    fn what_comes_twice_too_early_or_for_nobody_fails() {
        for place in 0..RUN.len() {
            let twice = [&RUN[..=place], &RUN[place..]].concat();
            assert!(fails(&twice, false), "{twice:?}");
        }
        assert!(fails(&["/tasks/create"], false));
        assert!(fails(&[&RUN[..2], &["/tasks/paused"]].concat(), false));
        assert!(fails(&[&RUN[..3], &["/tasks/resumed"]].concat(), false));
        assert!(fails(&[&RUN[..3], &["/tasks/delete"]].concat(), false));
    }

    #[test]
    fn a_deletion_may_be_missing_only_where_it_may_be_lost() {
        let lost = [&RUN[..4], &RUN[1..]].concat();
        assert!(fails(&lost, false));
        assert!(!fails(&lost, true));
        let never_ran = [&RUN[..2], &RUN[1..]].concat();
        assert!(fails(&never_ran, false));
        assert!(!fails(&never_ran, true));
        assert!(fails(&[&RUN[..3], &RUN[1..]].concat(), true), "it runs");
    }

    #[test]
    fn an_exec_is_added_started_and_exits_once_and_its_id_is_free_again() {
        let exec = ["/tasks/exec-added e0", "/tasks/exec-started e0", "/tasks/exit e0"];
        assert!(!fails(&[&RUN[..3], &exec, &exec, &RUN[3..]].concat(), false));
        assert!(fails(&[&RUN[..3], &exec, &exec[2..]].concat(), false));
        assert!(fails(&[&RUN[..3], &exec[1..]].concat(), false));
        assert!(fails(&[&RUN[..1], &exec].concat(), false));
    }

    #[test]
    fn a_record_is_changed_and_deleted_only_while_it_is_there() {
        let [create, update, delete] =
            ["/containers/create", "/containers/update", "/containers/delete"];
        assert!(!fails(&[create, update, delete, create], false));
        for wrong in [&[update][..], &[delete], &[create, create], &[create, delete, delete]] {
            assert!(fails(wrong, false), "{wrong:?}");
        }
        assert!(fails(&[&RUN[..], &[delete, update]].concat(), false));
        assert!(fails(&[&RUN[..], &[delete, delete]].concat(), false));
    }

    #[test]
    fn one_that_runs_is_paused_and_resumed_in_turns_and_runs_out_of_memory_before_its_end() {
        let [paused, resumed, oom] = ["/tasks/paused", "/tasks/resumed", "/tasks/oom"];
        let running = |topics: &[&'static str]| [&RUN[..3], topics].concat();
        assert!(!fails(&running(&[oom, paused, resumed, paused, oom, RUN[3], RUN[4]]), false));
        for wrong in [&[resumed][..], &[paused, paused], &[paused, resumed, resumed]] {
            assert!(fails(&running(wrong), false), "{wrong:?}");
        }
        for late in [paused, oom] {
            assert!(fails(&running(&[RUN[3], late]), false), "{late}");
        }
        assert!(fails(&running(&[paused, RUN[3], resumed]), false));
    }

    #[test]
    fn only_another_task_of_its_container_ends_an_exec_without_a_word() {
        let exec = ["/tasks/exec-added e0", "/tasks/exec-started e0"];
        let running = [&RUN[..3], &exec].concat();
        let goes_on = ["/tasks/paused", "/tasks/resumed", "/tasks/exit e0"];
        assert!(!fails(&[&running[..], &goes_on].concat(), false));
        assert!(fails(&[&running[..], &exec].concat(), false));
        assert!(!fails(&[&running[..], &RUN[3..], &RUN[1..3], &exec].concat(), false));
        // Another container's new task is nothing to it.
        let mut events: Vec<Event> = running.iter().map(|text| event(text)).collect();
        let other = RUN[..2].iter().map(|text| event(text));
        events.extend(other.map(|one| Event { container: ContainerId::new("c1"), ..one }));
        events.push(event("/tasks/exit e0"));
        assert!(!judge_order(&events, false).failed());
    }

    #[test]
    fn what_came_before_is_told_of_the_container_itself() {
        let mut events: Vec<Event> = RUN[..3].iter().map(|text| event(text)).collect();
        events.push(Event { container: ContainerId::new("c1"), ..event(RUN[0]) });
        events.push(Event { status: Some(7), ..event("/tasks/exit e0") });
        let told = "/tasks/exit e0 7 of c0 cannot come after /containers/create, /tasks/create, \
                    /tasks/start";
        assert_eq!(judge_order(&events, false).detail, told);
    }
}
