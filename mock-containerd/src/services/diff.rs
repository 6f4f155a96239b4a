//! containerd.services.diff.v1.

use containerd_client::services::v1::{ApplyRequest, ApplyResponse, DiffRequest, DiffResponse};
use containerd_client::types::Descriptor;
use tonic::{Code, Request, Response};

use super::Answer;
use super::request::{lease, taken};
use crate::state::{Digest, Failure};
use crate::store::{Applied, Packing, UNCOMPRESSED, apply, difference};
use crate::stubs::containerd::services::diff::v1::diff_server;
use crate::world::World;

const LAYER: &str = "application/vnd.oci.image.layer.v1.tar";
const LAYER_GZIP: &str = "application/vnd.oci.image.layer.v1.tar+gzip";

#[derive(Debug)]
pub(crate) struct Diff(pub(crate) World);

#[tonic::async_trait]
impl diff_server::Diff for Diff {
    async fn apply(&self, request: Request<ApplyRequest>) -> Answer<ApplyResponse> {
        let (namespace, request) = taken(request)?;
        let ApplyRequest { diff, mounts, .. } = request;
        // Without it every real version crashes; a mock must not.
        let diff = diff.ok_or_else(|| Failure::invalid("diff must be set"))?;
        let digest = self.0.change(|state| {
            // Nothing looks at its form before: what is no digest is no blob's.
            let absent = |_| Failure::not_found(format!("content digest {}", diff.digest));
            let found = diff.digest.parse::<Digest>().map_err(absent).and_then(|digest| {
                state.blob(&namespace, &digest)?;
                Ok(digest)
            });
            found.map_err(|failure| failure.within("failed to get reader from content store"))
        })?;
        let packing = Packing::of(&diff.media_type)?;
        let Applied { digest, size } = self
            .0
            .on_disk("cannot apply a layer", move |store| {
                apply(store.open_blob(&digest)?, packing, &mounts)
            })
            .await?;
        Ok(Response::new(ApplyResponse {
            applied: Some(Descriptor {
                media_type: LAYER.to_owned(),
                digest: digest.to_string(),
                size,
                ..Descriptor::default()
            }),
        }))
    }

    async fn diff(&self, request: Request<DiffRequest>) -> Answer<DiffResponse> {
        let lease = lease(&request);
        let (namespace, request) = taken(request)?;
        let DiffRequest { left, right, media_type, mut labels, .. } = request;
        let media_type = if media_type.is_empty() { LAYER_GZIP.to_owned() } else { media_type };
        let gzip = match media_type.as_str() {
            LAYER => false,
            LAYER_GZIP => true,
            other => {
                let what = format!("unsupported diff media type: {other}: not implemented");
                return Err(Failure::plain(Code::Unimplemented, what).into());
            }
        };
        self.0.change(|state| state.check_lease(&namespace, lease.as_deref()))?;
        let made = self.0.change(|state| state.take_file());
        let (layer, uncompressed) = self
            .0
            .on_disk("cannot make a layer", move |store| {
                let mut layer = difference(&left, &right, gzip)?;
                Ok((store.spool(made, |file| layer.copy_to(file))?, layer.uncompressed))
            })
            .await?;
        if gzip {
            labels.insert(UNCOMPRESSED.to_owned(), uncompressed.to_string());
        }
        let (digest, size) = (layer.digest.to_string(), layer.size);
        self.0.enter_layer(&namespace, lease.as_deref(), layer, labels)?;
        let diff = Descriptor { media_type, digest, size, ..Descriptor::default() };
        Ok(Response::new(DiffResponse { diff: Some(diff) }))
    }
}
