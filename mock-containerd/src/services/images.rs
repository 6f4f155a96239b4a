//! containerd.services.images.v1.

use containerd_client::services::v1::{
    CreateImageRequest, CreateImageResponse, DeleteImageRequest, GetImageRequest, GetImageResponse,
    ListImagesRequest, ListImagesResponse, UpdateImageRequest, UpdateImageResponse,
};
use tonic::{Request, Response};

use super::Answer;
use super::request::{lease, taken};
use crate::refusal::sendable;
use crate::stubs::containerd::services::images::v1::images_server;
use crate::world::World;

#[derive(Debug)]
pub(crate) struct Images(pub(crate) World);

#[tonic::async_trait]
impl images_server::Images for Images {
    async fn get(&self, request: Request<GetImageRequest>) -> Answer<GetImageResponse> {
        let (namespace, request) = taken(request)?;
        let image = self.0.change(|state| state.image(&namespace, &request.name).cloned())?;
        Ok(Response::new(GetImageResponse { image: Some(image) }))
    }

    async fn list(&self, request: Request<ListImagesRequest>) -> Answer<ListImagesResponse> {
        let (namespace, request) = taken(request)?;
        let images = self.0.change(|state| state.list_images(&namespace, &request.filters))?;
        Ok(Response::new(sendable(ListImagesResponse { images })?))
    }

    async fn create(&self, request: Request<CreateImageRequest>) -> Answer<CreateImageResponse> {
        let lease = lease(&request);
        let (namespace, request) = taken(request)?;
        let image = self
            .0
            .change(|state| state.create_image(&namespace, lease.as_deref(), request.image))?;
        Ok(Response::new(CreateImageResponse { image: Some(image) }))
    }

    async fn update(&self, request: Request<UpdateImageRequest>) -> Answer<UpdateImageResponse> {
        let (namespace, request) = taken(request)?;
        let mask = request.update_mask.unwrap_or_default().paths;
        let image = self.0.change(|state| state.update_image(&namespace, request.image, &mask))?;
        Ok(Response::new(UpdateImageResponse { image: Some(image) }))
    }

    /// `sync` changes nothing: here garbage is always gone before the answer.
    async fn delete(&self, request: Request<DeleteImageRequest>) -> Answer<()> {
        let (namespace, request) = taken(request)?;
        let target = request.target.as_ref();
        self.0.change(|state| state.delete_image(&namespace, &request.name, target))?;
        Ok(Response::new(()))
    }
}
