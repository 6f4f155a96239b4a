//! What two servers may differ in, and what they may not.

use driver_protocol::{ErrorKind, ExitStatus, Exited, Refusal, Started, Waited};

use super::*;
use crate::model::{KILL, Move, Program, TERM, World, container_id, exec_id};

/// What happened on one server, as the runner writes it down.
struct Played {
    world: World,
    trace: Trace,
}

impl Played {
    fn on(kind: &str, profile: &str) -> Self {
        let (kind, profile) = (kind.to_owned(), profile.to_owned());
        let server = TargetRef { kind, version: profile.clone(), profile, asked: None };
        let trace = Trace { server: Some(server), ..Trace::default() };
        Self { world: World::default(), trace }
    }

    fn step(mut self, play: Move, outcome: Outcome, seen: Option<Lifecycle>) -> Self {
        let (forecast, certain) = (self.world.forecast(&play), self.world.certain(&play));
        let verdicts = self.world.learn(&forecast, &outcome, Some(seen));
        assert!(verdicts.iter().all(|verdict| !verdict.failed()), "{verdicts:?}");
        self.trace.open_ends.extend(self.world.open_ends());
        let (step, seen) = (self.trace.moves.len() as u64, Some(seen));
        self.trace.moves.push(Traced { step, forecast, certain, outcome, seen });
        self
    }

    fn running(self, program: Program, pid: u32) -> Self {
        let created = Outcome::Ok(Done::Create {});
        let started = Outcome::Ok(Done::Start(Started { pid }));
        self.step(Move::Create { c: 0, process: program }, created, None).step(
            Move::Start { c: 0 },
            started,
            Some(Lifecycle::Running),
        )
    }

    fn told(self, topic: &str, status: Option<u32>) -> Self {
        self.told_of(None, topic, status)
    }

    fn told_of(mut self, exec: Option<u8>, topic: &str, status: Option<u32>) -> Self {
        self.trace.events.push(Event {
            topic: topic.to_owned(),
            namespace: "n".to_owned(),
            container: container_id(0),
            exec: exec.map(exec_id),
            status,
        });
        self
    }

    /// As if the observer had seen something else after the last step.
    fn seen(mut self, seen: Lifecycle) -> Self {
        self.trace.moves.last_mut().unwrap().seen = Some(Some(seen));
        self
    }
}

fn refused(code: ErrorKind) -> Outcome {
    let kind = ErrorKind::FailedPrecondition;
    Outcome::Error(Refusal { kind, code: Some(code), message: format!("by {code}") })
}

fn difference(reference: Played, subject: Played) -> Option<String> {
    let (verdict, _) = judge_differential(&reference.trace, &subject.trace);
    verdict.failed().then_some(verdict.detail)
}

#[test]
fn pids_and_texts_are_not_compared_and_what_is_certain_is_counted() {
    let one = Played::on("real", "1.6").running(Program::Sleeps, 7);
    let two = Played::on("mock", "1.6").running(Program::Sleeps, 4_194_361);
    let (verdict, compared) = judge_differential(&one.trace, &two.trace);
    assert!(!verdict.failed(), "{verdict:?}");
    assert_eq!(compared, Compared { steps: 2, certain: 2, events: 0, free: 0 });
}

#[test]
fn another_code_for_the_same_refusal_is_a_difference() {
    let played = |kind, code| {
        let played = Played::on(kind, "1.6").running(Program::Sleeps, 7);
        played.step(Move::Resume { c: 0 }, refused(code), Some(Lifecycle::Running))
    };
    assert_eq!(
        difference(played("real", ErrorKind::Unknown), played("mock", ErrorKind::Unknown)),
        None
    );
    let told = difference(
        played("real", ErrorKind::Unknown),
        played("mock", ErrorKind::FailedPrecondition),
    );
    assert_eq!(
        told.as_deref(),
        Some(
            "step 2, resume: real:1.6: error failed-precondition: by unknown; \
             mock:1.6: error failed-precondition: by failed-precondition"
        )
    );
}

/// Between the two steps in which a shim learns of an exit it refuses an exec with another code than after.
#[test]
fn an_exec_is_refused_in_two_ways_where_the_task_has_stopped_and_nowhere_else() {
    let exec = |kind, stopped: bool, code| {
        let played = Played::on(kind, "2.1").running(Program::Sleeps, 7);
        let (play, done, seen) = match stopped {
            true => (Move::Kill { c: 0, signal: KILL }, Done::Kill {}, Lifecycle::Stopped),
            false => (Move::Pause { c: 0 }, Done::Pause {}, Lifecycle::Paused),
        };
        let exec = Move::Exec { c: 0, e: 0, process: Program::Sleeps };
        let met = played.step(play, Outcome::Ok(done), Some(seen));
        met.step(exec, refused(code), Some(seen))
    };
    for (stopped, differs) in [(true, false), (false, true)] {
        let real = exec("real", stopped, ErrorKind::FailedPrecondition);
        let mock = exec("mock", stopped, ErrorKind::Unknown);
        assert_eq!(difference(real, mock).is_some(), differs);
    }
}

#[test]
fn what_may_be_ending_is_refused_by_the_shim_or_by_runc() {
    let exec = |kind, code| {
        let met = Played::on(kind, "2.1").running(Program::ExitsWith7, 7);
        met.step(Move::Pause { c: 0 }, refused(code), Some(Lifecycle::Stopped))
    };
    let real = exec("real", ErrorKind::Unknown);
    let mock = exec("mock", ErrorKind::FailedPrecondition);
    assert_eq!(difference(real, mock), None);
}

#[test]
fn what_ends_meanwhile_may_have_ended_here_and_not_there() {
    let paused = |kind| {
        let played = Played::on(kind, "1.6").running(Program::ExitsWith7, 7);
        let pause = Outcome::Ok(Done::Pause {});
        played.step(Move::Pause { c: 0 }, pause, Some(Lifecycle::Paused))
    };
    let exited = |kind| {
        let played = Played::on(kind, "1.6").running(Program::ExitsWith7, 7);
        let wrong = refused(ErrorKind::Unknown);
        played.step(Move::Pause { c: 0 }, wrong, Some(Lifecycle::Stopped))
    };
    // Their events are not compared either, from there on.
    assert_eq!(difference(exited("real").told("/tasks/exit", Some(7)), paused("mock")), None);
    let (_, compared) = judge_differential(&exited("real").trace, &paused("mock").trace);
    assert_eq!((compared.steps, compared.certain, compared.free), (3, 2, 1));
}

#[test]
fn an_exit_status_that_only_one_of_them_tells_is_a_difference() {
    let killed = |kind, status| {
        let played = Played::on(kind, "1.6").running(Program::Sleeps, 7);
        let kill = Move::Kill { c: 0, signal: KILL };
        let played = played.step(kill, Outcome::Ok(Done::Kill {}), Some(Lifecycle::Stopped));
        let exited = Exited { status: ExitStatus::Code(137), at_ns: Some(i64::from(status)) };
        let waited = Outcome::Ok(Done::Wait(Waited { exited, gathered: None }));
        let played = played.step(Move::Wait { c: 0 }, waited, Some(Lifecycle::Stopped));
        played.told("/tasks/exit", Some(status))
    };
    assert_eq!(difference(killed("real", 137), killed("mock", 137)), None);
    let told = difference(killed("real", 137), killed("mock", 0)).unwrap();
    assert_eq!(told, "events of c0: real:1.6: /tasks/exit 137; mock:1.6: /tasks/exit 0");
    assert!(
        difference(killed("real", 137), killed("mock", 137).told("/tasks/exit", Some(137)))
            .is_some()
    );
}

#[test]
fn a_deletion_that_2_1_may_lose_is_not_held_against_the_mock_that_tells_it() {
    let played = |kind, version| Played::on(kind, version).running(Program::Sleeps, 7);
    let told = |version| played("mock", version).told("/tasks/delete", None);
    assert_eq!(difference(played("real", "2.1"), told("2.1")), None);
    assert!(difference(played("real", "1.7"), told("1.7")).is_some());
    // And the mock owes it.
    let real = played("real", "1.7").told("/tasks/delete", None);
    assert!(difference(real, played("mock", "1.7")).is_some());
}

#[test]
fn numbers_of_nobodys_are_not_compared_and_what_stands_beside_them_is() {
    let outcome = |text: &str, number: &str| -> Outcome {
        serde_json::from_str(&format!(r#"{{"ok":{}}}"#, text.replace('#', number))).unwrap()
    };
    for (text, from, to) in [
        (r#"{"load":{"task":{"status":"running","pid":#}}}"#, "running", "paused"),
        (
            r#"{"restore":{"containers":[{"container":"c0","task":{"status":"running","pid":#}}]}}"#,
            "running",
            "paused",
        ),
        (r#"{"create-task":{"pid":#}}"#, "create-task", "start-task"),
        (r#"{"start":{"pid":#}}"#, "start", "exec"),
        (r#"{"wait":{"status":0,"at_ns":#}}"#, ":0", ":1"),
        (r#"{"exec-wait":{"status":0,"at_ns":#}}"#, ":0", ":1"),
        (r#"{"exit-status":{"status":0,"at_ns":#}}"#, ":0", ":1"),
        (r#"{"delete-task":{"status":0,"at_ns":#}}"#, ":0", ":1"),
        (r#"{"delete-exec":{"status":0,"at_ns":#}}"#, ":0", ":1"),
        (r#"{"force-delete":{"status":0,"at_ns":#}}"#, ":0", ":1"),
        (r#"{"status":{"status":"running","pid":#}}"#, "running", "paused"),
        (r#"{"pids":{"pids":[#]}}"#, "#", ""),
        (r#"{"stats":{"payload":"v1","bytes":#}}"#, "v1", "v2"),
    ] {
        let one = outcome(text, "7");
        assert!(same(&one, &outcome(text, "8")), "{text}");
        assert!(!same(&one, &outcome(&text.replacen(from, to, 1), "7")), "{text}");
    }
    // Nor how many children a shell has just now.
    let pids = r#"{"pids":{"pids":[#]}}"#;
    assert!(same(&outcome(pids, "7"), &outcome(pids, "8,9")));
}

#[test]
fn a_refusal_without_a_code_is_the_clients_own_and_held_by_its_word() {
    use ErrorKind::{FailedPrecondition, NotFound, Unknown};
    let refused = |kind, code| {
        Outcome::Error(Refusal { kind, code, message: format!("{kind} of somebody's") })
    };
    let own = refused(NotFound, None);
    for told in [own.clone(), refused(NotFound, Some(NotFound)), refused(NotFound, Some(Unknown))] {
        assert!(same(&own, &told) && same(&told, &own), "{told:?}");
    }
    let other = refused(FailedPrecondition, Some(NotFound));
    assert!(!same(&own, &other) && !same(&other, &own));
    assert!(!same(&refused(NotFound, Some(NotFound)), &refused(NotFound, Some(Unknown))));
}

#[test]
fn a_task_in_another_state_than_the_answer_can_leave_is_a_difference() {
    let paused = |kind| {
        let played = Played::on(kind, "1.6").running(Program::Sleeps, 7);
        let pause = Outcome::Ok(Done::Pause {});
        played.step(Move::Pause { c: 0 }, pause, Some(Lifecycle::Paused))
    };
    assert_eq!(
        difference(paused("real"), paused("mock").seen(Lifecycle::Running)).unwrap(),
        "step 2, pause: the task: real:1.6: Some(Paused); mock:1.6: Some(Running)"
    );
    assert!(difference(paused("real").seen(Lifecycle::Running), paused("mock")).is_some());
    // What the model has no place for, both have: that is for the model to say.
    let running = |kind| paused(kind).seen(Lifecycle::Running);
    assert_eq!(difference(running("real"), running("mock")), None);
}

#[test]
fn what_is_refused_in_two_ways_is_no_difference_whatever_both_show() {
    let refused = |kind, code| {
        let played = Played::on(kind, "2.1").running(Program::Sleeps, 7);
        let kill = Move::Kill { c: 0, signal: KILL };
        let killed = played.step(kill, Outcome::Ok(Done::Kill {}), Some(Lifecycle::Stopped));
        let exec = Move::Exec { c: 0, e: 0, process: Program::Sleeps };
        killed.step(exec, refused(code), Some(Lifecycle::Stopped)).seen(Lifecycle::Unknown)
    };
    let (real, mock) = (ErrorKind::FailedPrecondition, ErrorKind::Unknown);
    assert_eq!(difference(refused("real", real), refused("mock", mock)), None);
}

#[test]
fn events_of_what_was_refused_are_compared_only_where_it_was_sure_to_be() {
    let refused = |kind, program, play, seen| {
        let played = Played::on(kind, "1.6").running(program, 7);
        played.step(play, refused(ErrorKind::Unknown), Some(seen))
    };
    let resumed = |kind| refused(kind, Program::Sleeps, Move::Resume { c: 0 }, Lifecycle::Running);
    assert!(difference(resumed("real"), resumed("mock").told("/tasks/resumed", None)).is_some());
    let paused =
        |kind| refused(kind, Program::ExitsWith7, Move::Pause { c: 0 }, Lifecycle::Stopped);
    assert_eq!(difference(paused("real"), paused("mock").told("/tasks/paused", None)), None);
}

#[test]
fn events_are_compared_by_process_and_those_of_the_subject_counted() {
    let played = |kind| {
        let exec = Move::Exec { c: 0, e: 0, process: Program::Sleeps };
        let started = Outcome::Ok(Done::Exec(Started { pid: 8 }));
        let played = Played::on(kind, "1.6").running(Program::Sleeps, 7);
        let played = played.step(exec, started, Some(Lifecycle::Running));
        played.told("/tasks/start", None).told_of(Some(0), "/tasks/exec-started", None)
    };
    let (verdict, compared) = judge_differential(&played("real").trace, &played("mock").trace);
    assert!(!verdict.failed(), "{verdict:?}");
    assert_eq!(compared, Compared { steps: 3, certain: 3, events: 2, free: 0 });
    let more = played("mock").told_of(Some(0), "/tasks/exit", Some(0));
    assert_eq!(
        difference(played("real"), more).unwrap(),
        "events of exec e0 of c0: real:1.6: /tasks/exec-started; \
         mock:1.6: /tasks/exec-started, /tasks/exit 0"
    );
}

#[test]
fn how_something_ended_that_may_end_in_two_ways_is_not_compared_and_that_it_ended_is() {
    let struck = |kind| {
        let kill = Move::Kill { c: 0, signal: TERM };
        let played = Played::on(kind, "1.6").running(Program::Obeys, 7);
        played.step(kill, Outcome::Ok(Done::Kill {}), Some(Lifecycle::Stopped))
    };
    let ended = |kind, status| struck(kind).told("/tasks/exit", Some(status));
    assert_eq!(difference(ended("real", 5), ended("mock", 2)), None);
    assert_eq!(
        difference(ended("real", 5), struck("mock")).unwrap(),
        "events of c0: real:1.6: /tasks/exit; mock:1.6: "
    );
}

#[test]
fn of_what_never_ran_1_7_may_lose_the_end_and_that_is_counted_as_free() {
    let deleted = |kind, version| {
        let created = Outcome::Ok(Done::Create {});
        let made = Outcome::Ok(Done::CreateTask(Started { pid: 7 }));
        let exited = Exited { status: ExitStatus::Code(0), at_ns: None };
        Played::on(kind, version)
            .step(Move::Create { c: 0, process: Program::Sleeps }, created, None)
            .step(Move::CreateTask { c: 0 }, made, Some(Lifecycle::Created))
            .step(Move::DeleteTask { c: 0 }, Outcome::Ok(Done::DeleteTask(exited)), None)
    };
    let told = |version| {
        let deleted = deleted("mock", version).told("/tasks/exit", Some(137));
        deleted.told("/tasks/delete", None)
    };
    let (verdict, compared) = judge_differential(&deleted("real", "1.7").trace, &told("1.7").trace);
    assert!(!verdict.failed(), "{verdict:?}");
    assert_eq!(compared, Compared { steps: 3, certain: 3, events: 2, free: 1 });
    assert!(difference(deleted("real", "1.6"), told("1.6")).is_some());
}
