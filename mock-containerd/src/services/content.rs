//! containerd.services.content.v1.

use containerd_client::services::v1::{
    AbortRequest, DeleteContentRequest, InfoRequest, InfoResponse, ListContentRequest,
    ListContentResponse, ListStatusesRequest, ListStatusesResponse, ReadContentRequest,
    ReadContentResponse, StatusRequest, StatusResponse, UpdateRequest, UpdateResponse,
    WriteContentRequest, WriteContentResponse,
};
use tonic::codegen::BoxStream;
use tonic::{Code, Request, Response, Status, Streaming};

use super::Answer;
use super::reading::reading;
use super::request::{lease, namespace, taken};
use super::writes::Writes;
use crate::refusal::sendable;
use crate::state::{Digest, Failure};
use crate::stubs::containerd::services::content::v1::content_server;
use crate::world::World;

/// How many blobs go into one message of a list, as containerd has it.
const LISTED_MAX: usize = 100;

#[derive(Debug)]
pub(crate) struct Content(pub(crate) World);

/// Info and Update word a digest that is none in their own way.
fn known_digest(text: &str) -> Result<Digest, Status> {
    text.parse().map_err(|_| Status::invalid_argument(format!("{text:?} failed validation")))
}

#[tonic::async_trait]
impl content_server::Content for Content {
    async fn info(&self, request: Request<InfoRequest>) -> Answer<InfoResponse> {
        let (namespace, request) = taken(request)?;
        let digest = known_digest(&request.digest)?;
        let info = self.0.change(|state| state.blob(&namespace, &digest).cloned())?;
        Ok(Response::new(InfoResponse { info: Some(info) }))
    }

    async fn update(&self, request: Request<UpdateRequest>) -> Answer<UpdateResponse> {
        let (namespace, request) = taken(request)?;
        // Without it 1.7 and 2.1 crash; a mock must not.
        let given = request.info.unwrap_or_default();
        let digest = known_digest(&given.digest)?;
        let mask = request.update_mask.unwrap_or_default().paths;
        let info =
            self.0.change(|state| state.update_blob(&namespace, &digest, &given.labels, &mask))?;
        Ok(Response::new(UpdateResponse { info: Some(info) }))
    }

    async fn list(
        &self,
        request: Request<ListContentRequest>,
    ) -> Answer<BoxStream<ListContentResponse>> {
        let (namespace, request) = taken(request)?;
        let infos = self.0.change(|state| state.list_blobs(&namespace, &request.filters))?;
        let messages: Vec<_> = infos
            .chunks(LISTED_MAX)
            .map(|info| Ok(ListContentResponse { info: info.to_vec() }))
            .collect();
        Ok(Response::new(Box::pin(tokio_stream::iter(messages))))
    }

    async fn delete(&self, request: Request<DeleteContentRequest>) -> Answer<()> {
        let (namespace, request) = taken(request)?;
        let digest = request.digest.parse::<Digest>();
        let digest = digest.map_err(|error| Status::invalid_argument(error.to_string()))?;
        self.0.change(|state| state.delete_blob(&namespace, &digest))?;
        Ok(Response::new(()))
    }

    async fn read(
        &self,
        request: Request<ReadContentRequest>,
    ) -> Answer<BoxStream<ReadContentResponse>> {
        let (namespace, request) = taken(request)?;
        let digest: Digest = request.digest.parse().map_err(|error| {
            Failure::plain(Code::InvalidArgument, format!("{}: {error}", request.digest))
        })?;
        let size = self.0.change(|state| state.blob(&namespace, &digest).map(|info| info.size))?;
        let offset = request.offset.max(0);
        if offset > size {
            return Err(Status::out_of_range(format!("read past object length {size} bytes")));
        }
        let rest = size - offset;
        let wanted = if request.size <= 0 { rest } else { request.size.min(rest) };
        let file =
            self.0.on_disk("cannot open a blob", move |store| store.open_blob(&digest)).await?;
        Ok(Response::new(Box::pin(reading(file, offset, wanted))))
    }

    async fn status(&self, request: Request<StatusRequest>) -> Answer<StatusResponse> {
        let wanted = format!("could not get status for ref {:?}: ", request.get_ref().r#ref);
        let (namespace, request) = taken(request).map_err(|status| {
            Status::new(status.code(), format!("{wanted}{}", status.message()))
        })?;
        let status = self.0.change(|state| state.write_status(&namespace, &request.r#ref))?;
        Ok(Response::new(StatusResponse { status: Some(status) }))
    }

    async fn list_statuses(
        &self,
        request: Request<ListStatusesRequest>,
    ) -> Answer<ListStatusesResponse> {
        let (namespace, request) = taken(request)?;
        let statuses = self.0.change(|state| state.list_writes(&namespace, &request.filters))?;
        Ok(Response::new(sendable(ListStatusesResponse { statuses })?))
    }

    async fn write(
        &self,
        request: Request<Streaming<WriteContentRequest>>,
    ) -> Answer<BoxStream<WriteContentResponse>> {
        let (lease, namespace) = (lease(&request), namespace(&request)?);
        let writes = Writes::new(self.0.clone(), namespace, lease);
        Ok(Response::new(Box::pin(writes.answers(request.into_inner()))))
    }

    async fn abort(&self, request: Request<AbortRequest>) -> Answer<()> {
        let (namespace, request) = taken(request)?;
        self.0.change(|state| state.abort(&namespace, &request.r#ref))?;
        Ok(Response::new(()))
    }
}
