//! Which pids are shown: never a stranger's.

use containerd_client::events as told;
use containerd_client::services::v1 as api;
use mock_containerd::{MockContainerd, Pids, ProcessScript};
use prost::Message;
use rustix::process::{Pid, Signal, kill_process};

use crate::stage::{Stage, within};

/// A process of this one's, dead or alive: nobody else can have its pid.
fn is_ours(pid: u32) -> bool {
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
    let behind_name = stat.rsplit_once(") ").map_or("", |(_, rest)| rest);
    behind_name.split(' ').nth(1) == Some(&std::process::id().to_string())
}

fn is_nobodys(pid: u32) -> bool {
    let largest = std::fs::read_to_string("/proc/sys/kernel/pid_max").unwrap();
    pid > largest.trim().parse::<u32>().unwrap()
}

async fn listed(stage: &Stage, id: &str) -> Vec<u32> {
    let request = within(api::ListPidsRequest { container_id: id.to_owned() });
    let listed = stage.tasks().list_pids(request).await.unwrap().into_inner().processes;
    listed.iter().map(|process| process.pid).collect()
}

/// Every pid that was published.
async fn told(stage: &mut Stage) -> Vec<u32> {
    let pid = |topic: &str, value: &[u8]| match topic {
        "/tasks/create" => told::TaskCreate::decode(value).map(|event| event.pid).ok(),
        "/tasks/start" => told::TaskStart::decode(value).map(|event| event.pid).ok(),
        "/tasks/exec-started" => told::TaskExecStarted::decode(value).map(|event| event.pid).ok(),
        "/tasks/exit" => told::TaskExit::decode(value).map(|event| event.pid).ok(),
        _ => None,
    };
    let events = stage.published().await;
    let pids = events.iter().filter_map(|event| pid(&event.topic, &event.event.as_ref()?.value));
    pids.collect()
}

/// All that is shown of a task and an exec, with children, in all their states.
async fn shown(stage: &mut Stage) -> Vec<u32> {
    stage.create_container("c1", &["family"]).await.unwrap();
    let mut pids = vec![stage.create_task("c1").await.unwrap()];
    pids.extend(listed(stage, "c1").await);
    assert_eq!(pids.len(), 2, "it has not forked yet");
    pids.push(stage.start("c1", "").await.unwrap());
    stage.exec("c1", "e1", &["family"]).await.unwrap();
    pids.push(stage.start("c1", "e1").await.unwrap());
    let all = listed(stage, "c1").await;
    assert_eq!(all.len(), 6, "two, with two children each");
    pids.extend(all);
    pids.push(stage.get("c1", "").await.unwrap().pid);
    stage.kill("c1", "e1", 9).await.unwrap();
    pids.push(stage.get("c1", "e1").await.unwrap().pid);
    assert_eq!(listed(stage, "c1").await.len(), 3);
    stage.kill("c1", "", 9).await.unwrap();
    pids.push(stage.get("c1", "").await.unwrap().pid);
    assert!(listed(stage, "c1").await.is_empty());
    pids.extend(told(stage).await);
    pids
}

fn family(pids: Pids) -> mock_containerd::Builder {
    let family = ProcessScript::runs_until_killed().forks(2);
    MockContainerd::builder().process("family", family).pids(pids)
}

#[tokio::test]
async fn every_pid_is_a_number_that_no_process_can_have() {
    let mut stage = Stage::of(family(Pids::Real)).await;
    let in_memory = shown(&mut stage).await;
    let (_mock, mut stage) = Stage::on_socket(family(Pids::Numbers)).await;
    for pid in in_memory.into_iter().chain(shown(&mut stage).await) {
        assert!(is_nobodys(pid), "{pid}");
    }
}

#[tokio::test]
async fn every_real_pid_is_a_child_of_the_mock_and_none_is_left() {
    let (mock, mut stage) = Stage::on_socket(family(Pids::Real)).await;
    let pids = shown(&mut stage).await;
    for pid in &pids {
        assert!(is_ours(*pid), "{pid}");
    }
    let other = stage.run("c2", &["sleep", "inf"]).await;
    assert!(is_ours(other));
    drop(mock);
    for pid in pids.into_iter().chain([other]) {
        assert!(!is_ours(pid), "{pid} is left");
    }
}

#[tokio::test]
async fn delete_gives_the_pids_back() {
    let (_mock, stage) = Stage::on_socket(family(Pids::Real)).await;
    let init = stage.run("c1", &["sleep", "inf"]).await;
    stage.exec("c1", "e1", &["true"]).await.unwrap();
    let exec = stage.start("c1", "e1").await.unwrap();
    stage.wait("c1", "e1").await.unwrap();
    let (container_id, exec_id) = ("c1".to_owned(), "e1".to_owned());
    let delete = api::DeleteProcessRequest { container_id, exec_id };
    stage.tasks().delete_process(within(delete)).await.unwrap();
    assert!(!is_ours(exec) && is_ours(init));
    stage.kill("c1", "", 9).await.unwrap();
    let request = api::DeleteTaskRequest { container_id: "c1".to_owned() };
    stage.tasks().delete(within(request)).await.unwrap();
    assert!(!is_ours(init));
}

#[tokio::test]
async fn whoever_kills_by_a_real_pid_kills_the_played_process() {
    let (_mock, mut stage) = Stage::on_socket(family(Pids::Real)).await;
    let kill = |pid: u32, signal| {
        let pid = Pid::from_raw(pid.try_into().unwrap()).unwrap();
        assert!(is_ours(pid.as_raw_pid().try_into().unwrap()));
        kill_process(pid, signal).unwrap();
    };
    let init = stage.run("c1", &["sleep", "inf"]).await;
    stage.exec("c1", "e1", &["sleep", "inf"]).await.unwrap();
    let exec = stage.start("c1", "e1").await.unwrap();
    kill(exec, Signal::TERM);
    assert_eq!(stage.wait("c1", "e1").await.unwrap().exit_status, 143);
    kill(init, Signal::KILL);
    assert_eq!(stage.wait("c1", "").await.unwrap().exit_status, 137);
    let exits = stage.topics().await.into_iter().filter(|topic| topic == "/tasks/exit");
    assert_eq!(exits.count(), 2);

    // Not started yet, it ends as well.
    stage.create_container("c2", &["true"]).await.unwrap();
    kill(stage.create_task("c2").await.unwrap(), Signal::KILL);
    assert_eq!(stage.wait("c2", "").await.unwrap().exit_status, 137);
}

#[tokio::test]
async fn an_init_has_a_network_namespace_of_its_own_before_it_starts() {
    let (_mock, stage) = Stage::on_socket(MockContainerd::builder().pids(Pids::Real)).await;
    stage.create_container("c1", &["true"]).await.unwrap();
    let pid = stage.create_task("c1").await.unwrap();
    let network = |pid: &str| std::fs::read_link(format!("/proc/{pid}/ns/net")).unwrap();
    assert_ne!(network(&pid.to_string()), network("self"));
    assert_eq!(stage.get("c1", "").await.unwrap().pid, pid);
    stage.start("c1", "").await.unwrap();
    assert_eq!(stage.wait("c1", "").await.unwrap().exit_status, 0);
}
