//! The tables of tasks and execs: each case of `observed/tasks.jsonl` was seen on a real
//! containerd 1.6.20, 1.7.24 and 2.1.9, and is played here on every profile.

use std::collections::BTreeMap;
use std::time::Duration;

use containerd_client::events::{TaskDelete, TaskExit};
use containerd_client::services::v1 as api;
use containerd_client::types::Envelope;
use containerd_client::types::v1::{Process, Status as Shown};
use mock_containerd::Profile;
use prost::{Message, Name};
use prost_types::Timestamp;
use regex::Regex;
use serde::Deserialize;
use serde_json::json;
use tonic::{Code, Status};

use crate::stage::{NAMESPACE, Stage, container, json, none, process_spec, within};

const CASES: &str = include_str!("observed/tasks.jsonl");
const ID: &str = "c1";
const EXEC: &str = "e1";
const GO_ZERO_SECONDS: i64 = -62_135_596_800;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Case {
    id: String,
    init: String,
    exec: Option<String>,
    call: String,
    code: String,
    message: Option<String>,
    /// Versions on which the message ends with `: unknown`.
    suffix_on: Option<Vec<String>>,
    init_after: Option<After>,
    exec_after: Option<After>,
    events: Vec<String>,
    #[serde(default)]
    events_in_any_order: bool,
    #[serde(default)]
    overrides: BTreeMap<String, Override>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Override {
    code: String,
    message: String,
}

#[derive(Debug, Deserialize, PartialEq)]
#[serde(untagged)]
enum After {
    Process { status: String, exit_status: u32, exited: bool },
    Gone(String),
}

#[tokio::test(start_paused = true)]
async fn every_observed_case_of_tasks_and_execs_is_answered_as_1_6_does() {
    play_all(Profile::V1_6).await;
}

#[tokio::test(start_paused = true)]
async fn every_observed_case_of_tasks_and_execs_is_answered_as_1_7_does() {
    play_all(Profile::V1_7).await;
}

#[tokio::test(start_paused = true)]
async fn every_observed_case_of_tasks_and_execs_is_answered_as_2_1_does() {
    play_all(Profile::V2_1).await;
}

async fn play_all(profile: Profile) {
    let cases: Vec<Case> =
        CASES.lines().map(|line| serde_json::from_str(line).expect(line)).collect();
    assert_eq!(cases.len(), 230);
    let mut differences = Vec::new();
    for case in &cases {
        for difference in play(case, profile).await {
            let Case { id, init, exec, call, .. } = case;
            differences.push(format!("{id} {call} in {init}/{exec:?}: {difference}"));
        }
    }
    assert!(differences.is_empty(), "{} differ:\n{}", differences.len(), differences.join("\n"));
}

async fn play(case: &Case, profile: Profile) -> Vec<String> {
    let mut stage = Stage::open(profile).await;
    bring(&stage, &case.init, case.exec.as_deref()).await;
    stage.published().await;

    let answer = tokio::time::timeout(Duration::from_secs(1), call(&stage, &case.call)).await;
    let mut differences = Vec::new();
    let (code, message) = match case.overrides.get(&profile.to_string()) {
        Some(other) => (&other.code, Some(&other.message)),
        None => (&case.code, case.message.as_ref()),
    };
    let got = match &answer {
        Err(_) => "blocks".to_owned(),
        Ok(Ok(())) => "ok".to_owned(),
        Ok(Err(status)) => kebab(status.code()),
    };
    if got != *code {
        differences.push(format!("code {got}, not {code} ({answer:?})"));
    } else if let (Some(pattern), Ok(Err(status))) = (message, &answer) {
        let suffix = case.suffix_on.as_ref().map(|on| on.contains(&profile.to_string()));
        let as_wanted = Regex::new(pattern).unwrap().is_match(status.message())
            && suffix.is_none_or(|suffix| suffix == status.message().ends_with(": unknown"));
        if !as_wanted {
            differences.push(format!("message {:?}, not {pattern:?}", status.message()));
        }
    }
    for (wanted, exec) in [(&case.init_after, ""), (&case.exec_after, EXEC)] {
        let is = after(stage.get(ID, exec).await);
        if let Some(wanted) = wanted.as_ref().filter(|wanted| **wanted != is) {
            differences.push(format!("{exec:?} is {is:?}, not {wanted:?}"));
        }
    }
    let mut events: Vec<String> = stage.published().await.iter().map(told).collect();
    let mut wanted = case.events.clone();
    if case.events_in_any_order {
        events.sort();
        wanted.sort();
    }
    if events != wanted {
        differences.push(format!("events {events:?}, not {wanted:?}"));
    }
    differences
}

/// Brings init and exec into the states in which the call was seen.
async fn bring(stage: &Stage, init: &str, exec: Option<&str>) {
    if init == "no-container" {
        // The text differs in a namespace that never held a container.
        stage.create_container("other", &["true"]).await.unwrap();
        return;
    }
    stage.create_container(ID, &["sleep", "inf"]).await.unwrap();
    if init == "no-task" {
        return;
    }
    stage.create_task(ID).await.unwrap();
    if init != "created" {
        stage.start(ID, "").await.unwrap();
    }
    match exec {
        None | Some("none") => {}
        Some("start-failed") => {
            stage.exec(ID, EXEC, &["/no/such"]).await.unwrap();
            stage.start(ID, EXEC).await.unwrap_err();
        }
        Some(state) => {
            stage.exec(ID, EXEC, &["sleep", "inf"]).await.unwrap();
            if state != "added" {
                stage.start(ID, EXEC).await.unwrap();
            }
            if matches!(state, "stopped" | "deleted") {
                stage.kill(ID, EXEC, 9).await.unwrap();
            }
            if state == "deleted" {
                call(stage, "DeleteProcess").await.unwrap();
            }
        }
    }
    match init {
        "paused" => call(stage, "Pause").await.unwrap(),
        "stopped" => stage.kill(ID, "", 9).await.unwrap(),
        "deleted" => {
            stage.kill(ID, "", 9).await.unwrap();
            call(stage, "Delete").await.unwrap();
        }
        "created" | "running" => {}
        other => panic!("a case begins in the unknown state {other:?}"),
    }
}

#[expect(clippy::too_many_lines, reason = "one line for each call that was tried")]
async fn call(stage: &Stage, name: &str) -> Result<(), Status> {
    let mut tasks = stage.tasks();
    let id = || ID.to_owned();
    let on = |exec: &str, signal, all| {
        within(api::KillRequest { container_id: id(), exec_id: exec.to_owned(), signal, all })
    };
    let get = |exec: &str| within(api::GetRequest { container_id: id(), exec_id: exec.to_owned() });
    let exec = |exec: &str| {
        let (exec_id, spec) = (exec.to_owned(), Some(process_spec(&["sleep", "inf"])));
        within(api::ExecProcessRequest { container_id: id(), exec_id, spec, ..none() })
    };
    let delete = |exec: &str| {
        within(api::DeleteProcessRequest { container_id: id(), exec_id: exec.to_owned() })
    };
    let close = |exec: &str, stdin| {
        within(api::CloseIoRequest { container_id: id(), exec_id: exec.to_owned(), stdin })
    };
    let resize = |exec: &str| {
        let exec_id = exec.to_owned();
        within(api::ResizePtyRequest { container_id: id(), exec_id, width: 80, height: 24 })
    };
    match name {
        "Create" => stage.create_task(ID).await.map(drop),
        "Start" => stage.start(ID, "").await.map(drop),
        "StartExec" => stage.start(ID, EXEC).await.map(drop),
        "StartUnknownExec" => stage.start(ID, "noexec").await.map(drop),
        "Get" | "GetInit" => tasks.get(get("")).await.map(drop),
        "GetExec" => tasks.get(get(EXEC)).await.map(drop),
        "GetUnknownExec" => tasks.get(get("noexec")).await.map(drop),
        "List" => tasks.list(within(api::ListTasksRequest::default())).await.map(drop),
        "Metrics" => tasks.metrics(within(api::MetricsRequest::default())).await.map(drop),
        "Kill0" => tasks.kill(on("", 0, false)).await.map(drop),
        "KillTERM" => tasks.kill(on("", 15, false)).await.map(drop),
        "KillKILL" | "KillInit9" => tasks.kill(on("", 9, false)).await.map(drop),
        "KillAllKILL" | "KillInitAll9" => tasks.kill(on("", 9, true)).await.map(drop),
        "KillBadSignal99" => tasks.kill(on("", 99, false)).await.map(drop),
        "KillUnknownExec" => tasks.kill(on("noexec", 9, false)).await.map(drop),
        "KillExec9" => tasks.kill(on(EXEC, 9, false)).await.map(drop),
        "KillExecAll9" => tasks.kill(on(EXEC, 9, true)).await.map(drop),
        "Pause" | "PauseTask" => {
            tasks.pause(within(api::PauseTaskRequest { container_id: id() })).await.map(drop)
        }
        "Resume" => {
            tasks.resume(within(api::ResumeTaskRequest { container_id: id() })).await.map(drop)
        }
        "Exec" => tasks.exec(exec("e9")).await.map(drop),
        "ExecAgain" => tasks.exec(exec(EXEC)).await.map(drop),
        "ExecEmptyId" => tasks.exec(exec("")).await.map(drop),
        "ExecBadId" => tasks.exec(exec("bad id!")).await.map(drop),
        "Wait1s" => stage.wait(ID, "").await.map(drop),
        "WaitExec1s" => stage.wait(ID, EXEC).await.map(drop),
        "WaitUnknownExec" => stage.wait(ID, "noexec").await.map(drop),
        "Delete" | "DeleteTask" => {
            tasks.delete(within(api::DeleteTaskRequest { container_id: id() })).await.map(drop)
        }
        "DeleteProcess" => tasks.delete_process(delete(EXEC)).await.map(drop),
        "DeleteProcessEmpty" => tasks.delete_process(delete("")).await.map(drop),
        "DeleteProcessUnknown" => tasks.delete_process(delete("noexec")).await.map(drop),
        "ResizePty" => tasks.resize_pty(resize("")).await.map(drop),
        "ResizePtyExec" => tasks.resize_pty(resize(EXEC)).await.map(drop),
        "CloseIOstdin" => tasks.close_io(close("", true)).await.map(drop),
        "CloseIOnone" => tasks.close_io(close("", false)).await.map(drop),
        "CloseIOExec" => tasks.close_io(close(EXEC, true)).await.map(drop),
        "ListPids" => {
            tasks.list_pids(within(api::ListPidsRequest { container_id: id() })).await.map(drop)
        }
        "Update" => {
            let resources = Some(json(&json!({ "pids": { "limit": 64 } })));
            let request = api::UpdateTaskRequest { container_id: id(), resources, ..none() };
            tasks.update(within(request)).await.map(drop)
        }
        "Checkpoint" => {
            let request = api::CheckpointTaskRequest { container_id: id(), ..none() };
            tasks.checkpoint(within(request)).await.map(drop)
        }
        "ContainersDelete" => {
            let request = within(api::DeleteContainerRequest { id: id() });
            stage.containers().delete(request).await.map(drop)
        }
        "ContainersUpdateLabels" => {
            let mut container = container(ID, &[]);
            container.labels.insert("a".to_owned(), "b".to_owned());
            let update_mask = Some(prost_types::FieldMask { paths: vec!["labels".to_owned()] });
            let request = api::UpdateContainerRequest { container: Some(container), update_mask };
            stage.containers().update(within(request)).await.map(drop)
        }
        other => panic!("a case makes the unknown call {other:?}"),
    }
}

fn after(answer: Result<Process, Status>) -> After {
    match answer {
        Ok(process) => After::Process {
            status: Shown::try_from(process.status).unwrap().as_str_name().to_lowercase(),
            exit_status: process.exit_status,
            exited: process.exited_at.expect("always set").seconds != GO_ZERO_SECONDS,
        },
        Err(status) => After::Gone(kebab(status.code())),
    }
}

/// Topic; of an exit, whose and with what; of a delete, with what.
fn told(event: &Envelope) -> String {
    assert_eq!(event.namespace, NAMESPACE);
    let any = event.event.as_ref().unwrap();
    let when = |at: Option<Timestamp>| {
        if at.unwrap().seconds == GO_ZERO_SECONDS { "zero" } else { "set" }
    };
    if any.type_url == TaskExit::full_name() {
        let exit = TaskExit::decode(any.value.as_slice()).unwrap();
        let whose = if exit.id == exit.container_id { "init" } else { "exec" };
        return format!("{} {whose} {} {}", event.topic, exit.exit_status, when(exit.exited_at));
    }
    if any.type_url == TaskDelete::full_name() {
        let deleted = TaskDelete::decode(any.value.as_slice()).unwrap();
        return format!("{} {} {}", event.topic, deleted.exit_status, when(deleted.exited_at));
    }
    event.topic.clone()
}

fn kebab(code: Code) -> String {
    let name = format!("{code:?}");
    let mut kebab = String::new();
    for letter in name.chars() {
        if letter.is_uppercase() && !kebab.is_empty() {
            kebab.push('-');
        }
        kebab.extend(letter.to_lowercase());
    }
    kebab
}
