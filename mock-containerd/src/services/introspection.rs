//! containerd.services.introspection.v1.

use containerd_client::services::v1::{Plugin, PluginsRequest, PluginsResponse, ServerResponse};
use tonic::{Request, Response};

use super::Answer;
use crate::state::{Failure, any_passes, parse_all};
use crate::stubs::containerd::services::introspection::v1::introspection_server;
use crate::world::World;

/// The plugins behind the services that are modelled. What is not modelled is not claimed.
const PLUGINS: [(&str, &str); 15] = [
    ("io.containerd.content.v1", "content"),
    ("io.containerd.differ.v1", "walking"),
    ("io.containerd.grpc.v1", "containers"),
    ("io.containerd.grpc.v1", "content"),
    ("io.containerd.grpc.v1", "diff"),
    ("io.containerd.grpc.v1", "events"),
    ("io.containerd.grpc.v1", "images"),
    ("io.containerd.grpc.v1", "introspection"),
    ("io.containerd.grpc.v1", "leases"),
    ("io.containerd.grpc.v1", "namespaces"),
    ("io.containerd.grpc.v1", "snapshots"),
    ("io.containerd.grpc.v1", "tasks"),
    ("io.containerd.grpc.v1", "version"),
    ("io.containerd.snapshotter.v1", "native"),
    ("io.containerd.snapshotter.v1", "overlayfs"),
];

/// Of this mock, always the same: 36 characters, as a uuid has.
const UUID: &str = "1ac0171c-0000-4000-8000-00000000d0c5";

#[derive(Debug)]
pub(crate) struct Introspection(pub(crate) World);

#[tonic::async_trait]
impl introspection_server::Introspection for Introspection {
    async fn plugins(&self, request: Request<PluginsRequest>) -> Answer<PluginsResponse> {
        let filters = parse_all(&request.into_inner().filters).map_err(Failure::invalid)?;
        let plugins = PLUGINS.iter().filter(|(kind, id)| {
            let fields = |path: &[&str]| match path {
                ["type"] => Some((*kind).to_owned()),
                ["id"] => Some((*id).to_owned()),
                _ => None,
            };
            any_passes(&filters, &fields)
        });
        let plugins = plugins
            .map(|(kind, id)| Plugin {
                r#type: (*kind).to_owned(),
                id: (*id).to_owned(),
                ..Plugin::default()
            })
            .collect();
        Ok(Response::new(PluginsResponse { plugins }))
    }

    async fn server(&self, _: Request<()>) -> Answer<ServerResponse> {
        let modern = self.0.change(|state| state.profile) > crate::Profile::V1_6;
        let pid = if modern { u64::from(std::process::id()) } else { 0 };
        Ok(Response::new(ServerResponse { uuid: UUID.to_owned(), pid, ..Default::default() }))
    }
}
