//! Operations on images, and containers from them.

use driver_protocol::{CreateFromImage, ImageFound, ImageNames, Ok as Done, Operation, Refusal};
use laconic_client::{Archive, Client, Collect, Error, Image, NewContainer};

use super::handles::unknown;
use super::{Answer, Retained, refusal};

/// Where every driver unpacks to.
const SNAPSHOTTER: &str = "overlayfs";

impl Retained {
    fn image(&self, name: &str) -> Result<Image, Refusal> {
        let found = self.handles().images.get(name).cloned();
        found.ok_or_else(|| unknown(format!("image {name}")))
    }

    pub(super) async fn answer_of_image(&self, client: &Client, operation: Operation) -> Answer {
        let failed = |error: Error| refusal(&error);
        Ok(match operation {
            Operation::Import(import) => {
                let imported = client.import(Archive::at(import.archive)).await.map_err(failed)?;
                let images = imported.iter().map(|image| image.name().to_owned()).collect();
                let named = imported.into_iter().map(|image| (image.name().to_owned(), image));
                self.handles().images.extend(named);
                Done::Import(ImageNames { images })
            }
            Operation::Images {} => {
                let listed = client.images().await.map_err(failed)?;
                let images = listed.into_iter().map(|image| image.name).collect();
                Done::Images(ImageNames { images })
            }
            Operation::Image(of) => {
                let image = client.image(&of.image).await.map_err(failed)?;
                let digest = image.target().digest.clone();
                self.handles().images.insert(of.image, image);
                Done::Image(ImageFound { digest })
            }
            Operation::Unpack(of) => {
                self.image(&of.image)?.unpack(SNAPSHOTTER).await.map_err(failed)?;
                Done::Unpack {}
            }
            Operation::CreateFromImage(new) => {
                self.create_from_image(client, new).await?;
                Done::CreateFromImage {}
            }
            Operation::DeleteWithSnapshot(on) => {
                let (turn, container) = self.handles().container(&on.container)?;
                container.delete().await.map_err(failed)?;
                self.handles().container_is_gone(&on.container, turn);
                Done::DeleteWithSnapshot {}
            }
            Operation::RemoveImage(of) => {
                let when = if of.sync { Collect::Now } else { Collect::Later };
                self.image(&of.image)?.remove(when).await.map_err(failed)?;
                self.handles().images.remove(&of.image);
                Done::RemoveImage {}
            }
            other => return self.answer_of_task(other).await,
        })
    }

    async fn create_from_image(
        &self,
        client: &Client,
        new: CreateFromImage,
    ) -> Result<(), Refusal> {
        let image = self.image(&new.image)?;
        let container = NewContainer::from_image(new.container.as_str(), &image)
            .snapshotter(SNAPSHOTTER)
            .args(new.args);
        let created = client.create(container).await.map_err(|error| refusal(&error))?;
        self.handles().keep_container(new.container, created);
        Ok(())
    }
}
