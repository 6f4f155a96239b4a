//! containerd.services.sandbox.v1.Controller.

use containerd_client::services::v1::sandbox::{
    ControllerCreateRequest, ControllerCreateResponse, ControllerMetricsRequest,
    ControllerMetricsResponse, ControllerPlatformRequest, ControllerPlatformResponse,
    ControllerShutdownRequest, ControllerShutdownResponse, ControllerStartRequest,
    ControllerStartResponse, ControllerStatusRequest, ControllerStatusResponse,
    ControllerStopRequest, ControllerStopResponse, ControllerUpdateRequest,
    ControllerUpdateResponse, ControllerWaitRequest, ControllerWaitResponse,
};
use tonic::{Request, Response, Status};

use super::Answer;
use super::pods::Pods;
use super::request::namespace;
use crate::Profile;
use crate::state::{Controller, SandboxWait, State, Waited};
use crate::stubs::containerd::services::sandbox::v1::controller_server;
use crate::world::World;

#[derive(Debug)]
pub(crate) struct Controllers(pub(crate) World);

impl Controllers {
    fn controller(&self, name: &str) -> Result<Controller, Status> {
        Ok(self.0.change(|state| state.controller(name))?)
    }

    /// What came with 2.0 has no word of its own before: the refusal is worded behind the services.
    fn since_2_0(&self) -> Result<(), Status> {
        match self.0.profile() {
            Profile::V2_1 => Ok(()),
            _ => Err(Status::unimplemented("")),
        }
    }
}

#[tonic::async_trait]
impl controller_server::Controller for Controllers {
    async fn create(
        &self,
        request: Request<ControllerCreateRequest>,
    ) -> Answer<ControllerCreateResponse> {
        let namespace = namespace(&request);
        let ControllerCreateRequest { sandbox_id, sandbox, sandboxer, .. } = request.into_inner();
        if self.controller(&sandboxer)? == Controller::Pods {
            Pods(&self.0).create(namespace, &sandbox_id, sandbox)?;
            return Ok(Response::new(ControllerCreateResponse { sandbox_id }));
        }
        let Ok(namespace) = namespace else {
            return Err(self.0.change(|state| state.sandbox_without_namespace()).into());
        };
        self.0.change(|state| state.control_sandbox(&namespace, &sandbox_id, sandbox))?;
        Ok(Response::new(ControllerCreateResponse { sandbox_id }))
    }

    async fn start(
        &self,
        request: Request<ControllerStartRequest>,
    ) -> Answer<ControllerStartResponse> {
        let namespace = namespace(&request);
        let ControllerStartRequest { sandbox_id: id, sandboxer } = request.into_inner();
        if self.controller(&sandboxer)? == Controller::Pods {
            return Err(Pods(&self.0).start(namespace, &id).into());
        }
        let Ok(namespace) = namespace else { return Err(State::no_sandbox(&id).into()) };
        let mut pids = Default::default();
        if let Some(children) = self.0.change(|state| state.sandbox_process_wanted(&namespace, &id))
        {
            pids = self.0.take_pids(true, children).await?;
            self.0.watch(&namespace, &id, "", &mut pids)?;
        }
        let (response, launch) = self.0.change(|state| state.start_sandbox(&namespace, &id, pids));
        if let Some(launch) = launch {
            self.0.launch(namespace, id, String::new(), launch);
        }
        Ok(Response::new(response?))
    }

    async fn platform(
        &self,
        _: Request<ControllerPlatformRequest>,
    ) -> Answer<ControllerPlatformResponse> {
        // So says every real one: its service has no such method.
        Err(Status::unimplemented("method Platform not implemented"))
    }

    async fn stop(
        &self,
        request: Request<ControllerStopRequest>,
    ) -> Answer<ControllerStopResponse> {
        let namespace = namespace(&request);
        let ControllerStopRequest { sandbox_id: id, sandboxer, .. } = request.into_inner();
        if self.controller(&sandboxer)? == Controller::Pods {
            Pods(&self.0).stop(&id)?;
            return Ok(Response::new(ControllerStopResponse {}));
        }
        let namespace = namespace?;
        self.0.change(|state| state.stop_sandbox(&namespace, &id))?;
        Ok(Response::new(ControllerStopResponse {}))
    }

    async fn wait(
        &self,
        request: Request<ControllerWaitRequest>,
    ) -> Answer<ControllerWaitResponse> {
        let namespace = namespace(&request);
        let ControllerWaitRequest { sandbox_id: id, sandboxer } = request.into_inner();
        if self.controller(&sandboxer)? == Controller::Pods {
            match Pods(&self.0).wait(&id).await? {}
        }
        let namespace = namespace?;
        let waiting = self.0.change(|state| state.wait_for_sandbox(&namespace, &id))?;
        let exit = match waiting {
            SandboxWait::Ended(exit) => Some(exit),
            SandboxWait::Runs(mut runs) => {
                match runs.wait_for(|waited| *waited != Waited::Pending).await.as_deref() {
                    Ok(Waited::Exited(exit)) => Some(exit.clone()),
                    _ => None,
                }
            }
        };
        let ended = self.0.change(|state| state.sandbox_ended(&namespace, &id, exit))?;
        Ok(Response::new(ended))
    }

    async fn status(
        &self,
        request: Request<ControllerStatusRequest>,
    ) -> Answer<ControllerStatusResponse> {
        let namespace = namespace(&request);
        let ControllerStatusRequest { sandbox_id: id, sandboxer, verbose } = request.into_inner();
        if self.controller(&sandboxer)? == Controller::Pods {
            return Ok(Response::new(Pods(&self.0).status(&id, verbose)?));
        }
        let namespace = namespace?;
        let status = self.0.change(|state| state.sandbox_status(&namespace, &id))?;
        Ok(Response::new(status))
    }

    async fn shutdown(
        &self,
        request: Request<ControllerShutdownRequest>,
    ) -> Answer<ControllerShutdownResponse> {
        let namespace = namespace(&request);
        let ControllerShutdownRequest { sandbox_id: id, sandboxer } = request.into_inner();
        if self.controller(&sandboxer)? == Controller::Pods {
            Pods(&self.0).shut(&id);
            return Ok(Response::new(ControllerShutdownResponse {}));
        }
        let namespace = namespace?;
        self.0.change(|state| state.shut_sandbox(&namespace, &id))?;
        Ok(Response::new(ControllerShutdownResponse {}))
    }

    async fn metrics(
        &self,
        request: Request<ControllerMetricsRequest>,
    ) -> Answer<ControllerMetricsResponse> {
        self.since_2_0()?;
        let namespace = namespace(&request);
        let ControllerMetricsRequest { sandbox_id: id, sandboxer } = request.into_inner();
        if self.controller(&sandboxer)? == Controller::Pods {
            return Err(Pods::metrics().into());
        }
        let namespace = namespace?;
        Err(self.0.change(|state| state.sandbox_metrics(&namespace, &id)).into())
    }

    async fn update(
        &self,
        request: Request<ControllerUpdateRequest>,
    ) -> Answer<ControllerUpdateResponse> {
        self.since_2_0()?;
        let ControllerUpdateRequest { sandboxer, sandbox, .. } = request.into_inner();
        self.controller(&sandboxer)?;
        // Whether there is such a sandbox it does not ask, nor does it change anything.
        match sandbox {
            Some(_) => Ok(Response::new(ControllerUpdateResponse {})),
            None => Err(Status::unknown("sandbox can not be nil")),
        }
    }
}
