//! Exits: whose they are, how often they are told, and who is asked about them.

use std::time::Duration;

use laconic_client::{ExitStatus, Io, Kind, Status};
use mock_containerd::faults::EventFault;
use tokio::time::Instant;

use crate::stage::{counts, quiet, running, sleeper, told};
use crate::{after, before, forger, none, on_all};

const KILLED: ExitStatus = ExitStatus::Code(137);
/// A minute after the beginning of Unix time, and the year 2100.
const TIMES: [i64; 2] = [60, 4_102_444_800];

/// Bug 12 (Moby 0e4d3feb94, 2023-01-30): an init's exit was known by its pid; where a runtime has
/// one pid for all, the end of an exec ended the container.
#[tokio::test(start_paused = true)]
async fn an_exec_that_has_the_inits_pid_does_not_end_the_task() {
    on_all(none(), async |stage| {
        let (_, task) = stage.run("c0").await;
        let process = task.create_exec(sleeper("e0")).await.unwrap();
        forger::exec_started(&stage, "c0", "e0", task.pid()).await;
        assert_eq!(process.pid(), task.pid());
        forger::exit(&stage, ("c0", "e0"), task.pid(), (3, TIMES[1])).await;
        assert_eq!(process.wait().await.unwrap().status, ExitStatus::Code(3));
        assert_eq!(task.status().unwrap(), Status::Running);
        task.kill(9).await.unwrap();
        assert_eq!(task.wait().await.unwrap().status, KILLED);
        assert_eq!(told(&stage.news().await), ["c0/e0: 3", "c0: 137"]);
    })
    .await;
}

/// The same the other way round: the init's end is not the exec's, whose pid it shares.
#[tokio::test(start_paused = true)]
async fn an_init_that_has_an_execs_pid_ends_alone() {
    on_all(none(), async |stage| {
        let (_, task) = stage.run("c0").await;
        let process = task.create_exec(sleeper("e0")).await.unwrap();
        forger::exec_started(&stage, "c0", "e0", task.pid()).await;
        forger::exit(&stage, ("c0", "c0"), task.pid(), (5, TIMES[1])).await;
        assert_eq!(task.wait().await.unwrap().status, ExitStatus::Code(5));
        assert_eq!(process.status().unwrap(), Status::Running);
        assert_eq!(told(&stage.news().await), ["c0: 5"]);
    })
    .await;
}

/// Bug 14 (Moby d5e23b680c, 2026-01-25): a shim that crashed made the daemon tell an exit again,
/// with another code; it was taken for that of the container that had been started anew.
/// Bug 15 (Moby 588e5adf41, 2026-03-08): such repetitions were known by the clock, until that was
/// set.
#[tokio::test(start_paused = true)]
async fn an_exit_that_is_told_again_after_a_restart_ends_nobody_whatever_the_clock_says() {
    on_all(none(), async |mut stage| {
        let (container, old) = stage.run("c0").await;
        let pid = old.pid();
        old.kill(15).await.unwrap();
        let ended = killed(&old).await;
        old.delete().await.unwrap();
        let new = container.start(Io::Null).await.unwrap();
        quiet().await;
        stage.count();
        for seconds in TIMES {
            forger::exit(&stage, ("c0", "c0"), pid, (255, seconds)).await;
            assert_eq!(new.status().unwrap(), Status::Running);
            assert_eq!(old.exit_status().unwrap(), ended);
        }
        assert!(stage.calls().is_empty(), "and nobody is asked");
        new.kill(9).await.unwrap();
        assert_eq!(new.wait().await.unwrap().status, KILLED);
        assert_eq!(told(&stage.news().await), ["c0: 137", "c0: 137"]);
    })
    .await;
}

/// Kills it for good, and waits.
async fn killed(task: &laconic_client::Task) -> laconic_client::Exit {
    task.kill(9).await.unwrap();
    task.wait().await.unwrap()
}

/// Bug 14, without a restart: the second exit of a task that is still there changes nothing.
#[tokio::test(start_paused = true)]
async fn an_exit_that_is_told_again_with_another_code_overwrites_nothing() {
    on_all(none(), async |stage| {
        let (_, task) = stage.run("c0").await;
        let process = running(&task, "e0").await;
        process.kill(9).await.unwrap();
        let of_exec = process.wait().await.unwrap();
        let exit = killed(&task).await;
        for seconds in TIMES {
            forger::exit(&stage, ("c0", "e0"), process.pid(), (0, seconds)).await;
            forger::exit(&stage, ("c0", "c0"), task.pid(), (0, seconds)).await;
        }
        assert_eq!((task.exit_status().unwrap(), process.exit_status().unwrap()), (exit, of_exec));
        assert_eq!(told(&stage.news().await), ["c0/e0: 137", "c0: 137"]);
        assert_eq!(task.delete().await.unwrap(), exit);
    })
    .await;
}

/// Bug 15, the other half: a true exit is believed, whatever its time.
#[tokio::test(start_paused = true)]
async fn an_exit_is_believed_whatever_the_clock_says() {
    on_all(none(), async |stage| {
        for (id, seconds) in ["c0", "c1"].into_iter().zip(TIMES) {
            let (_, task) = stage.run(id).await;
            forger::exit(&stage, (id, id), task.pid(), (7, seconds)).await;
            let exit = task.wait().await.unwrap();
            assert_eq!(exit.status, ExitStatus::Code(7));
            assert_eq!(exit.at_ns, Some(seconds * 1_000_000_000));
        }
    })
    .await;
}

/// Bug 16 (Moby pull request 52996, 2026-07): the daemon was asked whether an exit was true, for up
/// to 30 s with the container locked, and an answer that was older than the exit dropped it.
#[tokio::test(start_paused = true)]
async fn an_exit_asks_nobody_and_an_answer_that_is_older_takes_nothing_back() {
    let faults = after("Tasks/Get", "1*delay(20s)->delay(1h)");
    on_all(faults, async |stage| {
        let (_, task) = stage.run("c0").await;
        let begin = Instant::now();
        let meanwhile = async {
            quiet().await;
            let exit = killed(&task).await;
            // The question is still open.
            assert_eq!(begin.elapsed().as_secs(), 1);
            exit
        };
        let (answered, exit) = tokio::join!(task.refresh(), meanwhile);
        assert_eq!(begin.elapsed().as_secs(), 20);
        assert_eq!(answered.unwrap(), Status::Stopped(exit));
        assert_eq!(task.status().unwrap(), Status::Stopped(exit));
        assert_eq!(task.delete().await.unwrap(), exit);
        assert_eq!(stage.counts()["Tasks/Get"], 1, "what was asked for by hand");
    })
    .await;
}

/// Bug 16, where the exit is told before the server has written it down.
#[tokio::test(start_paused = true)]
async fn an_answer_that_says_running_after_the_exit_takes_nothing_back() {
    on_all(none(), async |stage| {
        let (_, task) = stage.run("c0").await;
        forger::exit(&stage, ("c0", "c0"), task.pid(), (7, TIMES[1])).await;
        let stopped = Status::Stopped(task.wait().await.unwrap());
        assert_eq!(task.refresh().await.unwrap(), stopped);
        assert_eq!(task.status().unwrap(), stopped);
        assert_eq!(told(&stage.news().await), ["c0: 7"]);
    })
    .await;
}

/// Bug 16, where the task is deleted before the answer comes.
#[tokio::test(start_paused = true)]
async fn an_answer_that_is_older_than_the_deletion_makes_no_ghost() {
    on_all(after("Tasks/Get", "1*delay(5s)"), async |stage| {
        let (container, task) = stage.run("c0").await;
        let meanwhile = async {
            quiet().await;
            task.force_delete().await.unwrap();
        };
        let (answered, ()) = tokio::join!(task.refresh(), meanwhile);
        assert_eq!(answered.unwrap_err().kind(), Kind::NotFound);
        container.delete().await.expect("there is no task");
    })
    .await;
}

/// Bug 22 (Moby 8e6cd44ce4, 2025-06-02): a stop was answered before the state said so.
#[tokio::test(start_paused = true)]
async fn after_a_stop_the_state_says_so_though_its_events_are_late() {
    let late = EventFault::Delay(Duration::from_millis(200));
    let faults = none().event("/tasks/delete", 1, late);
    on_all(faults, async |mut stage| {
        let (container, task) = stage.run("c0").await;
        task.kill(9).await.unwrap();
        let exit = task.wait().await.unwrap();
        assert_eq!(task.status().unwrap(), Status::Stopped(exit));
        task.delete().await.unwrap();
        assert_eq!(task.status().unwrap_err().kind(), Kind::NotFound);
        assert_eq!(task.exit_status().unwrap(), exit);
        stage.count();
        container.delete().await.unwrap();
        assert_eq!(stage.counts(), counts([("Containers/Delete", 1)]), "it is known to be gone");
        assert_eq!(told(&stage.news().await), ["c0: 137"]);
    })
    .await;
}

/// Bug 22, where the reply to the deletion overtakes the exit.
#[tokio::test(start_paused = true)]
async fn a_stop_whose_exit_is_told_late_has_its_exit_at_once() {
    let faults = none().event("/tasks/exit", 1, EventFault::Delay(Duration::from_secs(30)));
    on_all(faults, async |stage| {
        let (_, task) = stage.run("c0").await;
        assert_eq!(task.force_delete().await.unwrap().status, KILLED);
        assert_eq!(task.exit_status().unwrap().status, KILLED);
        assert_eq!(task.wait().await.unwrap().status, KILLED);
        // In virtual time: by now the late event has come.
        tokio::time::sleep(Duration::from_secs(60)).await;
        assert_eq!(told(&stage.news().await), ["c0: 137"]);
    })
    .await;
}

/// Bug 23 (Moby 69cf2ad6a5, 2023-08-13): a removal by force failed when the container stopped by
/// itself just before it was killed.
#[tokio::test(start_paused = true)]
async fn a_task_that_exits_before_the_kill_comes_is_deleted_by_force_all_the_same() {
    let faults = before("Tasks/Kill", "1*delay(5s)");
    on_all(faults, async |stage| {
        let (container, task) = stage.run("c0").await;
        let meanwhile = async {
            quiet().await;
            stage.foreigner.kill("c0", "").await;
        };
        let (deleted, ()) = tokio::join!(task.force_delete(), meanwhile);
        assert_eq!(deleted.unwrap().status, KILLED);
        container.delete().await.unwrap();
        assert_eq!(told(&stage.news().await), ["c0: 137"]);
    })
    .await;
}

/// Bug 23 where the server says that there is nobody to kill.
#[tokio::test(start_paused = true)]
async fn a_kill_that_finds_nobody_does_not_fail_a_deletion_by_force() {
    let faults = before("Tasks/Kill", "1*off->1*error(not-found:\"process already finished\")");
    on_all(faults, async |stage| {
        let (container, task) = stage.run("c0").await;
        task.kill(9).await.unwrap();
        assert_eq!(task.force_delete().await.unwrap().status, KILLED);
        container.delete().await.unwrap();
    })
    .await;
}

/// Bug 27 (Moby f3d1fb5fa9, 2026-07-22): a kill found nobody, the wait for the exit ran out at once,
/// and an exit was made up before the true one came.
#[tokio::test(start_paused = true)]
async fn a_kill_that_finds_nobody_makes_up_no_exit() {
    let faults = none().event("/tasks/exit", 1, EventFault::Delay(Duration::from_secs(5)));
    on_all(faults, async |stage| {
        let (_, task) = stage.run("c0").await;
        stage.foreigner.kill("c0", "").await;
        assert_eq!(task.kill(9).await.unwrap_err().kind(), Kind::NotFound);
        quiet().await;
        assert_eq!(task.exit_status().unwrap_err().kind(), Kind::FailedPrecondition);
        assert_eq!(task.status().unwrap(), Status::Running);
        assert_eq!(task.wait().await.unwrap().status, KILLED);
        assert_eq!(told(&stage.news().await), ["c0: 137"]);
    })
    .await;
}
