//! containerd.services.namespaces.v1.

use containerd_client::services::v1::{
    CreateNamespaceRequest, CreateNamespaceResponse, DeleteNamespaceRequest, GetNamespaceRequest,
    GetNamespaceResponse, ListNamespacesRequest, ListNamespacesResponse, UpdateNamespaceRequest,
    UpdateNamespaceResponse,
};
use tonic::{Request, Response};

use super::Answer;
use super::request::caller;
use crate::refusal::sendable;
use crate::stubs::containerd::services::namespaces::v1::namespaces_server;
use crate::world::World;

#[derive(Debug)]
pub(crate) struct Namespaces(pub(crate) World);

#[tonic::async_trait]
impl namespaces_server::Namespaces for Namespaces {
    async fn get(&self, request: Request<GetNamespaceRequest>) -> Answer<GetNamespaceResponse> {
        let name = request.into_inner().name;
        let namespace = self.0.change(|state| state.namespace(&name));
        Ok(Response::new(GetNamespaceResponse { namespace: Some(namespace) }))
    }

    async fn list(&self, _: Request<ListNamespacesRequest>) -> Answer<ListNamespacesResponse> {
        let namespaces = self.0.change(|state| state.list_namespaces());
        Ok(Response::new(sendable(ListNamespacesResponse { namespaces })?))
    }

    async fn create(
        &self,
        request: Request<CreateNamespaceRequest>,
    ) -> Answer<CreateNamespaceResponse> {
        let caller = caller(request.metadata());
        let wanted = request.into_inner().namespace;
        let created = self.0.change(|state| state.create_namespace(caller.as_deref(), wanted))?;
        Ok(Response::new(CreateNamespaceResponse { namespace: Some(created) }))
    }

    async fn update(
        &self,
        request: Request<UpdateNamespaceRequest>,
    ) -> Answer<UpdateNamespaceResponse> {
        let caller = caller(request.metadata());
        let request = request.into_inner();
        let mask = request.update_mask.unwrap_or_default().paths;
        let shown = self
            .0
            .change(|state| state.update_namespace(caller.as_deref(), request.namespace, &mask))?;
        Ok(Response::new(UpdateNamespaceResponse { namespace: shown }))
    }

    async fn delete(&self, request: Request<DeleteNamespaceRequest>) -> Answer<()> {
        let name = request.into_inner().name;
        self.0.change(|state| state.delete_namespace(&name))?;
        Ok(Response::new(()))
    }
}
