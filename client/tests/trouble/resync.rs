//! The stream of events is lost, and comes back.

use std::time::Duration;

use laconic_client::{Connection, Exit, ExitStatus, Kind, NewContainer, Status};
use mock_containerd::faults::{Cut, EventFault, Faults, TasksAfter, When};
use mock_containerd::{MockContainerd, Profile};
use tokio::time::Instant;

use crate::stage::{NAMESPACE, Stage, counts, ends, exec, quiet, running, told};

const KILLED: ExitStatus = ExitStatus::Code(137);

#[tokio::test(start_paused = true)]
async fn a_lost_stream_costs_what_connecting_costs_one_list_and_one_get_for_each_living_exec() {
    let mut stage = Stage::open(Profile::V2_1).await;
    let (_, task) = stage.run("c0").await;
    stage.run("c1").await;
    running(&task, "e0").await;
    running(&task, "e1").await;
    let finished = task.exec(exec("e2", &["true"])).await.unwrap();
    finished.wait().await.unwrap();
    stage.count();
    stage.mock.faults().restart(TasksAfter::Kept);
    stage.resynced(1).await;
    let mut made = stage.counts();
    let probes = made.remove("Events/Publish").unwrap();
    assert!((1..=8).contains(&probes), "{probes}");
    let expected = [("Events/Subscribe", 1), ("Tasks/List", 1), ("Tasks/Get", 2)];
    assert_eq!(made, counts(expected));
    assert_eq!(task.status().unwrap(), Status::Running);
    assert_eq!(told(&stage.news().await), ["c0/e2: 0"]);
}

#[tokio::test(start_paused = true)]
async fn a_wait_goes_on_while_the_stream_is_lost_and_ends_by_what_is_found() {
    for profile in [Profile::V1_6, Profile::V1_7, Profile::V2_1] {
        let stage = Stage::open(profile).await;
        let (_, task) = stage.run("c0").await;
        let done = task.exec(exec("e0", &["sh", "-c", "exit 3"])).await.unwrap();
        done.wait().await.unwrap();
        let waiting = tokio::spawn({
            let task = task.clone();
            async move { task.wait().await }
        });
        quiet().await;
        stage.mock.faults().restart(TasksAfter::Kept);
        // Nobody hears of it: the client waits for a while before it subscribes again.
        stage.foreigner.kill("c0", "").await;
        tokio::task::yield_now().await;
        assert!(matches!(*stage.client.connection().borrow(), Connection::Lost { .. }));
        assert_eq!(task.status().unwrap_err().kind(), Kind::Unreachable);
        assert_eq!(task.exit_status().unwrap_err().kind(), Kind::FailedPrecondition);
        assert_eq!(done.exit_status().unwrap().status, ExitStatus::Code(3));
        assert!(!waiting.is_finished());

        let exit = waiting.await.unwrap().unwrap();
        assert_eq!(exit.status, KILLED, "{profile}");
        stage.resynced(1).await;
        assert_eq!(task.status().unwrap(), Status::Stopped(exit));
        assert_eq!(told(&stage.news().await), ["c0/e0: 3", "c0: 137"]);
        task.delete().await.unwrap();
    }
}

#[tokio::test(start_paused = true)]
async fn what_exited_and_was_deleted_meanwhile_ended_unknown_with_all_its_execs() {
    let mut stage = Stage::open(Profile::V2_1).await;
    let (container, task) = stage.run("c0").await;
    let process = running(&task, "e0").await;
    stage.mock.faults().restart(TasksAfter::Kept);
    stage.foreigner.kill_and_delete("c0").await;
    stage.count();
    let (exit, of_exec) = ends(async { tokio::join!(task.wait(), process.wait()) }).await;
    let unknown = Exit { status: ExitStatus::Unknown, at_ns: None };
    assert_eq!((exit.unwrap(), of_exec.unwrap()), (unknown, unknown));
    assert_eq!(stage.counts()["Tasks/Get"], 1, "the task's: its execs went with it");
    assert_eq!(task.kill(9).await.unwrap_err().kind(), Kind::NotFound);
    assert_eq!(process.kill(9).await.unwrap_err().kind(), Kind::NotFound);
    assert_eq!(told(&stage.news().await), ["c0/e0: unknown", "c0: unknown"]);
    container.delete().await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn an_exec_that_exited_meanwhile_has_its_true_status_also_while_the_task_is_frozen() {
    for frozen in [false, true] {
        let stage = Stage::open(Profile::V1_7).await;
        let (_, task) = stage.run("c0").await;
        let (gone, here) = (running(&task, "e0").await, running(&task, "e1").await);
        stage.mock.faults().restart(TasksAfter::Kept);
        stage.foreigner.kill("c0", "e0").await;
        if frozen {
            task.pause().await.unwrap();
        }
        assert_eq!(ends(gone.wait()).await.unwrap().status, KILLED);
        stage.resynced(1).await;
        assert_eq!(here.status().unwrap(), Status::Running);
        let state = if frozen { Status::Paused } else { Status::Running };
        assert_eq!(task.status().unwrap(), state);
        assert_eq!(told(&stage.news().await), ["c0/e0: 137"]);
    }
}

#[tokio::test(start_paused = true)]
async fn an_exec_that_ended_meanwhile_with_its_task_has_its_true_status() {
    let stage = Stage::open(Profile::V1_6).await;
    let (_, task) = stage.run("c0").await;
    let process = running(&task, "e0").await;
    stage.mock.faults().restart(TasksAfter::Kept);
    stage.foreigner.kill("c0", "").await;
    assert_eq!(ends(process.wait()).await.unwrap().status, KILLED);
    stage.resynced(1).await;
    assert_eq!(told(&stage.news().await), ["c0/e0: 137", "c0: 137"]);
    process.delete().await.unwrap();
    task.delete().await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn an_exec_that_was_deleted_meanwhile_ended_unknown() {
    let stage = Stage::open(Profile::V2_1).await;
    let (_, task) = stage.run("c0").await;
    let process = running(&task, "e0").await;
    stage.mock.faults().restart(TasksAfter::Kept);
    stage.foreigner.kill("c0", "e0").await;
    stage.foreigner.delete_exec("c0", "e0").await;
    assert_eq!(process.wait().await.unwrap().status, ExitStatus::Unknown);
    stage.resynced(1).await;
    assert_eq!(task.status().unwrap(), Status::Running);
}

#[tokio::test(start_paused = true)]
async fn tasks_that_a_restart_lost_ended_unknown_and_their_containers_can_be_deleted() {
    let stage = Stage::open(Profile::V2_1).await;
    let (container, task) = stage.run("c0").await;
    let (_, other) = stage.run("c1").await;
    stage.mock.faults().restart(TasksAfter::Lost);
    let (one, other) = tokio::join!(task.wait(), other.wait());
    assert_eq!(one.unwrap().status, ExitStatus::Unknown);
    assert_eq!(other.unwrap().status, ExitStatus::Unknown);
    assert_eq!(told(&stage.news().await), ["c0: unknown", "c1: unknown"]);
    container.delete().await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn a_task_that_had_exited_and_is_forgotten_stands_in_nobodys_way() {
    let stage = Stage::open(Profile::V2_1).await;
    let (container, task) = stage.run("c0").await;
    task.kill(9).await.unwrap();
    assert_eq!(task.wait().await.unwrap().status, KILLED);
    stage.mock.faults().restart(TasksAfter::Lost);
    stage.resynced(1).await;
    assert_eq!(task.exit_status().unwrap().status, KILLED, "what is known stays known");
    assert_eq!(task.delete().await.unwrap_err().kind(), Kind::NotFound);
    container.delete().await.unwrap();
    assert_eq!(told(&stage.news().await), ["c0: 137"]);
}

#[tokio::test(start_paused = true)]
async fn a_deletion_whose_reply_is_lost_is_known_when_it_is_asked_for_again() {
    let lose = |rpc| Faults::default().rpc(rpc, When::After, "1*error(unavailable)").unwrap();
    let stage = Stage::open(Profile::V2_1).await;
    let (container, task) = stage.run("c0").await;
    let process = task.exec(exec("e0", &["true"])).await.unwrap();
    process.wait().await.unwrap();
    // Nor does an event tell of it.
    let deleted = Faults::default().event("/tasks/delete", 1, EventFault::Lose);
    stage.mock.faults().add(deleted);
    stage.mock.faults().add(lose("Tasks/DeleteProcess"));
    stage.mock.faults().add(lose("Tasks/Delete"));
    process.delete().await.unwrap_err();
    assert_eq!(process.delete().await.unwrap_err().kind(), Kind::NotFound);
    assert_eq!(process.status().unwrap_err().kind(), Kind::NotFound);
    task.kill(9).await.unwrap();
    task.wait().await.unwrap();
    task.delete().await.unwrap_err();
    assert_eq!(task.delete().await.unwrap_err().kind(), Kind::NotFound);
    assert_eq!(task.status().unwrap_err().kind(), Kind::NotFound);
    container.delete().await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn a_task_whose_shim_hangs_is_unknown_and_no_exit_and_recovers_by_itself() {
    let stage = Stage::open(Profile::V1_6).await;
    let (_, task) = stage.run("c0").await;
    assert!(stage.mock.faults().hang_shim(NAMESPACE, "c0"));
    stage.mock.faults().restart(TasksAfter::Kept);
    stage.resynced(1).await;
    assert_eq!(task.status().unwrap(), Status::Unknown);
    assert_eq!(task.exit_status().unwrap_err().kind(), Kind::FailedPrecondition);
    let pid = task.pid();
    assert!(pid > 0, "what is known stays known");
    // However often it is looked for, which is every 10 s: no answer is not an end.
    tokio::time::sleep(Duration::from_secs(60)).await;
    assert_eq!(task.status().unwrap(), Status::Unknown);

    stage.mock.faults().wake_shim(NAMESPACE, "c0");
    // The next look has come.
    tokio::time::sleep(Duration::from_secs(15)).await;
    assert_eq!((task.status().unwrap(), task.pid()), (Status::Running, pid));
    task.kill(9).await.unwrap();
    assert_eq!(task.wait().await.unwrap().status, KILLED);
    assert_eq!(told(&stage.news().await), ["c0: 137"]);
}

#[tokio::test(start_paused = true)]
async fn an_exit_event_that_comes_after_the_resync_is_no_second_exit() {
    let delay = EventFault::Delay(Duration::from_secs(30));
    let faults = Faults::default().event("/tasks/exit", 1, delay);
    let stage = Stage::of(MockContainerd::builder().faults(faults), |builder| builder).await;
    let (_, task) = stage.run("c0").await;
    stage.mock.faults().restart(TasksAfter::Kept);
    stage.foreigner.kill("c0", "").await;
    assert_eq!(task.wait().await.unwrap().status, KILLED);
    // By now the event has come.
    tokio::time::sleep(Duration::from_secs(60)).await;
    assert_eq!(told(&stage.news().await), ["c0: 137"]);
}

#[tokio::test(start_paused = true)]
async fn a_late_exit_event_does_not_change_an_unknown_exit() {
    let delay = EventFault::Delay(Duration::from_secs(30));
    let faults = Faults::default().event("/tasks/exit", 1, delay);
    let stage = Stage::of(MockContainerd::builder().faults(faults), |builder| builder).await;
    let (_, task) = stage.run("c0").await;
    stage.mock.faults().restart(TasksAfter::Kept);
    stage.foreigner.kill_and_delete("c0").await;
    assert_eq!(task.wait().await.unwrap().status, ExitStatus::Unknown);
    // By now the event has come.
    tokio::time::sleep(Duration::from_secs(60)).await;
    assert_eq!(task.exit_status().unwrap().status, ExitStatus::Unknown);
    assert_eq!(told(&stage.news().await), ["c0: unknown"]);
}

#[tokio::test(start_paused = true)]
async fn a_newcomer_that_came_meanwhile_is_not_acted_on_by_the_old_handle() {
    let mut stage = Stage::open(Profile::V2_1).await;
    let (container, task) = stage.run("c0").await;
    stage.mock.faults().restart(TasksAfter::Kept);
    stage.foreigner.kill_and_delete("c0").await;
    let pid = stage.foreigner.start("c0").await;
    assert_eq!(task.wait().await.unwrap().status, ExitStatus::Unknown);
    stage.resynced(1).await;
    stage.count();
    assert_eq!(task.kill(9).await.unwrap_err().kind(), Kind::NotFound);
    assert_eq!(task.delete().await.unwrap_err().kind(), Kind::NotFound);
    assert_eq!(container.delete().await.unwrap_err().kind(), Kind::FailedPrecondition);
    assert_eq!(container.running_task().unwrap_err().kind(), Kind::Internal);
    assert!(stage.calls().is_empty(), "all of it is refused without a call");
    let found = stage.client.load("c0").await.unwrap().task.unwrap();
    assert_eq!(found.pid(), pid);
    assert_eq!(container.running_task().unwrap().pid(), pid);
}

#[tokio::test(start_paused = true)]
async fn a_stream_that_alone_is_reset_comes_back_too() {
    let stage = Stage::open(Profile::V1_7).await;
    let (_, task) = stage.run("c0").await;
    let cut = Cut::Stream("Events/Subscribe".to_owned());
    stage.mock.faults().add(Faults::default().cut("Tasks/ListPids#1".parse().unwrap(), cut));
    task.pids().await.unwrap();
    stage.resynced(1).await;
    task.kill(9).await.unwrap();
    assert_eq!(task.wait().await.unwrap().status, KILLED);
}

#[tokio::test(start_paused = true)]
async fn a_stream_that_is_lost_while_it_is_compared_is_opened_once_more() {
    let stage = Stage::open(Profile::V1_7).await;
    let (_, task) = stage.run("c0").await;
    let cut = Cut::Stream("Events/Subscribe".to_owned());
    stage.mock.faults().add(Faults::default().cut("Tasks/List#1".parse().unwrap(), cut));
    stage.mock.faults().restart(TasksAfter::Kept);
    stage.foreigner.kill("c0", "").await;
    assert_eq!(task.wait().await.unwrap().status, KILLED);
    quiet().await;
    assert_eq!(told(&stage.news().await), ["c0: 137"]);
    assert!(task.status().is_ok());
}

#[tokio::test(start_paused = true)]
async fn only_not_found_ends_what_is_asked_for_and_any_other_error_is_tried_again() {
    let stage = Stage::open(Profile::V2_1).await;
    let (_, task) = stage.run("c0").await;
    let process = running(&task, "e0").await;
    let plan = "1*error(internal:\"the shim is busy\")";
    let faults = Faults::default().rpc("Tasks/Get", When::Before, plan).unwrap();
    stage.mock.faults().add(faults);
    stage.mock.faults().restart(TasksAfter::Kept);
    stage.resynced(1).await;
    assert_eq!(process.status().unwrap(), Status::Running);
    process.kill(9).await.unwrap();
    assert_eq!(process.wait().await.unwrap().status, KILLED);
    assert_eq!(told(&stage.news().await), ["c0/e0: 137"]);
}

#[tokio::test(start_paused = true)]
async fn a_container_is_not_believed_to_be_without_a_task_while_the_stream_is_lost() {
    let mut stage = Stage::open(Profile::V2_1).await;
    let container = stage.client.create(NewContainer::new("c0", ["sleep", "inf"])).await.unwrap();
    stage.mock.faults().restart(TasksAfter::Kept);
    stage.foreigner.start("c0").await;
    stage.count();
    assert_eq!(container.delete().await.unwrap_err().kind(), Kind::FailedPrecondition);
    assert_eq!(stage.counts().get("Containers/Delete"), None);
    assert_eq!(stage.counts()["Tasks/Get"], 1);
}

#[tokio::test(start_paused = true)]
async fn a_daemon_that_stays_down_is_tried_at_stated_times_and_clients_are_told() {
    let stage = Stage::open(Profile::V2_1).await;
    let (_, task) = stage.run("c0").await;
    let begin = Instant::now();
    stage.door.shut(true);
    stage.mock.faults().restart(TasksAfter::Kept);
    let mut connection = stage.client.connection();
    let mut told = Vec::new();
    while told.len() < 10 {
        connection.changed().await.unwrap();
        told.push((*connection.borrow_and_update(), begin.elapsed().as_millis()));
    }
    let attempts: Vec<_> = (0..10).map(|attempts| Connection::Lost { attempts }).collect();
    assert_eq!(told.iter().map(|(now, _)| *now).collect::<Vec<_>>(), attempts);
    let at: Vec<u128> = told.iter().map(|(_, at)| *at).collect();
    // 50 ms, then twice as long each time up to 5 s.
    let least = [0, 50, 150, 350, 750, 1550, 3150, 6350, 11350, 16350];
    assert!(at.iter().zip(least).all(|(at, least)| *at >= least && *at < least + 2_000), "{at:?}");

    let error = task.kill(9).await.unwrap_err();
    assert_eq!((error.kind(), error.code(), error.attempts()), (Kind::Unreachable, None, 2));
    stage.door.shut(false);
    stage.resynced(1).await;
    task.kill(9).await.unwrap();
    assert_eq!(task.wait().await.unwrap().status, KILLED);
}
