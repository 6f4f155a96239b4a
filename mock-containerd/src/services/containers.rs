//! containerd.services.containers.v1.

use containerd_client::services::v1::{
    CreateContainerRequest, CreateContainerResponse, DeleteContainerRequest, GetContainerRequest,
    GetContainerResponse, ListContainerMessage, ListContainersRequest, ListContainersResponse,
    UpdateContainerRequest, UpdateContainerResponse,
};
use tonic::codegen::BoxStream;
use tonic::{Request, Response};

use super::Answer;
use super::request::taken;
use crate::refusal::sendable;
use crate::stubs::containerd::services::containers::v1::containers_server;
use crate::world::World;

#[derive(Debug)]
pub(crate) struct Containers(pub(crate) World);

#[tonic::async_trait]
impl containers_server::Containers for Containers {
    async fn get(&self, request: Request<GetContainerRequest>) -> Answer<GetContainerResponse> {
        let (namespace, request) = taken(request)?;
        let found = self.0.change(|state| state.container(&namespace, &request.id).cloned())?;
        Ok(Response::new(GetContainerResponse { container: Some(found) }))
    }

    async fn list(
        &self,
        request: Request<ListContainersRequest>,
    ) -> Answer<ListContainersResponse> {
        let (namespace, request) = taken(request)?;
        let containers =
            self.0.change(|state| state.list_containers(&namespace, &request.filters))?;
        Ok(Response::new(sendable(ListContainersResponse { containers })?))
    }

    async fn list_stream(
        &self,
        request: Request<ListContainersRequest>,
    ) -> Answer<BoxStream<ListContainerMessage>> {
        let (namespace, request) = taken(request)?;
        let containers =
            self.0.change(|state| state.list_containers(&namespace, &request.filters))?;
        let messages: Vec<_> = containers
            .into_iter()
            .map(|container| Ok(ListContainerMessage { container: Some(container) }))
            .collect();
        Ok(Response::new(Box::pin(tokio_stream::iter(messages))))
    }

    async fn create(
        &self,
        request: Request<CreateContainerRequest>,
    ) -> Answer<CreateContainerResponse> {
        let (namespace, request) = taken(request)?;
        let created =
            self.0.change(|state| state.create_container(&namespace, request.container))?;
        Ok(Response::new(CreateContainerResponse { container: Some(created) }))
    }

    async fn update(
        &self,
        request: Request<UpdateContainerRequest>,
    ) -> Answer<UpdateContainerResponse> {
        let (namespace, request) = taken(request)?;
        let mask = request.update_mask.unwrap_or_default().paths;
        let updated =
            self.0.change(|state| state.update_container(&namespace, request.container, &mask))?;
        Ok(Response::new(UpdateContainerResponse { container: Some(updated) }))
    }

    async fn delete(&self, request: Request<DeleteContainerRequest>) -> Answer<()> {
        let (namespace, request) = taken(request)?;
        self.0.change(|state| state.delete_container(&namespace, &request.id))?;
        Ok(Response::new(()))
    }
}
