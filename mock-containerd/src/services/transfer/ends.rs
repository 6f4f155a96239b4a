//! Where a transfer comes from and goes to.

use containerd_client::types::transfer::{
    ImageExportStream, ImageImportStream, ImageStore, OciRegistry,
};
use prost::{Message, Name};
use prost_types::Any;
use tonic::Status;

use crate::anys::known;
use crate::state::Failure;
use crate::streams::Used;
use crate::world::World;

/// One end of a transfer.
pub(super) enum End {
    Store(ImageStore),
    Import(ImageImportStream, Used),
    Export(ImageExportStream, Used),
    Registry(OciRegistry),
    /// A message that is known, and is no end.
    Other,
}

impl End {
    /// The stream that it names is in use from now on.
    pub(super) fn of(world: &World, namespace: &str, any: &Any) -> Result<Self, Status> {
        let name = known(&any.type_url)?;
        let used = |id: &str| Used::take(world, namespace, id);
        Ok(if name == ImageStore::full_name() {
            Self::Store(inside(world, any)?)
        } else if name == ImageImportStream::full_name() {
            let import: ImageImportStream = inside(world, any)?;
            let stream = used(&import.stream)?;
            Self::Import(import, stream)
        } else if name == ImageExportStream::full_name() {
            let export: ImageExportStream = inside(world, any)?;
            let mut stream = used(&export.stream)?;
            stream.keep(true);
            Self::Export(export, stream)
        } else if name == OciRegistry::full_name() {
            Self::Registry(inside(world, any)?)
        } else {
            Self::Other
        })
    }
}

fn inside<M: Message + Name + Default>(world: &World, any: &Any) -> Result<M, Failure> {
    crate::anys::inside(world.profile(), any)
}
