//! containerd.services.sandbox.v1.Store.

use containerd_client::services::v1::sandbox::{
    StoreCreateRequest, StoreCreateResponse, StoreDeleteRequest, StoreDeleteResponse,
    StoreGetRequest, StoreGetResponse, StoreListRequest, StoreListResponse, StoreUpdateRequest,
    StoreUpdateResponse,
};
use tonic::{Request, Response};

use super::Answer;
use super::request::taken;
use crate::refusal::sendable;
use crate::stubs::containerd::services::sandbox::v1::store_server;
use crate::world::World;

#[derive(Debug)]
pub(crate) struct Sandboxes(pub(crate) World);

#[tonic::async_trait]
impl store_server::Store for Sandboxes {
    async fn create(&self, request: Request<StoreCreateRequest>) -> Answer<StoreCreateResponse> {
        let (namespace, request) = taken(request)?;
        let sandbox = self.0.change(|state| state.create_sandbox(&namespace, request.sandbox))?;
        Ok(Response::new(StoreCreateResponse { sandbox: Some(sandbox) }))
    }

    async fn update(&self, request: Request<StoreUpdateRequest>) -> Answer<StoreUpdateResponse> {
        let (namespace, request) = taken(request)?;
        let StoreUpdateRequest { sandbox, fields } = request;
        let sandbox = self.0.change(|state| state.update_sandbox(&namespace, sandbox, &fields))?;
        Ok(Response::new(StoreUpdateResponse { sandbox: Some(sandbox) }))
    }

    async fn delete(&self, request: Request<StoreDeleteRequest>) -> Answer<StoreDeleteResponse> {
        let (namespace, request) = taken(request)?;
        self.0.change(|state| state.delete_sandbox(&namespace, &request.sandbox_id))?;
        Ok(Response::new(StoreDeleteResponse {}))
    }

    async fn list(&self, request: Request<StoreListRequest>) -> Answer<StoreListResponse> {
        let (namespace, request) = taken(request)?;
        let list = self.0.change(|state| state.list_sandboxes(&namespace, &request.filters))?;
        Ok(Response::new(sendable(StoreListResponse { list })?))
    }

    async fn get(&self, request: Request<StoreGetRequest>) -> Answer<StoreGetResponse> {
        let (namespace, request) = taken(request)?;
        let sandbox = self.0.change(|state| state.sandbox(&namespace, &request.sandbox_id))?;
        Ok(Response::new(StoreGetResponse { sandbox: Some(sandbox) }))
    }
}
