//! containerd.services.transfer.v1: images come in from a stream, go out to one, or get a name.

mod blobs;
mod docker;
mod ends;
mod export;
mod flow;
mod import;
mod progress;
mod registry;
mod unpack;

use containerd_client::services::v1::TransferRequest;
use containerd_client::types::transfer::{ImageExportStream, ImageImportStream, ImageStore};
use tonic::{Code, Request, Response};

use self::blobs::Blobs;
use self::ends::End;
use self::flow::{Incoming, Outgoing};
use self::progress::Progress;
pub(super) use self::registry::unresolved;
use super::Answer;
use super::request::{lease, namespace};
use crate::anys::bare;
use crate::state::{BlobDescriptor, Failure};
use crate::streams::Used;
use crate::stubs::containerd::services::transfer::v1::transfer_server;
use crate::world::World;

#[derive(Debug)]
pub(crate) struct Transfer(pub(crate) World);

#[tonic::async_trait]
impl transfer_server::Transfer for Transfer {
    async fn transfer(&self, request: Request<TransferRequest>) -> Answer<()> {
        let (lease, namespace) = (lease(&request), namespace(&request)?);
        let TransferRequest { source, destination, options } = request.into_inner();
        let world = &self.0;
        let told = options.unwrap_or_default().progress_stream;
        let progress = match told.as_str() {
            "" => Progress::untold(),
            id => Progress::to(Used::take(world, &namespace, id)?),
        };
        let (source, destination) = (source.unwrap_or_default(), destination.unwrap_or_default());
        let from = End::of(world, &namespace, &source)?;
        let to = End::of(world, &namespace, &destination)?;
        let work = Work { world, namespace, lease, progress };
        let profile = world.profile();
        match (from, to) {
            (End::Import(from, stream), End::Store(store)) => {
                work.import(from, Incoming::new(profile, stream), store).await?;
            }
            (End::Import(_, from), End::Export(_, mut to)) => {
                to.keep(false);
                work.echo(Incoming::new(profile, from), Outgoing::new(profile, to)).await?;
            }
            (End::Store(store), End::Export(to, stream)) => {
                work.export(store, to, Outgoing::new(profile, stream)).await?;
            }
            (End::Store(from), End::Store(to)) => work.tag(&from, &to)?,
            (End::Registry(registry), End::Store(_)) => {
                return Err(unresolved(&registry.reference).into());
            }
            (End::Store(store), End::Registry(registry)) => {
                return Err(work.push(store, registry.reference).await?.into());
            }
            _ => {
                let (from, to) = (bare(&source.type_url), bare(&destination.type_url));
                let what = format!("method Transfer not implemented for {from} to {to}");
                return Err(Failure::plain(Code::Unimplemented, what).into());
            }
        }
        Ok(Response::new(()))
    }
}

/// One transfer.
struct Work<'w> {
    world: &'w World,
    namespace: String,
    lease: Option<String>,
    progress: Progress,
}

impl Work<'_> {
    async fn import(
        mut self,
        from: ImageImportStream,
        stream: Incoming,
        store: ImageStore,
    ) -> Result<(), Failure> {
        self.progress.tell("Importing").await;
        let archive = stream.spool().await?;
        let blobs = Blobs::new(self.world, &self.namespace, self.lease.clone())?;
        let saved = blobs
            .apart(move |blobs| import::import(blobs, archive, from.force_compress, &store))
            .await?;
        let modern = self.world.profile() == crate::Profile::V2_1;
        for (name, target) in saved {
            let target = modern.then(|| target.shown());
            self.progress.tell_of("saved", name, target).await;
        }
        self.progress.end("Completed import").await;
        Ok(())
    }

    async fn export(
        mut self,
        store: ImageStore,
        to: ImageExportStream,
        mut stream: Outgoing,
    ) -> Result<(), Failure> {
        self.progress.tell("Exporting").await;
        let images = self.world.change(|state| state.lookup_images(&self.namespace, &store))?;
        let blobs = Blobs::new(self.world, &self.namespace, self.lease.clone())?;
        let archive = blobs.apart(move |blobs| export::export(blobs, &images, &to)).await?;
        stream.send_file(archive).await?;
        self.progress.end("Completed export").await;
        Ok(())
    }

    /// Why nothing was pushed.
    async fn push(self, store: ImageStore, reference: String) -> Result<Failure, Failure> {
        let target = self.world.change(|state| {
            let image = state.image(&self.namespace, &store.name)?;
            Ok::<_, Failure>(BlobDescriptor::of(&image.target.clone().unwrap_or_default()))
        })?;
        let blobs = Blobs::new(self.world, &self.namespace, self.lease.clone())?;
        blobs.apart(move |blobs| registry::unpushed(blobs, &reference, &target)).await
    }

    async fn echo(self, mut from: Incoming, mut to: Outgoing) -> Result<(), Failure> {
        while let Some(data) = from.next().await? {
            to.send(&data).await?;
        }
        Ok(())
    }

    fn tag(self, from: &ImageStore, to: &ImageStore) -> Result<(), Failure> {
        self.world.change(|state| {
            let target = state.image(&self.namespace, &from.name)?.target.clone();
            let target = BlobDescriptor::of(&target.unwrap_or_default());
            let names = crate::state::names(to, &target);
            if names.is_empty() {
                return Err(Failure::not_found("no image name found"));
            }
            state.keep_images(&self.namespace, self.lease.as_deref(), &names, &target, &to.labels)
        })
    }
}
