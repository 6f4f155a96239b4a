//! The mutants: clients, observers and servers, each wrong in one thing.

use driver_protocol::{
    ContainerId, Create, ErrorKind, ExitStatus, Exited, Lifecycle, Notice, Ok as Done, Operation,
    Outcome, Refusal, StartTask, Started, Target, Version,
};
use laconic_scenarios::{Event, Expect, Scenario};

use super::client::Twist;
use super::server::Warp;
use super::trial::{Mutant, Plays};

/// All of them.
pub(crate) fn mutants() -> Vec<Mutant> {
    let mut all = clients_that_cost_more();
    all.extend(clients_that_tell_exits_wrongly());
    all.extend(clients_that_do_nothing());
    all.extend(clients_that_answer_wrongly());
    all.extend(harnesses());
    all.extend(listeners());
    all.extend(servers());
    all
}

const RUN: Plays = Plays::Named("run-to-exit-with-7");
const EXEC: Plays = Plays::Named("exec-exits-with-7");
/// The three operations of an exec, one right after the other.
const CYCLE: Plays = Plays::Named("exec-exits-with-0");

fn client(name: &'static str, check: &'static str, plays: Plays, twist: Twist) -> Mutant {
    Mutant { name, check, plays, twist, warp: Warp::Nothing, faults: "" }
}

fn clients_that_cost_more() -> Vec<Mutant> {
    let asks = |on| Twist::Asks { on };
    vec![
        client("an-extra-rpc-in-exec", "budget", EXEC, asks("exec")),
        client("a-late-rpc", "budget", EXEC, Twist::AsksLast),
        client("an-extra-rpc-in-wait", "budget", RUN, asks("wait")),
        client("an-extra-rpc-in-delete-exec", "flow", CYCLE, asks("delete-exec")),
        client("an-extra-rpc-before-it-is-ready", "budget", RUN, Twist::AsksFirst),
        client("an-extra-rpc-in-a-refusal", "budget", Plays::Generated(20), asks("pause")),
        client(
            "what-an-earlier-step-was-told",
            "redundancy",
            Plays::Named("two-execs-run-at-once"),
            asks("exec"),
        ),
        // Below a tight budget is wrong as well: somebody forgot to ask.
        client("fewer-rpcs-than-it-takes", "budget", Plays::Named("the-version-is-told"), {
            Twist::Pretends { on: "version", with: || ok(Done::Version(remembered())) }
        }),
    ]
}

fn remembered() -> Version {
    Version { version: "1.6.20".into(), revision: "remembered".into() }
}

fn clients_that_tell_exits_wrongly() -> Vec<Mutant> {
    fn exit(notice: &Notice, status: ExitStatus) -> Notice {
        let Notice::Exit { container, exec, at_ns, .. } = notice.clone();
        Notice::Exit { container, exec, status, at_ns }
    }
    let once = "exit-once";
    vec![
        client("a-lost-exit", once, RUN, Twist::Tells(|_| Vec::new())),
        client("a-doubled-exit", once, RUN, Twist::Tells(|one| vec![one.clone(), one])),
        client("an-invented-exit", once, EXEC, {
            Twist::Tells(|one| {
                let Notice::Exit { exec, status, at_ns, .. } = one.clone();
                let container = ContainerId::new("c9");
                vec![one, Notice::Exit { container, exec, status, at_ns }]
            })
        }),
        client("an-exit-told-as-zero", once, RUN, {
            Twist::Tells(|one| vec![exit(&one, ExitStatus::Code(0))])
        }),
        client("an-exit-told-as-unknown", once, RUN, {
            Twist::Tells(|one| vec![exit(&one, ExitStatus::Unknown)])
        }),
        client("an-execs-exit-told-as-the-tasks", once, EXEC, {
            Twist::Tells(|one| {
                let Notice::Exit { container, status, at_ns, .. } = one;
                vec![Notice::Exit { container, exec: None, status, at_ns }]
            })
        }),
    ]
}

fn ok(done: Done) -> Outcome {
    Outcome::Ok(done)
}

fn clients_that_do_nothing() -> Vec<Mutant> {
    vec![
        client("a-missing-delete", "leftovers", RUN, {
            Twist::Pretends { on: "delete", with: || ok(Done::Delete {}) }
        }),
        client("a-missing-delete-task", "state", Plays::Generated(20), {
            Twist::Pretends { on: "delete-task", with: || ok(Done::DeleteTask(EXITED)) }
        }),
        client("a-missing-pause", "events", Plays::Named("pause-and-resume"), {
            Twist::Pretends { on: "pause", with: || ok(Done::Pause {}) }
        }),
    ]
}

fn clients_that_answer_wrongly() -> Vec<Mutant> {
    vec![
        client("a-kill-taken-for-a-success", "outcome", Plays::Named("kill-ends-a-task"), {
            let zero = |outcome| match outcome {
                Outcome::Ok(Done::Wait(mut waited)) => {
                    waited.exited.status = ExitStatus::Code(0);
                    ok(Done::Wait(waited))
                }
                other => other,
            };
            Twist::Answers { on: "wait", with: zero }
        }),
        Mutant {
            faults: HANGS,
            // Otherwise nothing is judged: something was made to go wrong.
            warp: Warp::Unsaid,
            ..client("unknown-taken-for-an-exit", "outcome", Plays::Own(hung), {
                let stopped = |outcome| match outcome {
                    Outcome::Ok(Done::Load(mut found)) => {
                        found.task.iter_mut().for_each(|task| task.status = Lifecycle::Stopped);
                        ok(Done::Load(found))
                    }
                    other => other,
                };
                Twist::Answers { on: "load", with: stopped }
            })
        },
        client("a-cached-stale-status", "outcome", Plays::Generated(40), {
            Twist::Remembers { on: "status" }
        }),
        client("a-start-that-only-creates", "state", Plays::Named(SECOND), {
            let create = |operation: &Operation| match operation {
                Operation::Start(start) => Operation::CreateTask(start.clone()),
                other => other.clone(),
            };
            let started = |outcome| match outcome {
                Outcome::Ok(Done::CreateTask(Started { pid })) => ok(Done::Start(Started { pid })),
                other => other,
            };
            Twist::Does { on: "start", instead: create, with: started }
        }),
        client("a-refusal-told-as-a-success", "outcome", Plays::Named("pause-twice-is-refused"), {
            Twist::Answers { on: "pause", with: |_| ok(Done::Pause {}) }
        }),
        client(
            "a-refusal-of-another-kind",
            "outcome",
            Plays::Named("duplicate-create-is-refused"),
            {
                let internal = |outcome| match outcome {
                    Outcome::Error(refusal) => {
                        Outcome::Error(Refusal { kind: ErrorKind::Internal, ..refusal })
                    }
                    other => other,
                };
                Twist::Answers { on: "create", with: internal }
            },
        ),
        client("a-restart-that-finds-nothing", "outcome", Plays::Generated(40), {
            Twist::Answers { on: "restore", with: |_| ok(Done::Restore { containers: Vec::new() }) }
        }),
        client("an-execs-status-that-is-the-tasks", "outcome", EXEC, {
            Twist::Answers { on: "delete-exec", with: |_| ok(Done::DeleteExec(EXITED)) }
        }),
        // Not a verdict about the client.
        client("a-client-that-is-gone", "fault", RUN, Twist::Ends { on: "wait" }),
        client("a-client-that-babbles", "fault", RUN, Twist::Babbles { on: "wait" }),
    ]
}

/// It looks for the task after a start.
const SECOND: &str = "the-exit-of-a-first-run-does-not-end-the-second";

const EXITED: Exited = Exited { status: ExitStatus::Code(137), at_ns: Some(1) };

const HANGS: &str = r#"
[[daemon]]
after = "Tasks/Start#1"
do = "hang-shim:c0"
then = "back(3s)"
"#;

/// A shim that hangs for a while: its task is in no state that anybody knows, and it is no exit.
fn hung() -> Scenario {
    let on = || Target { container: ContainerId::new("c0") };
    let create = Create {
        container: ContainerId::new("c0"),
        args: vec!["sleep".into(), "600".into()],
        terminal: false,
    };
    let start =
        StartTask { container: ContainerId::new("c0"), stdin: false, input: None, output: false };
    Scenario::new("a-shim-that-hangs-is-no-exit")
        .then(Operation::Create(create))
        .then(Operation::Start(start))
        .then(Operation::Load(on()))
        .expect(Expect::State(Lifecycle::Unknown))
        .then(Operation::ForceDelete(on()))
        .exits(137)
        .then(Operation::Delete(on()))
}

fn harness(name: &'static str, check: &'static str, warp: Warp) -> Mutant {
    Mutant { name, check, plays: EXEC, twist: Twist::Nothing, warp, faults: "" }
}

fn harnesses() -> Vec<Mutant> {
    fn without(events: Vec<Event>, topic: &str) -> Vec<Event> {
        events.into_iter().filter(|event| event.topic != topic).collect()
    }
    vec![
        harness("a-call-that-the-tap-loses", "conservation", Warp::Misses("Tasks/Exec")),
        harness("a-call-that-is-counted-twice", "conservation", Warp::Adds("Tasks/Exec")),
        harness("a-state-that-is-another", "state", {
            Warp::Sees(|seen| seen.map(|_| Lifecycle::Paused))
        }),
        harness("a-task-that-nobody-sees", "state", Warp::Sees(|_| None)),
        harness("an-event-that-nobody-hears", "events", {
            Warp::Hears(|events| without(events, "/tasks/exec-started"))
        }),
        harness("an-exit-that-nobody-told-the-client", "exit-once", {
            Warp::Hears(|events| {
                let exits = events.iter().filter(|event| event.topic == "/tasks/exit");
                let again: Vec<Event> = exits.cloned().collect();
                events.into_iter().chain(again).collect()
            })
        }),
        harness("something-that-is-left", "leftovers", Warp::Finds("task c7 (running)")),
        harness("a-server-that-is-gone", "fault", Warp::Dies),
        harness("a-tap-that-falls-behind", "fault", Warp::Lags),
    ]
}

/// An observer that hears what did not happen: noticed at the end of a case.
fn listeners() -> Vec<Mutant> {
    let listener = |name, check, warp| {
        let plays = Plays::Generated(20);
        Mutant { name, check, plays, twist: Twist::Nothing, warp, faults: "" }
    };
    vec![
        listener("a-start-that-is-heard-twice", "events-once", {
            Warp::Hears(|events| {
                let twice = |event: Event| {
                    let times = if event.topic == "/tasks/start" { 2 } else { 1 };
                    std::iter::repeat_n(event, times)
                };
                events.into_iter().flat_map(twice).collect()
            })
        }),
        listener("a-deletion-of-nobody", "events-order", {
            Warp::Hears(|events| {
                let nobodys = |event: &Event| Event {
                    topic: "/tasks/delete".to_owned(),
                    exec: None,
                    ..event.clone()
                };
                let first = events.first().map(nobodys);
                first.into_iter().chain(events).collect()
            })
        }),
        listener("an-exit-that-is-heard-otherwise", "exit-status", {
            Warp::Hears(|mut events| {
                events.iter_mut().for_each(|event| event.status = event.status.map(|_| 99));
                events
            })
        }),
    ]
}

fn server(name: &'static str, check: &'static str, plays: Plays, faults: &'static str) -> Mutant {
    Mutant { name, check, plays, twist: Twist::Nothing, warp: Warp::Unsaid, faults }
}

/// Servers on which something goes wrong that nobody says: with it said they would be excused.
fn servers() -> Vec<Mutant> {
    vec![
        server("a-call-that-fails", "outcome", EXEC, {
            "[[rpc]]\non = \"Tasks/Exec\"\nplan = '1*error(internal:\"x\")->off'\n"
        }),
        server("a-reply-that-is-lost", "outcome", EXEC, {
            "[[rpc]]\non = \"Tasks/DeleteProcess\"\nplan = '1*error(internal:\"x\")->off'\nwhen = \"after\"\n"
        }),
        server("another-code", "outcome", Plays::Named("duplicate-create-is-refused"), {
            "[[rpc]]\non = \"Containers/Create\"\nplan = '1*off->1*error(aborted:\"x\")->off'\n"
        }),
        server("a-version-that-is-not-told", "outcome", Plays::Named("the-version-is-told"), {
            "[[rpc]]\non = \"Version/Version\"\nplan = '1*error(unavailable:\"x\")->off'\n"
        }),
        server("a-difference-between-two-servers", "differential", Plays::Beside(20), {
            "[[rpc]]\non = \"Tasks/Pause\"\nplan = '1*error(aborted:\"x\")->off'\n"
        }),
        server("a-reply-that-one-server-lost", "differential", Plays::Beside(20), {
            "[[rpc]]\non = \"Tasks/Kill\"\nplan = '1*error(aborted:\"x\")->off'\nwhen = \"after\"\n"
        }),
    ]
}
