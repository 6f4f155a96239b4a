//! Sandboxes that run: what a runtime's shim plays.

use std::time::Duration;

use containerd_client::services::v1::sandbox as api;
use containerd_client::services::v1::sandbox::controller_client::ControllerClient;
use containerd_client::types::Sandbox;
use containerd_client::types::sandbox::Runtime;
use mock_containerd::faults::TasksAfter;
use mock_containerd::{Builder, MockContainerd, Pids, ProcessScript, Profile, SandboxScript};
use prost_types::Any;
use tonic::transport::{Channel, Endpoint};
use tonic::{Code, Status};

use crate::stage::{NAMESPACE, none, within};

const MACHINE: &str = "io.containerd.machine.v2";

fn builder(script: SandboxScript) -> Builder {
    MockContainerd::builder().profile(Profile::V2_1).sandboxes(MACHINE, script)
}

async fn in_memory(script: SandboxScript) -> ControllerClient<Channel> {
    let mock = builder(script).in_memory();
    let channel = Endpoint::from_static("http://mock").connect_with_connector(mock).await.unwrap();
    ControllerClient::new(channel)
}

fn shim() -> String {
    "shim".to_owned()
}

async fn create(client: &mut ControllerClient<Channel>) -> Result<(), Status> {
    let runtime = Some(Runtime { name: MACHINE.to_owned(), options: None });
    let spec = Some(Any { type_url: "spec".to_owned(), value: b"{}".to_vec() });
    let sandbox = Some(Sandbox { sandbox_id: "s".to_owned(), runtime, spec, ..none() });
    let request = api::ControllerCreateRequest {
        sandbox_id: "s".to_owned(),
        sandboxer: shim(),
        sandbox,
        ..none()
    };
    client.create(within(request)).await.map(drop)
}

async fn start(client: &mut ControllerClient<Channel>) -> api::ControllerStartResponse {
    let (sandbox_id, sandboxer) = ("s".to_owned(), shim());
    let request = api::ControllerStartRequest { sandbox_id, sandboxer };
    client.start(within(request)).await.unwrap().into_inner()
}

async fn wait(
    client: &mut ControllerClient<Channel>,
) -> Result<api::ControllerWaitResponse, Status> {
    let (sandbox_id, sandboxer) = ("s".to_owned(), shim());
    let request = api::ControllerWaitRequest { sandbox_id, sandboxer };
    Ok(client.wait(within(request)).await?.into_inner())
}

async fn status(client: &mut ControllerClient<Channel>) -> api::ControllerStatusResponse {
    let (sandbox_id, sandboxer) = ("s".to_owned(), shim());
    let request = api::ControllerStatusRequest { sandbox_id, sandboxer, verbose: true };
    client.status(within(request)).await.unwrap().into_inner()
}

async fn stop(client: &mut ControllerClient<Channel>) {
    let request =
        api::ControllerStopRequest { sandbox_id: "s".to_owned(), sandboxer: shim(), ..none() };
    client.stop(within(request)).await.unwrap();
}

async fn shutdown(client: &mut ControllerClient<Channel>) -> Result<(), Status> {
    let (sandbox_id, sandboxer) = ("s".to_owned(), shim());
    let request = api::ControllerShutdownRequest { sandbox_id, sandboxer };
    client.shutdown(within(request)).await.map(drop)
}

#[tokio::test(start_paused = true)]
async fn a_sandbox_runs_for_an_hour_of_virtual_time_and_is_waited_for() {
    let hour = Duration::from_secs(3600);
    let machine = ProcessScript::exits(3).after(hour);
    let mut client = in_memory(SandboxScript::plays(machine)).await;
    create(&mut client).await.unwrap();
    assert_eq!(status(&mut client).await.state, "SANDBOX_NOTREADY");
    let started = start(&mut client).await;
    assert!(started.pid > 1 << 22, "nobody's: {}", started.pid);
    let running = status(&mut client).await;
    assert_eq!((running.state.as_str(), running.pid), ("SANDBOX_READY", started.pid));
    assert_eq!(running.created_at, started.created_at);

    let ended = wait(&mut client).await.unwrap();
    assert_eq!(ended.exit_status, 3);
    let lasted = ended.exited_at.unwrap().seconds - started.created_at.unwrap().seconds;
    assert_eq!(lasted, 3600);
    let after = status(&mut client).await;
    assert_eq!((after.state.as_str(), after.exited_at), ("SANDBOX_NOTREADY", ended.exited_at));
    shutdown(&mut client).await.unwrap();
    assert_eq!(status(&mut client).await.pid, 0);
    create(&mut client).await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn a_sandbox_is_killed_when_it_is_stopped_and_stays_until_it_is_shut_down() {
    let mut client = in_memory(SandboxScript::plays(ProcessScript::runs_until_killed())).await;
    create(&mut client).await.unwrap();
    start(&mut client).await;
    let mut waiter = client.clone();
    let waiting = tokio::spawn(async move { wait(&mut waiter).await });
    tokio::time::sleep(Duration::from_secs(1)).await;
    stop(&mut client).await;
    stop(&mut client).await;
    assert_eq!(waiting.await.unwrap().unwrap().exit_status, 137);
    assert_eq!(status(&mut client).await.state, "SANDBOX_NOTREADY");
    let again = create(&mut client).await.unwrap_err();
    assert_eq!(again.code(), Code::AlreadyExists);
    shutdown(&mut client).await.unwrap();
    assert_eq!(shutdown(&mut client).await.unwrap_err().code(), Code::NotFound);
}

#[tokio::test(start_paused = true)]
async fn who_waits_for_a_sandbox_that_is_shut_down_hears_that_its_shim_is_gone() {
    let mut client = in_memory(SandboxScript::plays(ProcessScript::runs_until_killed())).await;
    create(&mut client).await.unwrap();
    start(&mut client).await;
    let mut waiter = client.clone();
    let waiting = tokio::spawn(async move { wait(&mut waiter).await });
    tokio::time::sleep(Duration::from_secs(1)).await;
    shutdown(&mut client).await.unwrap();
    let status = waiting.await.unwrap().unwrap_err();
    assert_eq!(status.message(), "failed to wait sandbox s: ttrpc: closed");
}

#[tokio::test]
async fn a_sandbox_outlives_a_restart_unless_its_shim_is_lost_or_killed() {
    let mock = builder(SandboxScript::pauses()).start().await.unwrap();
    let connect = || async {
        ControllerClient::new(containerd_client::connect(mock.socket()).await.unwrap())
    };
    let mut client = connect().await;
    create(&mut client).await.unwrap();
    mock.faults().restart(TasksAfter::Kept);
    let mut client = connect().await;
    assert_eq!(create(&mut client).await.unwrap_err().code(), Code::AlreadyExists);
    mock.faults().restart(TasksAfter::Lost);
    let mut client = connect().await;
    create(&mut client).await.unwrap();
    assert!(mock.faults().kill_shim(NAMESPACE, "s"));
    let in_the_way = create(&mut client).await.unwrap_err();
    assert!(in_the_way.message().ends_with("/stage/s: file exists"), "{in_the_way:?}");
}

/// Seen on a 2.1 without a network. It is no observed case: with one, a real daemon would pull.
#[tokio::test]
async fn a_pod_does_not_start_for_its_image_cannot_be_pulled() {
    let mut client = in_memory(SandboxScript::pauses()).await;
    let (sandbox_id, sandboxer) = ("p".to_owned(), "podsandbox".to_owned());
    let metadata = Any {
        type_url: "github.com/containerd/cri/pkg/store/sandbox/Metadata".to_owned(),
        value: br#"{"Version":"v1","Metadata":{}}"#.to_vec(),
    };
    let sandbox = Sandbox {
        sandbox_id: sandbox_id.clone(),
        runtime: Some(Runtime::default()),
        extensions: [("metadata".to_owned(), metadata)].into(),
        ..none()
    };
    let request = api::ControllerCreateRequest {
        sandbox_id: sandbox_id.clone(),
        sandboxer: sandboxer.clone(),
        sandbox: Some(sandbox),
        ..none()
    };
    client.create(within(request)).await.unwrap();
    let request = api::ControllerStartRequest { sandbox_id, sandboxer };
    let status = client.start(within(request)).await.unwrap_err();
    assert_eq!(status.code(), Code::Unknown);
    assert_eq!(
        status.message(),
        "failed to get sandbox image \"registry.k8s.io/pause:3.10\": failed to pull image \
         \"registry.k8s.io/pause:3.10\": failed to pull and unpack image \
         \"registry.k8s.io/pause:3.10\": failed to resolve image: failed to do request: Head \
         \"https://registry.k8s.io/v2/pause/manifests/3.10\": dial tcp: lookup registry.k8s.io: no \
         such host"
    );
}

#[tokio::test]
async fn a_real_pid_of_a_sandbox_ends_it_when_it_is_killed() {
    let script = SandboxScript::plays(ProcessScript::runs_until_killed());
    let mock = builder(script).pids(Pids::Real).start().await.unwrap();
    let mut client =
        ControllerClient::new(containerd_client::connect(mock.socket()).await.unwrap());
    create(&mut client).await.unwrap();
    let pid = start(&mut client).await.pid;
    let pid = rustix::process::Pid::from_raw(pid.cast_signed()).unwrap();
    rustix::process::kill_process(pid, rustix::process::Signal::KILL).unwrap();
    assert_eq!(wait(&mut client).await.unwrap().exit_status, 137);
}
