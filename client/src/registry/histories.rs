//! Histories of one name, told by events and by replies in every order that can be.

use std::collections::BTreeMap;
use std::sync::Arc;

use proptest::prelude::*;
use tokio::sync::mpsc;

use super::{Exit, ExitStatus, Incarnation, Registry, Status};
use crate::events;
use crate::events::TaskEvent;

fn exit(code: u32) -> Exit {
    Exit { status: ExitStatus::Code(code), at_ns: Some(i64::from(code)) }
}

struct Told {
    registry: Registry,
    past: mpsc::UnboundedReceiver<Arc<Incarnation>>,
}

impl Told {
    fn new() -> Self {
        let (unresolved, past) = mpsc::unbounded_channel();
        Self { registry: Registry::new(unresolved), past }
    }

    /// What has no time is never the same as what was told before.
    fn hear(&self, what: TaskEvent) {
        self.registry.hear(events::Told { at_ns: None, what });
    }

    fn hear_at(&self, at_ns: i64, what: TaskEvent) {
        self.registry.hear(events::Told { at_ns: Some(at_ns), what });
    }

    fn created(&self, births: u64, pid: u32) -> Arc<Incarnation> {
        let task = self.registry.created("c0", births, pid);
        task.hold.be_given();
        task
    }

    fn exited(&self, exec: Option<&str>, pid: u32, code: u32) {
        let (container, exec) = ("c0".to_owned(), exec.map(str::to_owned));
        self.hear(TaskEvent::Exited { container, exec, pid, exit: exit(code) });
    }

    fn exec(&self, task: &Arc<Incarnation>, id: &str, pid: u32) -> Arc<Incarnation> {
        let exec = self.registry.exec_added(task, id, self.registry.exec_births(task, id));
        exec.hold.be_given();
        self.registry.started(&exec, pid);
        exec
    }

    /// No more events come of whoever is past.
    fn resolve(&mut self) {
        while let Ok(one) = self.past.try_recv() {
            self.registry.resolve(&one);
        }
    }

    async fn news(&self) -> Vec<ExitStatus> {
        let mut news = Vec::new();
        let now = std::time::Duration::ZERO;
        while let Ok(one) = tokio::time::timeout(now, self.registry.news().next()).await {
            news.push(one.exit.status);
        }
        news
    }
}

#[tokio::test]
async fn an_exec_and_the_init_that_share_a_pid_end_each_by_its_own_exit() {
    let told = Told::new();
    let task = told.created(0, 5);
    let exec = told.exec(&task, "e0", 5);
    told.exited(Some("e0"), 5, 3);
    assert_eq!((exec.exit(), task.exit()), (Some(exit(3)), None));
    told.exited(None, 5, 4);
    assert_eq!((exec.exit(), task.exit()), (Some(exit(3)), Some(exit(4))));
    assert_eq!(told.news().await, [ExitStatus::Code(3), ExitStatus::Code(4)]);
}

#[tokio::test]
async fn a_restored_task_is_born_without_a_pid_and_that_may_be_told_after_its_start() {
    let told = Told::new();
    for pid in [7, 8] {
        let task = told.created(told.registry.births("c0"), 0);
        told.registry.started(&task, pid);
        let container = "c0".to_owned();
        told.hear(TaskEvent::Created { container: container.clone(), pid: 0 });
        told.hear(TaskEvent::Started { container: container.clone(), pid });
        told.exited(None, pid, pid);
        assert_eq!((task.exit(), task.is_gone()), (Some(exit(pid)), false));
        told.hear(TaskEvent::Deleted { container, pid, exit: exit(pid) });
        assert!(task.is_gone());
    }
}

/// The stream lags behind replies: the restored one may be gone, and the next asked for, before its birth
/// is told.
#[tokio::test]
async fn the_birth_of_a_restored_task_is_not_that_of_the_next() {
    let told = Told::new();
    let restored = told.created(0, 0);
    told.registry.started(&restored, 7);
    told.registry.deleted(&restored, exit(137));
    let births = told.registry.births("c0");
    told.hear(TaskEvent::Created { container: "c0".to_owned(), pid: 0 });
    let next = told.created(births, 9);
    assert_eq!((next.pid(), next.is_gone()), (9, false));
    told.exited(None, 7, 137);
    assert_eq!((restored.exit(), next.exit()), (Some(exit(137)), None));
}

#[tokio::test]
async fn an_exit_that_is_repeated_does_not_end_the_next_bearer_of_name_and_pid() {
    let told = Told::new();
    let first = told.created(0, 5);
    let born = TaskEvent::Created { container: "c0".to_owned(), pid: 5 };
    told.hear(born.clone());
    told.exited(None, 5, 137);
    told.registry.deleted(&first, exit(137));
    let second = told.created(told.registry.births("c0"), 5);
    told.exited(None, 5, 137);
    told.hear(born);
    told.exited(None, 5, 137);
    assert_eq!(second.exit(), None);
    told.exited(None, 5, 7);
    assert_eq!(second.exit(), Some(exit(7)));
    assert_eq!(told.news().await, [ExitStatus::Code(137), ExitStatus::Code(7)]);
}

/// Refused to its client, it was started all the same, and its deletion is what tells of that first.
#[tokio::test]
async fn the_end_of_an_exec_whose_start_was_refused_is_told_once() {
    let told = Told::new();
    let task = told.created(0, 5);
    let exec = told.registry.exec_added(&task, "e0", told.registry.exec_births(&task, "e0"));
    let (container, name) = ("c0".to_owned(), "e0".to_owned());
    told.hear(TaskEvent::ExecAdded { container: container.clone(), exec: name.clone() });
    told.registry.exec_deleted(&exec, 9, exit(143));
    told.hear(TaskEvent::ExecStarted { container, exec: name, pid: 9 });
    told.exited(Some("e0"), 9, 143);
    assert_eq!(told.news().await, [ExitStatus::Code(143)]);
}

/// Whether the first was registered nobody said; the stream was lost, and births with it.
#[tokio::test]
async fn an_end_is_that_of_the_exec_that_has_its_pid_and_not_of_one_before_that_has_none() {
    let told = Told::new();
    let task = told.created(0, 5);
    let first = told.registry.exec_added(&task, "e0", told.registry.exec_births(&task, "e0"));
    let second = told.exec(&task, "e0", 9);
    told.exited(Some("e0"), 9, 3);
    assert_eq!((first.exit(), second.exit()), (None, Some(exit(3))));
    assert_eq!(told.news().await, [ExitStatus::Code(3)]);
}

/// A client that comes while an exec ends hears of that before it is answered what tasks there are.
#[tokio::test]
async fn a_task_of_which_an_execs_end_was_told_first_is_the_one_that_is_shown() {
    use containerd_client::types::v1::{Process as Shown, Status as Wire};
    let shown = |pid| {
        let mut shown = Shown { id: "c0".to_owned(), pid, ..Shown::default() };
        shown.set_status(Wire::Running);
        shown
    };
    for listed in [false, true] {
        let told = Told::new();
        let mark = told.registry.mark();
        told.exited(Some("e0"), 9, 3);
        let task = match listed {
            false => told.registry.shown("c0", mark, &shown(7)),
            true => {
                let absent = told.registry.listed(mark, &[shown(7)]);
                assert!(absent.is_empty());
                told.registry.shown("c0", told.registry.mark(), &shown(7))
            }
        };
        assert_eq!((task.pid(), task.standing().status), (7, Status::Running), "listed: {listed}");
        // The first process is told as itself from then on, and an older answer does not overrule it.
        told.exited(None, 7, 137);
        let again = told.registry.shown("c0", mark, &shown(7));
        assert_eq!(again.exit(), Some(exit(137)));
    }
}

/// A shim that could not tell its daemon of a birth, for that was being killed, tells it again a
/// second later, and what happened since is told before.
#[tokio::test]
async fn a_birth_that_is_told_after_the_end_is_no_other_life() {
    use containerd_client::types::v1::{Process as Shown, Status as Wire};
    for deleted_first in [false, true] {
        let mut told = Told::new();
        let shown =
            Shown { id: "c0".into(), pid: 5, status: Wire::Created.into(), ..Default::default() };
        let task = told.registry.shown("c0", told.registry.mark(), &shown);
        told.exited(None, 5, 137);
        let container = || "c0".to_owned();
        let born = TaskEvent::Created { container: container(), pid: 5 };
        let deleted = TaskEvent::Deleted { container: container(), pid: 5, exit: exit(137) };
        let order = if deleted_first { [deleted, born] } else { [born, deleted] };
        order.into_iter().for_each(|event| told.hear(event));
        told.resolve();
        assert!(task.is_gone() && told.registry.is_empty("c0"));
        assert_eq!(told.news().await, [ExitStatus::Code(137)], "once");
        // Whoever comes then is somebody else.
        told.hear(TaskEvent::Created { container: container(), pid: 6 });
        assert_eq!(told.registry.current("c0").unwrap().pid(), 6);
    }
}

#[tokio::test]
async fn the_birth_of_an_exec_that_is_told_after_its_end_is_no_other_life() {
    let mut told = Told::new();
    let task = told.created(0, 5);
    let exec = told.exec(&task, "e0", 6);
    told.exited(Some("e0"), 6, 3);
    let (container, id) = (|| "c0".to_owned(), || "e0".to_owned());
    let added = || TaskEvent::ExecAdded { container: container(), exec: id() };
    let started = |pid| TaskEvent::ExecStarted { container: container(), exec: id(), pid };
    told.hear(added());
    told.hear(started(6));
    assert!(Arc::ptr_eq(&told.registry.execs(&task)[0], &exec));
    // Its id is used again, by somebody else.
    told.hear(added());
    told.hear(started(7));
    let again = told.registry.execs(&task)[0].clone();
    assert_eq!((again.pid(), again.exit()), (7, None));
    told.exited(Some("e0"), 7, 4);
    told.exited(None, 5, 137);
    told.registry.deleted(&task, exit(137));
    told.resolve();
    let codes = [3, 4, 137].map(ExitStatus::Code);
    assert_eq!(told.news().await, codes, "each once");
}

/// A shim whose word was taken, and not acknowledged in time, says it once more, after all else: what
/// lives under the name by then is another.
#[tokio::test]
async fn a_birth_and_a_start_that_are_told_again_later_are_no_other_lives() {
    let mut told = Told::new();
    let task = told.created(0, 5);
    let (container, id) = (|| "c0".to_owned(), || "e0".to_owned());
    let added = || TaskEvent::ExecAdded { container: container(), exec: id() };
    let started = |pid| TaskEvent::ExecStarted { container: container(), exec: id(), pid };
    told.hear_at(1, added());
    told.hear_at(2, started(6));
    told.exited(Some("e0"), 6, 3);
    let first = told.registry.execs(&task)[0].clone();
    told.registry.deleted(&first, exit(3));
    told.hear_at(1, added());
    assert!(first.is_gone() && Arc::ptr_eq(&told.registry.execs(&task)[0], &first), "no ghost");
    let second = told.registry.exec_added(&task, "e0", told.registry.exec_births(&task, "e0"));
    told.hear_at(3, added());
    for (at, again) in [(1, added()), (2, started(6)), (3, added())] {
        told.hear_at(at, again);
        let standing = second.standing();
        assert_eq!((standing.pid, standing.status), (0, Status::Created));
    }
    told.hear_at(4, started(7));
    told.hear_at(4, started(7));
    assert_eq!((second.pid(), second.standing().status), (7, Status::Running));
    told.exited(Some("e0"), 7, 4);
    told.resolve();
    assert_eq!(told.news().await, [3, 4].map(ExitStatus::Code), "each once");
}

/// A daemon may tell an exec's exit late: when its task is gone, and the next is told of already.
#[tokio::test]
async fn the_exit_of_an_exec_that_is_told_after_the_next_task_is_still_its_own() {
    let mut told = Told::new();
    let first = told.created(0, 5);
    let exec = told.exec(&first, "e1", 6);
    let deleted = told.exec(&first, "e2", 7);
    told.registry.deleted(&deleted, Exit::UNKNOWN);
    told.registry.deleted(&first, exit(137));
    let second = told.created(told.registry.births("c0"), 8);
    told.hear(TaskEvent::Created { container: "c0".to_owned(), pid: 8 });
    for (id, pid) in [("e1", 6), ("e1", 6), ("e2", 7), ("e2", 7)] {
        told.exited(Some(id), pid, pid);
    }
    told.resolve();
    assert_eq!((exec.exit(), deleted.exit()), (Some(exit(6)), Some(exit(7))));
    assert!(told.registry.execs(&second).is_empty(), "they are not of the next");
    assert_eq!(told.news().await, [137, 6, 7].map(ExitStatus::Code), "each once");
}

/// Where time stands still, two lives may be born in the same moment.
#[tokio::test]
async fn an_exec_that_is_born_in_the_moment_of_an_earlier_one_is_another() {
    for reply_first in [false, true] {
        let mut told = Told::new();
        let task = told.created(0, 5);
        let added = || TaskEvent::ExecAdded { container: "c0".to_owned(), exec: "e0".to_owned() };
        let births = || told.registry.exec_births(&task, "e0");
        let first = told.registry.exec_added(&task, "e0", births());
        told.hear_at(1, added());
        told.registry.deleted(&first, Exit::UNKNOWN);
        let asked = births();
        let make = || told.registry.exec_added(&task, "e0", asked);
        let early = reply_first.then(make);
        told.hear_at(1, added());
        let second = early.unwrap_or_else(make);
        let (container, exec, pid) = ("c0".to_owned(), "e0".to_owned(), 7);
        told.hear_at(1, TaskEvent::ExecStarted { container, exec, pid });
        told.exited(Some("e0"), 7, 4);
        told.resolve();
        assert_eq!((second.exit(), first.pid()), (Some(exit(4)), 0));
        assert_eq!(told.news().await, [ExitStatus::Code(4)]);
    }
}

/// So a daemon tells of a shim that died, where it found no pid: the status is made up.
#[tokio::test]
async fn an_exit_without_a_pid_is_nobodys_and_its_deletion_is_of_whoever_bears_the_name() {
    let mut told = Told::new();
    let task = told.created(0, 5);
    told.hear(TaskEvent::Created { container: "c0".to_owned(), pid: 5 });
    let mark = told.registry.mark();
    told.exited(None, 0, 137);
    assert_eq!((task.exit(), told.registry.mark()), (None, mark), "nothing was learned");
    let deleted = |pid, exit| TaskEvent::Deleted { container: "c0".to_owned(), pid, exit };
    told.hear(deleted(0, exit(137)));
    assert!(task.is_gone());
    told.resolve();
    assert_eq!(told.news().await, [ExitStatus::Unknown], "once");
    told.exited(None, 0, 137);
    told.hear(deleted(0, exit(137)));
    assert!(told.news().await.is_empty());
}

#[tokio::test]
async fn a_reading_does_not_overrule_what_was_learned_since_it_was_asked_for() {
    use containerd_client::types::v1::{Process as Shown, Status as Wire};
    let told = Told::new();
    let task = told.created(0, 5);
    told.registry.started(&task, 5);
    let mark = told.registry.mark();
    told.exited(None, 5, 7);
    let shown =
        Shown { id: "c0".into(), pid: 5, status: Wire::Running.into(), ..Default::default() };
    let found = told.registry.shown("c0", mark, &shown);
    assert!(Arc::ptr_eq(&found, &task));
    assert_eq!(task.standing().status, Status::Stopped(exit(7)));
    assert!(told.registry.listed(mark, &[]).is_empty(), "it is younger than the list");
    assert_eq!(told.news().await, [ExitStatus::Code(7)]);
}

#[derive(Clone, Copy, Debug)]
struct Life {
    ours: bool,
    /// Of ours: few, so that they are used again. A stranger's is its own: whether a birth is of
    /// the task that was asked for just now or of a stranger's just before, only the pid tells.
    pid: u32,
    deleted_by_us: bool,
    exit_lost: bool,
    exit_twice: bool,
    deletion_lost: bool,
}

#[derive(Clone, Copy, Debug)]
enum Reply {
    Ask(usize),
    Created(usize),
    Deleted(usize),
}

fn lives() -> impl Strategy<Value = Vec<Life>> {
    let life = (any::<bool>(), 5..7u32, any::<bool>(), any::<bool>(), any::<bool>(), any::<bool>());
    proptest::collection::vec(life, 1..5).prop_map(|lives| {
        let numbered = lives.into_iter().zip(100..);
        let life = |((ours, pid, by_us, exit_lost, exit_twice, deletion_lost), stranger)| Life {
            ours,
            pid: if ours { pid } else { stranger },
            deleted_by_us: ours && by_us,
            exit_lost,
            exit_twice,
            deletion_lost,
        };
        numbered.map(life).collect()
    })
}

fn code(life: usize) -> u32 {
    u32::try_from(life).unwrap() + 1
}

fn events(lives: &[Life]) -> Vec<(usize, TaskEvent)> {
    let mut events = Vec::new();
    for (at, life) in lives.iter().enumerate() {
        let (container, pid, exit) = ("c0".to_owned(), life.pid, exit(code(at)));
        events.push((at, TaskEvent::Created { container: container.clone(), pid }));
        events.push((at, TaskEvent::Started { container: container.clone(), pid }));
        let exited = TaskEvent::Exited { container: container.clone(), exec: None, pid, exit };
        let times = if life.exit_lost { 0 } else { 1 + usize::from(life.exit_twice) };
        events.extend(std::iter::repeat_n((at, exited), times));
        if !life.deletion_lost {
            events.push((at, TaskEvent::Deleted { container, pid, exit }));
        }
    }
    events
}

fn replies(lives: &[Life]) -> Vec<Reply> {
    let mut replies = Vec::new();
    for (at, life) in lives.iter().enumerate().filter(|(_, life)| life.ours) {
        replies.extend([Reply::Ask(at), Reply::Created(at)]);
        if life.deleted_by_us {
            replies.push(Reply::Deleted(at));
        }
    }
    replies
}

/// Plays both, each in its order, as `events_first` draws it: but nothing is born unasked.
fn play(told: &Told, lives: &[Life], events_first: &[bool]) -> BTreeMap<usize, Arc<Incarnation>> {
    let (events, replies) = (events(lives), replies(lives));
    let (mut event, mut reply, mut draw) = (0, 0, 0);
    let (mut births, mut handles) = (BTreeMap::new(), BTreeMap::<usize, Arc<Incarnation>>::new());
    while event < events.len() || reply < replies.len() {
        let drawn = events_first[draw % events_first.len()];
        draw += 1;
        let next =
            events.get(event).filter(|(life, _)| !lives[*life].ours || births.contains_key(life));
        match (next, replies.get(reply)) {
            (Some((_, heard)), answered) if drawn || answered.is_none() => {
                told.hear(heard.clone());
                event += 1;
            }
            (_, Some(Reply::Ask(life))) => {
                births.insert(*life, told.registry.births("c0"));
                reply += 1;
            }
            (_, Some(Reply::Created(life))) => {
                handles.insert(*life, told.created(births[life], lives[*life].pid));
                reply += 1;
            }
            (_, Some(Reply::Deleted(life))) => {
                told.registry.deleted(&handles[life], exit(code(*life)));
                reply += 1;
            }
            (_, None) => unreachable!("what is ours was asked for by then"),
        }
    }
    handles
}

proptest! {
    #[test]
    fn every_life_ends_once_and_by_its_own_exit(
        lives in lives(),
        events_first in proptest::collection::vec(any::<bool>(), 1..40),
    ) {
        let mut told = Told::new();
        let handles = play(&told, &lives, &events_first);
        told.resolve();
        for (life, handle) in &handles {
            let Life { deleted_by_us, exit_lost, deletion_lost, .. } = lives[*life];
            let known = deleted_by_us || !exit_lost || !deletion_lost;
            let last = *life + 1 == lives.len();
            let expected = match (known, last) {
                (true, _) => Some(ExitStatus::Code(code(*life))),
                (false, true) => None,
                (false, false) => Some(ExitStatus::Unknown),
            };
            let found = handle.exit().map(|exit| exit.status);
            prop_assert_eq!(found, expected, "life {}", life);
        }
        let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap();
        let news = runtime.block_on(told.news());
        for (life, _) in handles.iter().filter(|(_, handle)| handle.exit().is_some()) {
            let own = ExitStatus::Code(code(*life));
            let times = news.iter().filter(|status| **status == own).count();
            prop_assert!(times <= 1, "life {}: {:?}", life, news);
        }
        let ended = handles.values().filter(|handle| handle.exit().is_some()).count();
        prop_assert!(news.len() >= ended && news.len() <= lives.len(), "{:?}", news);
    }
}
