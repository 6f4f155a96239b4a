//! containerd.services.leases.v1.

use containerd_client::services::v1::{
    AddResourceRequest, CreateRequest, CreateResponse, DeleteRequest, DeleteResourceRequest,
    ListRequest, ListResourcesRequest, ListResourcesResponse, ListResponse,
};
use tonic::{Request, Response};

use super::Answer;
use super::request::taken;
use crate::refusal::sendable;
use crate::stubs::containerd::services::leases::v1::leases_server;
use crate::world::World;

#[derive(Debug)]
pub(crate) struct Leases(pub(crate) World);

#[tonic::async_trait]
impl leases_server::Leases for Leases {
    async fn create(&self, request: Request<CreateRequest>) -> Answer<CreateResponse> {
        let (namespace, request) = taken(request)?;
        let lease =
            self.0.change(|state| state.create_lease(&namespace, request.id, request.labels))?;
        Ok(Response::new(CreateResponse { lease: Some(lease) }))
    }

    async fn delete(&self, request: Request<DeleteRequest>) -> Answer<()> {
        let (namespace, request) = taken(request)?;
        self.0.change(|state| state.delete_lease(&namespace, &request.id))?;
        Ok(Response::new(()))
    }

    async fn list(&self, request: Request<ListRequest>) -> Answer<ListResponse> {
        let (namespace, request) = taken(request)?;
        let leases = self.0.change(|state| state.list_leases(&namespace, &request.filters))?;
        Ok(Response::new(sendable(ListResponse { leases })?))
    }

    async fn add_resource(&self, request: Request<AddResourceRequest>) -> Answer<()> {
        let (namespace, request) = taken(request)?;
        self.0.change(|state| state.add_resource(&namespace, &request.id, request.resource))?;
        Ok(Response::new(()))
    }

    async fn delete_resource(&self, request: Request<DeleteResourceRequest>) -> Answer<()> {
        let (namespace, request) = taken(request)?;
        self.0.change(|state| state.delete_resource(&namespace, &request.id, request.resource))?;
        Ok(Response::new(()))
    }

    async fn list_resources(
        &self,
        request: Request<ListResourcesRequest>,
    ) -> Answer<ListResourcesResponse> {
        let (namespace, request) = taken(request)?;
        let resources = self.0.change(|state| state.list_resources(&namespace, &request.id))?;
        Ok(Response::new(sendable(ListResourcesResponse { resources })?))
    }
}
