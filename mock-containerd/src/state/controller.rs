//! Controllers of sandboxes: what that of shims answers. 1.7 has no other, and looks at no name; 2.1
//! has that of CRI's pods beside it (`pod/`).

use containerd_client::services::v1::sandbox::{
    ControllerStartResponse, ControllerStatusResponse, ControllerWaitResponse,
};
use containerd_client::types::Sandbox;
use prost_types::{Any, Timestamp};
use tokio::sync::watch;
use tonic::Code;

use super::process::Phase;
use super::sandbox_event::{SandboxCreate, SandboxExit, SandboxStart};
use super::sandbox_shim::{Answering, SandboxShim};
use super::task::Happened;
use super::{Exit, Failure, Launch, State, Waited, check_identifier, key};
use crate::Profile;
use crate::clock::GO_ZERO;
use crate::processes::Held;
use crate::processes::signal::KILLED;

/// Which controller a request names.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Controller {
    Shim,
    Pods,
}

/// How a sandbox ended, or what to wait for.
#[derive(Debug)]
pub(crate) enum SandboxWait {
    Ended(Exit),
    Runs(watch::Receiver<Waited>),
}

fn unknown(message: impl Into<String>) -> Failure {
    Failure::plain(Code::Unknown, message)
}

/// Says no more than its class.
fn not_there() -> Failure {
    Failure::plain(Code::NotFound, "not found")
}

impl State {
    /// The controller of this name.
    pub(crate) fn controller(&self, name: &str) -> Result<Controller, Failure> {
        match name {
            _ if self.profile < Profile::V2_1 => Ok(Controller::Shim),
            "shim" => Ok(Controller::Shim),
            "podsandbox" => Ok(Controller::Pods),
            "" => Err(Failure::plain(
                Code::InvalidArgument,
                "invalid argument: sandbox controller name can not be empty",
            )),
            other => Err(Failure::plain(
                Code::NotFound,
                format!("not found: failed to get sandbox controller by {other}"),
            )),
        }
    }

    /// Creating without a namespace.
    pub(crate) fn sandbox_without_namespace(&self) -> Failure {
        let failure = Failure::no_namespace();
        match self.profile {
            Profile::V2_1 => failure,
            _ => failure.within("failed to query sandbox metadata from store"),
        }
    }

    /// Starts a shim for a sandbox: in 1.7 for the one that is recorded, in 2.1 for the one that
    /// the request brings.
    pub(crate) fn control_sandbox(
        &mut self,
        namespace: &str,
        id: &str,
        sandbox: Option<Sandbox>,
    ) -> Result<(), Failure> {
        let stored = self.profile < Profile::V2_1;
        let running = |id: &str| Failure::already_exists(format!("sandbox {id} already running"));
        if stored && !matches!(self.answering(namespace, id), Answering::Nobody) {
            return Err(running(id));
        }
        let info = match (stored, sandbox) {
            (true, _) => self
                .sandbox(namespace, id)
                .map_err(|failure| failure.within("failed to query sandbox metadata from store"))?,
            // Without it, and without a runtime in it, the real one dies; a mock must not.
            (false, None) => return Err(Failure::invalid("sandbox must be set")),
            (false, Some(info)) if info.runtime.is_none() => {
                return Err(Failure::invalid("sandbox.Runtime must be set"));
            }
            (false, Some(info)) => info,
        };
        let own = &info.sandbox_id;
        if !matches!(self.answering(namespace, own), Answering::Nobody) {
            return Err(running(own));
        }
        if !stored {
            check_identifier(own)
                .map_err(|error| Failure::invalid(format!("invalid task id {own}: {error}")))?;
        }
        let runtime = info.runtime.as_ref().map_or("", |runtime| runtime.name.as_str());
        let spec = info.spec.as_ref().map_or(&[][..], |spec| spec.value.as_slice());
        self.start_sandbox_shim(namespace, own, runtime, spec)?;
        self.tell_sandbox(namespace, "create", &SandboxCreate { sandbox_id: id.to_owned() })
    }

    /// Starts what runs in a sandbox. It may run though the answer is a failure.
    pub(crate) fn start_sandbox(
        &mut self,
        namespace: &str,
        id: &str,
        pids: Held,
    ) -> (Result<ControllerStartResponse, Failure>, Option<Launch>) {
        let refused = |failure| (Err(failure), None);
        match self.answering(namespace, id) {
            Answering::Nobody => return refused(Self::no_sandbox(id)),
            Answering::Mute => {
                // What does not start is cleaned up, and the task with it.
                self.shut_task(namespace, id);
                return refused(self.mute(&format!("failed to start sandbox {id}: ")));
            }
            Answering::Sandbox(_) => {}
        }
        let (pid, created_at, launch) = self.begin_sandbox(namespace, id, pids);
        let sandbox_id = id.to_owned();
        let event = SandboxStart { sandbox_id: sandbox_id.clone() };
        let told = self.tell_sandbox(namespace, "start", &event);
        let created_at = Some(created_at);
        let response =
            ControllerStartResponse { sandbox_id, pid, created_at, ..Default::default() };
        (told.map(|()| response), launch)
    }

    /// Starting one that nobody knows.
    pub(crate) fn no_sandbox(id: &str) -> Failure {
        unknown(format!("unable to find sandbox {id:?}"))
    }

    /// How a sandbox is. One that nobody knows has ended just now.
    pub(crate) fn sandbox_status(
        &self,
        namespace: &str,
        id: &str,
    ) -> Result<ControllerStatusResponse, Failure> {
        let sandbox_id = id.to_owned();
        let status = ControllerStatusResponse {
            created_at: Some(Timestamp::default()),
            exited_at: Some(Timestamp::default()),
            extra: Some(Any::default()),
            ..Default::default()
        };
        match self.answering(namespace, id) {
            Answering::Nobody => Ok(ControllerStatusResponse {
                sandbox_id,
                created_at: Some(GO_ZERO),
                exited_at: Some(self.clock.now()),
                ..status
            }),
            Answering::Mute => Err(self.mute(&format!(
                "failed to query sandbox {id} status: rpc error: code = Unimplemented desc = "
            ))),
            Answering::Sandbox(Some(shim)) => Ok(shown(status, sandbox_id, shim)),
            Answering::Sandbox(None) => Ok(status),
        }
    }

    pub(crate) fn wait_for_sandbox(
        &self,
        namespace: &str,
        id: &str,
    ) -> Result<SandboxWait, Failure> {
        let nothing_runs = || Exit { status: 0, at: Timestamp::default() };
        match self.answering(namespace, id) {
            Answering::Nobody => Err(not_there()),
            Answering::Mute => Err(self.mute(&format!("failed to wait sandbox {id}: "))),
            Answering::Sandbox(shim) => Ok(match shim.and_then(|shim| shim.process.as_ref()) {
                Some(process) => SandboxWait::Runs(process.waited.subscribe()),
                None => SandboxWait::Ended(nothing_runs()),
            }),
        }
    }

    /// Somebody has waited for a sandbox: it is told to each of them, and to all by an event.
    pub(crate) fn sandbox_ended(
        &mut self,
        namespace: &str,
        id: &str,
        exit: Option<Exit>,
    ) -> Result<ControllerWaitResponse, Failure> {
        let closed = || self.shim_closed().within(&format!("failed to wait sandbox {id}"));
        let Exit { status: exit_status, at } = exit.ok_or_else(closed)?;
        let (sandbox_id, exited_at) = (id.to_owned(), Some(at));
        let event = SandboxExit { sandbox_id, exit_status, exited_at };
        self.tell_sandbox(namespace, "exit", &event)?;
        Ok(ControllerWaitResponse { exit_status, exited_at })
    }

    /// Stops what runs in a sandbox. For 2.1 one that nobody knows is stopped already.
    pub(crate) fn stop_sandbox(&mut self, namespace: &str, id: &str) -> Result<(), Failure> {
        match self.answering(namespace, id) {
            Answering::Nobody if self.profile < Profile::V2_1 => return Err(not_there()),
            Answering::Nobody => {}
            Answering::Mute => return Err(self.mute("failed to stop sandbox: ")),
            Answering::Sandbox(None) => self.crash_shim(namespace, id),
            Answering::Sandbox(Some(_)) => self.halt_sandbox(namespace, id),
        }
        Ok(())
    }

    /// Ends the shim of a sandbox.
    pub(crate) fn shut_sandbox(&mut self, namespace: &str, id: &str) -> Result<(), Failure> {
        match self.answering(namespace, id) {
            Answering::Nobody => return Err(not_there()),
            Answering::Mute => return Err(self.mute("failed to shutdown sandbox: ")),
            Answering::Sandbox(None) => self.shut_task(namespace, id),
            Answering::Sandbox(Some(_)) => {
                self.end_sandbox(namespace, id);
            }
        }
        Ok(())
    }

    /// No shim that was looked at measures a sandbox.
    pub(crate) fn sandbox_metrics(&self, namespace: &str, id: &str) -> Failure {
        match self.answering(namespace, id) {
            Answering::Nobody => not_there(),
            Answering::Mute => self.mute(""),
            Answering::Sandbox(_) => Failure::plain(Code::Unimplemented, "method SandboxMetrics"),
        }
    }

    /// The shim of a task is ended with it: its exit is told by the shim, and by who cleans up.
    fn shut_task(&mut self, namespace: &str, id: &str) {
        let place = key(namespace, id);
        let Some(pid) = self.tasks.get(&place).map(|task| task.init.pid) else { return };
        let exit = Exit::now(self.clock, KILLED);
        self.tell_task(&place, pid, vec![Happened::Exited(None, pid, exit)]);
        self.crash_shim(namespace, id);
    }
}

/// How a shim shows its sandbox: one in which nothing runs has not even a name.
fn shown(
    status: ControllerStatusResponse,
    sandbox_id: String,
    shim: &SandboxShim,
) -> ControllerStatusResponse {
    let Some(process) = &shim.process else { return status };
    let ready = if process.running() { "SANDBOX_READY" } else { "SANDBOX_NOTREADY" };
    let exited_at = match &process.phase {
        Phase::Stopped(exit) => exit.at,
        Phase::Created | Phase::Running => GO_ZERO,
    };
    ControllerStatusResponse {
        sandbox_id,
        pid: process.pid,
        state: ready.to_owned(),
        created_at: Some(shim.started_at.unwrap_or(GO_ZERO)),
        exited_at: Some(exited_at),
        ..status
    }
}
