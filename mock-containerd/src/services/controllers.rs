//! containerd.services.sandbox.v1.Controller, as it answers about sandboxes that are not there.
//! What would make one is not modelled.

use containerd_client::services::v1::sandbox::{
    ControllerShutdownRequest, ControllerShutdownResponse, ControllerStartRequest,
    ControllerStartResponse, ControllerStatusRequest, ControllerStatusResponse,
    ControllerStopRequest, ControllerStopResponse, ControllerWaitRequest, ControllerWaitResponse,
};
use tonic::{Request, Response};

use super::Answer;
use super::request::taken;
use crate::stubs::containerd::services::sandbox::v1::controller_server;
use crate::world::World;

#[derive(Debug)]
pub(crate) struct Controllers(pub(crate) World);

#[tonic::async_trait]
impl controller_server::Controller for Controllers {
    async fn status(
        &self,
        request: Request<ControllerStatusRequest>,
    ) -> Answer<ControllerStatusResponse> {
        let (_, request) = taken(request)?;
        let (controller, id) = (request.sandboxer, request.sandbox_id);
        Ok(Response::new(self.0.change(|state| state.sandbox_status(&controller, &id))?))
    }

    async fn start(
        &self,
        request: Request<ControllerStartRequest>,
    ) -> Answer<ControllerStartResponse> {
        let (_, request) = taken(request)?;
        let (controller, id) = (request.sandboxer, request.sandbox_id);
        Err(self.0.change(|state| state.start_sandbox(&controller, &id)).into())
    }

    async fn stop(
        &self,
        request: Request<ControllerStopRequest>,
    ) -> Answer<ControllerStopResponse> {
        let (_, request) = taken(request)?;
        self.0.change(|state| state.stop_sandbox(&request.sandboxer))?;
        Ok(Response::new(ControllerStopResponse::default()))
    }

    async fn wait(
        &self,
        request: Request<ControllerWaitRequest>,
    ) -> Answer<ControllerWaitResponse> {
        let (_, request) = taken(request)?;
        Err(self.0.change(|state| state.end_sandbox(&request.sandboxer)).into())
    }

    async fn shutdown(
        &self,
        request: Request<ControllerShutdownRequest>,
    ) -> Answer<ControllerShutdownResponse> {
        let (_, request) = taken(request)?;
        Err(self.0.change(|state| state.end_sandbox(&request.sandboxer)).into())
    }
}
