//! The names of images.

use std::collections::BTreeMap;

use containerd_client::services::v1::{
    CreateImageRequest, GetImageRequest, Image as Record, ListImagesRequest, UpdateImageRequest,
};
use prost_types::FieldMask;

use super::documents::Documents;
use super::handle::Image;
use super::manifest::Descriptor;
use crate::wire::{self, Doing, Wire, operation};
use crate::{Client, Error, Kind};

/// A name, and what it stands for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ImageRecord {
    /// Its name.
    pub name: String,
    /// A manifest, or an index of manifests.
    pub target: Descriptor,
    /// Its labels.
    pub labels: BTreeMap<String, String>,
}

impl ImageRecord {
    fn of(record: Record) -> Self {
        Self {
            name: record.name,
            target: Descriptor::of_wire(record.target.unwrap_or_default()),
            labels: record.labels.into_iter().collect(),
        }
    }
}

impl Client {
    /// The images of the namespace, by name.
    ///
    /// RPCs: 1 (Images/List), however many.
    pub async fn images(&self) -> Result<Vec<ImageRecord>, Error> {
        operation("images", self.shared.wire.namespace(), None, async {
            let wire = &self.shared.wire;
            let message = ListImagesRequest { filters: Vec::new() };
            let doing = Doing::begin("list images of", wire.namespace());
            let listed = wire.call(&doing, &wire::images::LIST, message).await?;
            let mut images: Vec<_> = listed.images.into_iter().map(ImageRecord::of).collect();
            images.sort_by(|one, other| one.name.cmp(&other.name));
            Ok(images)
        })
        .await
    }

    /// A handle for the image of this name: its manifest and configuration are read, and each index
    /// before the manifest. `NotFound` when there is no such name, or it has nothing for this
    /// machine's platform.
    ///
    /// RPCs: 3 (Images/Get, 2 × Content/Read); 3 + x (Images/Get, 2 × Content/Read, x × Content/Read)
    /// behind x indexes.
    pub async fn image(&self, name: &str) -> Result<Image, Error> {
        operation("image", name, None, async {
            let wire = &self.shared.wire;
            let message = GetImageRequest { name: name.to_owned() };
            let doing = Doing::begin("get image", name);
            let found = wire.call(&doing, &wire::images::GET, message).await?;
            let record = ImageRecord::of(found.image.unwrap_or_default());
            let known = Documents::Stored(wire).resolve(&doing, name, record.target).await?;
            Ok(Image::new(self.shared.clone(), known))
        })
        .await
    }
}

/// Images/Create; when the name is there already, Images/Update gives it the new target.
pub(super) async fn put(
    wire: &Wire,
    doing: &Doing<'_>,
    name: &str,
    target: &Descriptor,
) -> Result<(), Error> {
    let image = Record { name: name.to_owned(), target: Some(target.wire()), ..Record::default() };
    let message = CreateImageRequest { image: Some(image.clone()), source_date_epoch: None };
    let doing = doing.part_on("name image", name);
    match wire.call(&doing, &wire::images::CREATE, message).await {
        Ok(_) => Ok(()),
        Err(error) if error.kind() == Kind::AlreadyExists => {
            let message = UpdateImageRequest {
                image: Some(image),
                update_mask: Some(FieldMask { paths: vec!["target".to_owned()] }),
                source_date_epoch: None,
            };
            wire.call(&doing, &wire::images::UPDATE, message).await?;
            Ok(())
        }
        Err(error) => Err(error),
    }
}
