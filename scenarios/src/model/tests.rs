//! What the model takes for right, in cases that a reader can follow. Each was seen on real daemons.

use driver_protocol::{
    ErrorKind, ExitStatus, Exited, Lifecycle, Ok as Done, Outcome, Refusal, Started, TaskState,
    Waited,
};

use run_record::Verdict;

use super::{Excuse, KILL, Move, Program, TERM, World};

pub(super) fn refused(kind: ErrorKind) -> Outcome {
    Outcome::Error(Refusal { kind, code: None, message: "x".into() })
}

pub(super) fn waited(status: u32) -> Outcome {
    let exited = Exited { status: ExitStatus::Code(status), at_ns: None };
    Outcome::Ok(Done::Wait(Waited { exited, gathered: None }))
}

/// Whether the model takes this for right, and what then can be.
pub(super) fn goes(
    world: &mut World,
    play: Move,
    outcome: Outcome,
    seen: Option<Lifecycle>,
) -> bool {
    let forecast = world.forecast(&play);
    world.learn(&forecast, &outcome, Some(seen)).iter().all(|verdict| !verdict.failed())
}

pub(super) fn running(program: Program) -> World {
    let mut world = World::default();
    let created = Outcome::Ok(Done::Create {});
    assert!(goes(&mut world, Move::Create { c: 0, process: program }, created, None));
    let started = Outcome::Ok(Done::Start(Started { pid: 7 }));
    assert!(goes(&mut world, Move::Start { c: 0 }, started, Some(Lifecycle::Running)));
    world
}

#[test]
fn a_first_process_without_a_handler_lives_through_sigterm_and_not_through_sigkill() {
    let kill = |signal| Move::Kill { c: 0, signal };
    let sent = || Outcome::Ok(Done::Kill {});
    let ends_by_sigterm = |status| {
        let mut world = running(Program::Sleeps);
        goes(&mut world, kill(TERM), sent(), Some(Lifecycle::Stopped))
            && goes(&mut world, Move::Wait { c: 0 }, waited(status), Some(Lifecycle::Stopped))
    };
    assert!(!ends_by_sigterm(128 + TERM));
    assert!(ends_by_sigterm(2), "runc's init had not made way for it");
    assert!(goes(&mut running(Program::Sleeps), kill(TERM), sent(), Some(Lifecycle::Running)));
    assert!(goes(&mut running(Program::Sleeps), kill(KILL), sent(), Some(Lifecycle::Stopped)));
    // It takes a while to die.
    assert!(goes(&mut running(Program::Sleeps), kill(KILL), sent(), Some(Lifecycle::Running)));
}

#[test]
fn an_exec_may_be_seen_to_have_ended_before_the_first_process_that_was_killed() {
    for seen in [Lifecycle::Running, Lifecycle::Stopped] {
        let mut world = running(Program::Sleeps);
        let started = Outcome::Ok(Done::Exec(Started { pid: 8 }));
        let exec = Move::Exec { c: 0, e: 0, process: Program::Sleeps };
        let running = Some(Lifecycle::Running);
        assert!(goes(&mut world, exec, started, running));
        let sent = Outcome::Ok(Done::Kill {});
        assert!(goes(&mut world, Move::Kill { c: 0, signal: KILL }, sent, running));
        let exited = Exited { status: ExitStatus::Code(137), at_ns: None };
        let deleted = Outcome::Ok(Done::DeleteExec(exited));
        assert!(goes(&mut world, Move::DeleteExec { c: 0, e: 0 }, deleted, Some(seen)));
    }
}

#[test]
fn an_exit_is_told_with_the_status_that_the_program_has_and_no_other() {
    let wait = || Move::Wait { c: 0 };
    let stopped = Some(Lifecycle::Stopped);
    assert!(goes(&mut running(Program::ExitsWith7), wait(), waited(7), stopped));
    assert!(!goes(&mut running(Program::ExitsWith7), wait(), waited(0), stopped));
    assert!(running(Program::Sleeps).waits_for_ever(&wait()));
    assert!(!running(Program::ExitsWith7).waits_for_ever(&wait()));
}

#[test]
fn what_was_seen_once_is_held_to() {
    let mut world = running(Program::ExitsWith7);
    let status = |status| {
        let pid = 7;
        Outcome::Ok(Done::Status(TaskState { status, pid }))
    };
    let ask = || Move::Status { c: 0 };
    assert!(goes(&mut world, ask(), status(Lifecycle::Stopped), Some(Lifecycle::Stopped)));
    assert!(!goes(&mut world, ask(), status(Lifecycle::Running), Some(Lifecycle::Stopped)));
}

#[test]
fn a_paused_task_that_is_signalled_with_all_others_can_never_be_resumed() {
    let mut world = running(Program::Sleeps);
    let paused = Some(Lifecycle::Paused);
    assert!(goes(&mut world, Move::Pause { c: 0 }, Outcome::Ok(Done::Pause {}), paused));
    let all = Move::KillAll { c: 0, signal: TERM };
    assert!(goes(&mut world, all, Outcome::Ok(Done::KillAll {}), paused));
    let resume = || Move::Resume { c: 0 };
    let wrong = refused(ErrorKind::Unknown);
    assert!(goes(&mut world.clone(), resume(), wrong, paused));
    let running = Some(Lifecycle::Running);
    assert!(!goes(&mut world, resume(), Outcome::Ok(Done::Resume {}), running));
}

/// runc thaws what it kills, and the shim learns of the end later.
#[test]
fn a_paused_task_that_was_killed_may_be_found_thawed_before_it_is_found_dead() {
    let mut world = running(Program::Sleeps);
    let paused = Some(Lifecycle::Paused);
    assert!(goes(&mut world, Move::Pause { c: 0 }, Outcome::Ok(Done::Pause {}), paused));
    let kill = Move::Kill { c: 0, signal: KILL };
    assert!(goes(&mut world, kill, Outcome::Ok(Done::Kill {}), paused));
    for seen in [paused, Some(Lifecycle::Stopped)] {
        let wrong = refused(ErrorKind::Unknown);
        assert!(goes(&mut world.clone(), Move::Resume { c: 0 }, wrong, seen));
    }
}

#[test]
fn a_container_with_a_task_is_not_deleted() {
    let delete = || Move::Delete { c: 0 };
    let running_on = Some(Lifecycle::Running);
    let mut world = running(Program::Sleeps);
    assert!(!goes(&mut world.clone(), delete(), Outcome::Ok(Done::Delete {}), running_on));
    assert!(goes(&mut world, delete(), refused(ErrorKind::FailedPrecondition), running_on));
}

/// Whoever deletes it is told, also when another has made it.
#[test]
fn how_an_exec_ended_may_still_be_told_once_it_is_deleted_and_by_no_client_that_came_later() {
    for made_by_another in [false, true] {
        let (mut world, on) = (running(Program::Sleeps), Some(Lifecycle::Running));
        let exec = Move::Exec { c: 0, e: 0, process: Program::ExitsWith7 };
        assert!(goes(&mut world, exec, Outcome::Ok(Done::Exec(Started { pid: 8 })), on));
        if made_by_another {
            world.restart();
        }
        let exited = || Exited { status: ExitStatus::Code(7), at_ns: None };
        let gone = Outcome::Ok(Done::DeleteExec(exited()));
        assert!(goes(&mut world, Move::DeleteExec { c: 0, e: 0 }, gone, on));
        let wait = || Move::ExecWait { c: 0, e: 0 };
        let told = || Outcome::Ok(Done::ExecWait(Waited { exited: exited(), gathered: None }));
        assert!(goes(&mut world.clone(), wait(), told(), on));
        assert!(goes(&mut world.clone(), wait(), refused(ErrorKind::NotFound), on));
        world.restart();
        assert!(!goes(&mut world, wait(), told(), on));
    }
}

#[test]
fn a_call_made_to_fail_excuses_an_error_and_no_other_success_and_doubt_ends_with_the_container() {
    let excuse = Excuse { why: "Tasks/Kill#1: error".into(), call: true, ..Excuse::default() };
    let on = Some(Some(Lifecycle::Running));
    let after = |world: &mut World, play: Move, outcome: Outcome, seen| {
        let forecast = world.forecast(&play);
        world.learn_after(&forecast, &outcome, seen, &excuse)
    };
    let mut world = running(Program::ExitsWith7);
    let wrong =
        after(&mut world.clone(), Move::Wait { c: 0 }, waited(0), Some(Some(Lifecycle::Stopped)));
    assert!(wrong.iter().any(Verdict::failed));
    let kill = Move::Kill { c: 0, signal: KILL };
    let excused = after(&mut world, kill, refused(ErrorKind::Unavailable), on);
    assert!(excused.iter().all(|verdict| !verdict.failed()) && world.is_in_doubt());
    assert!(
        world.waits_for_ever(&Move::Wait { c: 0 }) && world.cells(&Move::Wait { c: 0 }).is_empty()
    );
    let closing = [Move::Load { c: 0 }, Move::ForceDelete { c: 0 }, Move::Delete { c: 0 }];
    assert_eq!(world.closing(), closing);
    after(&mut world, Move::Delete { c: 0 }, Outcome::Ok(Done::Delete {}), Some(None));
    assert!(!world.is_in_doubt() && world.closing().is_empty());
}

/// What failed by itself is undone by more calls: where one of those was made to fail, something may be left.
#[test]
fn an_error_that_is_right_leaves_a_doubt_where_a_call_of_it_was_made_to_fail() {
    let excuse = Excuse { why: "DeleteProcess#1".into(), call: true, ..Excuse::default() };
    let missing = Move::Exec { c: 0, e: 0, process: Program::IsMissing };
    let (on, outcome) = (Some(Some(Lifecycle::Running)), refused(ErrorKind::InvalidArgument));
    for (excuse, doubt) in [(excuse, true), (Excuse::default(), false)] {
        let mut world = running(Program::Sleeps);
        let forecast = world.forecast(&missing);
        let verdicts = world.clone().learn_after(&forecast, &outcome, Some(None), &excuse);
        assert_eq!(verdicts.iter().any(Verdict::failed), !doubt, "it may have been carried out");
        let verdicts = world.learn_after(&forecast, &outcome, on, &excuse);
        assert!(verdicts.iter().all(|verdict| !verdict.failed()), "{verdicts:?}");
        assert_eq!(world.is_in_doubt(), doubt);
    }
}

#[test]
fn news_that_came_late_excuse_what_is_told_and_nothing_that_is_done() {
    let excuse = Excuse { why: "/tasks/exit#1: delay".into(), late: true, ..Excuse::default() };
    let stopped = Some(Some(Lifecycle::Stopped));
    let mut world = running(Program::ExitsWith7);
    let ended = world.forecast(&Move::Wait { c: 0 });
    world.learn(&ended, &waited(7), stopped);
    let old = Outcome::Ok(Done::Status(TaskState { status: Lifecycle::Running, pid: 7 }));
    for (play, outcome, fails) in [
        (Move::Status { c: 0 }, old, false),
        (Move::Pause { c: 0 }, Outcome::Ok(Done::Pause {}), true),
    ] {
        let forecast = world.forecast(&play);
        let verdicts = world.clone().learn_after(&forecast, &outcome, stopped, &excuse);
        assert_eq!(verdicts.iter().any(Verdict::failed), fails, "{verdicts:?}");
    }
}

#[test]
fn who_reads_ends_when_its_input_is_closed() {
    let (mut world, on) = (running(Program::Sleeps), Some(Lifecycle::Running));
    let exec = Move::Exec { c: 0, e: 0, process: Program::Reads };
    assert!(goes(&mut world, exec, Outcome::Ok(Done::Exec(Started { pid: 8 })), on));
    let wait = Move::ExecWait { c: 0, e: 0 };
    assert!(world.waits_for_ever(&wait));
    let close = Move::ExecCloseStdin { c: 0, e: 0 };
    assert!(goes(&mut world, close, Outcome::Ok(Done::ExecCloseStdin {}), on));
    assert!(!world.waits_for_ever(&wait));
    let exited = Exited { status: ExitStatus::Code(0), at_ns: None };
    let told = Outcome::Ok(Done::ExecWait(Waited { exited, gathered: None }));
    assert!(goes(&mut world, wait, told, on));
}

#[test]
fn what_is_asked_of_all_finds_those_that_there_are() {
    let mut world = running(Program::Sleeps);
    let create = Move::Create { c: 1, process: Program::Sleeps };
    assert!(goes(&mut world, create, Outcome::Ok(Done::Create {}), None));
    assert_eq!(world.forecast(&Move::Restart {}).words(), ["2 found"]);
    assert_eq!(world.forecast(&Move::StatsAll {}).words(), ["1 found"]);
}

/// Lists leave out tasks whose state cannot be read: a client that has nothing else to go by asks.
#[test]
fn a_client_may_ask_before_it_deletes_what_it_knows_from_a_list_alone() {
    let mut world = World::default();
    let create = Move::Create { c: 0, process: Program::Sleeps };
    assert!(goes(&mut world, create, Outcome::Ok(Done::Create {}), None));
    let delete = || Move::Delete { c: 0 };
    assert!(!world.may_ask(&delete()));
    world.restart();
    assert!(world.may_ask(&delete()) && !world.may_ask(&Move::Load { c: 0 }));
}

#[test]
fn tasks_may_be_gone_after_a_shaking_and_not_before() {
    let gone = || refused(ErrorKind::NotFound);
    let mut world = running(Program::Sleeps);
    assert!(!goes(&mut world.clone(), Move::Status { c: 0 }, gone(), None));
    world.shake();
    assert!(goes(&mut world, Move::Status { c: 0 }, gone(), None));
}

#[test]
fn each_thing_that_went_wrong_excuses_what_it_can_have_done() {
    let none = || Excuse { why: "x".into(), ..Excuse::default() };
    let all = [
        ("none", none()),
        ("call", Excuse { call: true, ..none() }),
        ("link", Excuse { link: true, ..none() }),
        ("late", Excuse { late: true, ..none() }),
        ("world", Excuse { world: true, ..none() }),
    ];
    let unknown = Exited { status: ExitStatus::Unknown, at_ns: None };
    let unknown = Outcome::Ok(Done::Wait(Waited { exited: unknown, gathered: None }));
    let state = Outcome::Ok(Done::Status(TaskState { status: Lifecycle::Running, pid: 7 }));
    let found = Outcome::Ok(Done::StatsAll { found: Vec::new() });
    let links = ["call", "link", "world"];
    for (play, outcome, excused) in [
        (Move::Pause { c: 0 }, refused(ErrorKind::Unavailable), &links[..]),
        (Move::Pause { c: 0 }, Outcome::Ok(Done::Pause {}), &[]),
        (Move::Wait { c: 0 }, unknown, &links),
        (Move::Wait { c: 0 }, waited(3), &[]),
        (Move::StatsAll {}, found, &links),
        (Move::Status { c: 0 }, state, &["link", "late", "world"]),
    ] {
        let by = all.iter().filter(|(_, excuse)| excuse.takes(&play, &outcome));
        assert_eq!(by.map(|(name, _)| *name).collect::<Vec<_>>(), excused, "{play:?}");
    }
}

#[test]
fn what_cannot_be_said_any_more_is_not_judged_of_it_nor_of_all() {
    let (on, none) = (Some(Some(Lifecycle::Running)), Excuse::default());
    let mut world = running(Program::Sleeps);
    let fails = |world: &World, play: &Move, outcome: &Outcome| {
        let (mut world, forecast) = (world.clone(), world.forecast(play));
        world.learn_after(&forecast, outcome, on, &none).iter().any(Verdict::failed)
    };
    let stats = (Move::StatsAll {}, Outcome::Ok(Done::StatsAll { found: Vec::new() }));
    let wait = (Move::Wait { c: 0 }, waited(3));
    let other = (Move::Wait { c: 1 }, waited(3));
    for doubted in [false, true] {
        assert_eq!(world.is_in_doubt(), doubted);
        for (play, outcome) in [&stats, &wait] {
            assert_eq!(world.doubts(play), doubted);
            assert_eq!(fails(&world, play, outcome), !doubted, "{play:?}");
        }
        assert!(!world.doubts(&other.0) && fails(&world, &other.0, &other.1));
        world.doubt(0);
    }
}

#[test]
fn only_what_is_the_same_in_every_possible_state_is_counted_as_hit() {
    let mut world = running(Program::ExitsWith7);
    assert_eq!(world.cells(&Move::Stats { c: 0 }).len(), 1);
    let pids = world.forecast(&Move::Pids { c: 0 });
    world.learn(&pids, &Outcome::Ok(Done::Pids { pids: vec![7] }), None);
    assert!(world.cells(&Move::Stats { c: 0 }).is_empty(), "it may have ended");
}

#[test]
fn what_there_is_is_ended_by_moves_and_what_there_is_not_needs_none() {
    let closing = [Move::ForceDelete { c: 0 }, Move::Delete { c: 0 }];
    assert_eq!(running(Program::Sleeps).closing(), closing);
    assert_eq!(World::default().closing(), []);
}

#[test]
fn an_answer_and_what_is_seen_after_it_must_go_together() {
    let pause = running(Program::Sleeps).forecast(&Move::Pause { c: 0 });
    let done = || Outcome::Ok(Done::Pause {});
    let (running, paused) = (Some(Some(Lifecycle::Running)), Some(Some(Lifecycle::Paused)));
    assert!(pause.may_leave(&done(), paused));
    assert!(!pause.may_leave(&done(), running) && !pause.may_leave(&done(), None));
    assert!(!pause.may_leave(&refused(ErrorKind::Unknown), paused));
}

#[test]
fn a_state_that_cannot_be_is_told_with_those_that_can() {
    let mut world = running(Program::ExitsWith7);
    let resize = world.forecast(&Move::Resize { c: 0 });
    let verdicts = world.learn(&resize, &Outcome::Ok(Done::Resize {}), Some(None));
    let told: Vec<&str> = verdicts.iter().map(|one| one.detail.as_str()).collect();
    let state = "the task of c0 should be running or stopped, the server says absent";
    assert_eq!(told, ["", state]);
}
