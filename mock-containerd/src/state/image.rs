//! Image records: a name for a target. The content need not be there.

use containerd_client::services::v1::{Image, ImageCreate, ImageDelete, ImageUpdate};
use containerd_client::types::Descriptor;
use containerd_client::types::transfer::ImageStore;
use tonic::Code;

use super::identifier::check_labels;
use super::{
    BlobDescriptor, Digest, Failure, Labels, Mask, State, key, labels, of_namespace, parse_all,
    passing,
};
use crate::Profile;

impl State {
    pub(crate) fn image(&self, namespace: &str, name: &str) -> Result<&Image, Failure> {
        self.images.get(&key(namespace, name)).ok_or_else(|| no_image(name))
    }

    pub(crate) fn list_images(
        &self,
        namespace: &str,
        filters: &[String],
    ) -> Result<Vec<Image>, Failure> {
        let filters = parse_all(filters).map_err(Failure::invalid)?;
        let images = of_namespace(&self.images, namespace).map(|(_, image)| image);
        Ok(passing(&filters, images, field))
    }

    pub(crate) fn create_image(
        &mut self,
        namespace: &str,
        lease: Option<&str>,
        image: Option<Image>,
    ) -> Result<Image, Failure> {
        // 1.7 and 2.1 crash without it, and without a target; a mock must not.
        let mut image = image.unwrap_or_default();
        if image.name.is_empty() {
            return Err(Failure::plain(Code::InvalidArgument, "Image.Name required"));
        }
        self.check_image(&image)?;
        let place = key(namespace, &image.name);
        if self.images.contains_key(&place) {
            return Err(Failure::already_exists(format!("image {:?}", image.name)));
        }
        image.labels.retain(|_, value| !value.is_empty());
        image.created_at = Some(self.clock.now());
        image.updated_at = image.created_at;
        self.touch_namespace(namespace);
        self.imaged.insert(namespace.to_owned());
        self.images.insert(place, image.clone());
        if self.profile == Profile::V2_1 && image.labels.contains_key(super::gc::EXPIRE) {
            self.lease_resource(namespace, lease, "images", &image.name);
        }
        let event = ImageCreate { name: image.name.clone(), labels: image.labels.clone() };
        self.happen(namespace, "/images/create", &event);
        Ok(image)
    }

    /// The images that a transfer names: one, or further ones.
    pub(crate) fn lookup_images(
        &self,
        namespace: &str,
        store: &ImageStore,
    ) -> Result<Vec<Image>, Failure> {
        let mut images = Vec::new();
        if !store.name.is_empty() {
            images.push(self.image(namespace, &store.name)?);
        }
        for reference in &store.extra_references {
            if reference.is_prefix {
                let what = "prefix lookup on export not implemented: not implemented";
                return Err(Failure::plain(Code::Unimplemented, what));
            }
            images.push(self.image(namespace, &reference.name)?);
        }
        Ok(images.into_iter().cloned().collect())
    }

    /// Keeps a target under names, whatever they named before. Only 2.1 tells of what a transfer
    /// names.
    pub(crate) fn keep_images(
        &mut self,
        namespace: &str,
        lease: Option<&str>,
        names: &[String],
        target: &BlobDescriptor,
        labels: &Labels,
    ) -> Result<(), Failure> {
        let told = self.happened.len();
        for name in names {
            let image = Some(Image {
                name: name.clone(),
                labels: labels.clone(),
                target: Some(target.shown()),
                ..Image::default()
            });
            if self.images.contains_key(&key(namespace, name)) {
                self.update_image(namespace, image, &Vec::new())?;
            } else {
                self.create_image(namespace, lease, image)?;
            }
        }
        if self.profile < Profile::V2_1 {
            self.happened.truncate(told);
        }
        Ok(())
    }

    fn check_image(&self, image: &Image) -> Result<(), Failure> {
        check_labels(self.profile, "image.Labels: ", image.labels.iter())?;
        let target = image.target.clone().unwrap_or_default();
        if let Err(error) = target.digest.parse::<Digest>() {
            let what = format!("Target.Digest {:?} invalid: {error}", target.digest);
            return Err(Failure::invalid(what));
        }
        if target.size <= 0 {
            return Err(Failure::invalid("Target.Size must be greater than zero"));
        }
        if target.media_type.is_empty() {
            return Err(Failure::invalid("Target.MediaType must be set"));
        }
        Ok(())
    }

    pub(crate) fn update_image(
        &mut self,
        namespace: &str,
        update: Option<Image>,
        mask: &Mask,
    ) -> Result<Image, Failure> {
        let update = update.unwrap_or_default();
        if update.name.is_empty() {
            return Err(Failure::plain(Code::InvalidArgument, "Image.Name required"));
        }
        let mut next = self.image(namespace, &update.name)?.clone();
        if mask.is_empty() {
            next.labels.clone_from(&update.labels);
            next.target.clone_from(&update.target);
        }
        for path in mask {
            change(&mut next, &update, path)?;
        }
        next.labels.retain(|_, value| !value.is_empty());
        self.check_image(&next)?;
        next.updated_at = Some(self.clock.now());
        self.images.insert(key(namespace, &next.name), next.clone());
        let event = ImageUpdate { name: next.name.clone(), labels: next.labels.clone() };
        self.happen(namespace, "/images/update", &event);
        // What the old target held may be garbage now.
        self.dirty = true;
        Ok(next)
    }

    pub(crate) fn delete_image(
        &mut self,
        namespace: &str,
        name: &str,
        target: Option<&Descriptor>,
    ) -> Result<(), Failure> {
        // No name is found, oddly, where there were images and none is left.
        let none_is_left = || of_namespace(&self.images, namespace).next().is_none();
        if name.is_empty() && self.imaged.contains(namespace) && none_is_left() {
            return Err(Failure::plain(Code::Unknown, "incompatible value"));
        }
        let has = self.image(namespace, name)?.target.clone().unwrap_or_default().digest;
        // Older versions do not know the field.
        let wanted = target.map(|target| &target.digest).filter(|_| self.profile == Profile::V2_1);
        if let Some(wanted) = wanted.filter(|wanted| **wanted != has) {
            return Err(Failure::not_found(format!(
                "image {name:?} has target {has}, not {wanted}"
            )));
        }
        self.images.remove(&key(namespace, name));
        self.happen(namespace, "/images/delete", &ImageDelete { name: name.to_owned() });
        self.dirty = true;
        Ok(())
    }
}

fn no_image(name: &str) -> Failure {
    Failure::not_found(format!("image {name:?}"))
}

fn change(next: &mut Image, update: &Image, path: &str) -> Result<(), Failure> {
    let annotations = |image: &Image| image.target.clone().unwrap_or_default().annotations;
    match path.split_once('.') {
        Some(("labels", label)) => labels::update_one(&mut next.labels, &update.labels, label),
        Some(("annotations", name)) => {
            let given = annotations(update);
            let target = next.target.get_or_insert_default();
            labels::update_one(&mut target.annotations, &given, name);
        }
        None if path == "labels" => next.labels.clone_from(&update.labels),
        None if path == "target" => next.target.clone_from(&update.target),
        None if path == "annotations" => {
            next.target.get_or_insert_default().annotations = annotations(update);
        }
        _ => {
            let what = format!("cannot update {path:?} field on image {:?}", next.name);
            return Err(Failure::invalid(what));
        }
    }
    Ok(())
}

fn field(image: &Image, path: &[&str]) -> Option<String> {
    let target = image.target.as_ref();
    match path {
        ["name"] => Some(image.name.clone()),
        ["target", "digest"] => target.map(|target| target.digest.clone()),
        ["target", "mediatype"] => target.map(|target| target.media_type.clone()),
        ["labels", label @ ..] => image.labels.get(&label.join(".")).cloned(),
        ["annotations", name @ ..] => {
            target.and_then(|target| target.annotations.get(&name.join(".")).cloned())
        }
        _ => None,
    }
    .filter(|value| !value.is_empty())
}
