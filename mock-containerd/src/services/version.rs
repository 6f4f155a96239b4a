//! containerd.services.version.v1.

use containerd_client::services::v1::VersionResponse;
use tonic::{Request, Response};

use super::Answer;
use crate::stubs::containerd::services::version::v1::version_server;
use crate::world::World;

#[derive(Debug)]
pub(crate) struct Version(pub(crate) World);

#[tonic::async_trait]
impl version_server::Version for Version {
    async fn version(&self, _: Request<()>) -> Answer<VersionResponse> {
        let profile = self.0.profile();
        Ok(Response::new(VersionResponse {
            version: profile.version().to_owned(),
            revision: concat!("laconic-mock-", env!("CARGO_PKG_VERSION")).to_owned(),
        }))
    }
}
