//! Container records.

use containerd_client::events::container_create::Runtime;
use containerd_client::events::{ContainerCreate, ContainerDelete, ContainerUpdate};
use containerd_client::services::v1::Container;

use super::identifier::check_labels;
use super::{Failure, Parts, State, check_identifier, key, of_namespace, parse_all, passing};
use crate::Profile;

/// The fields that an update names; none: all that may change.
pub(crate) type Mask = Vec<String>;

impl State {
    pub(crate) fn create_container(
        &mut self,
        namespace: &str,
        container: Option<Container>,
    ) -> Result<Container, Failure> {
        // 1.7 and 2.1 crash without it; a mock must not.
        let mut container = container.unwrap_or_default();
        self.check_container(&container, "create container failed validation: ")?;
        let place = key(namespace, &container.id);
        if self.containers.contains_key(&place) {
            return Err(Failure::already_exists(format!("container {:?}", container.id)));
        }
        check_written(&container)?;
        container.labels.retain(|_, value| !value.is_empty());
        if self.profile == Profile::V1_6 {
            // A field that 1.6 does not know yet.
            container.sandbox.clear();
        }
        container.created_at = Some(self.clock.now());
        container.updated_at = container.created_at;
        self.touch_namespace(namespace);
        self.containers.insert(place, container.clone());
        let runtime = container.runtime.clone().unwrap_or_default();
        let event = ContainerCreate {
            id: container.id.clone(),
            image: container.image.clone(),
            runtime: Some(Runtime { name: runtime.name, options: runtime.options }),
        };
        self.happen(namespace, "/containers/create", &event);
        Ok(container)
    }

    /// What a record must be before it is written, with the words before the error.
    fn check_container(&self, container: &Container, prefix: &str) -> Result<(), Failure> {
        let invalid = |what: &str| Failure::invalid(format!("{prefix}{what}"));
        check_identifier(&container.id)
            .map_err(|error| invalid(&format!("container.ID: {error}")))?;
        if container.extensions.keys().any(String::is_empty) {
            return Err(invalid("container.Extension keys must not be zero-length"));
        }
        let labels = format!("{prefix}containers.Labels: ");
        check_labels(self.profile, &labels, container.labels.iter())?;
        if container.runtime.as_ref().is_none_or(|runtime| runtime.name.is_empty()) {
            return Err(invalid("container.Runtime.Name must be set"));
        }
        if container.spec.is_none() && self.profile == Profile::V1_6 {
            return Err(invalid("container.Spec must be set"));
        }
        if !container.snapshot_key.is_empty() && container.snapshotter.is_empty() {
            let what = "container.Snapshotter must be set if container.SnapshotKey is set";
            return Err(invalid(what));
        }
        Ok(())
    }

    pub(crate) fn container(&self, namespace: &str, id: &str) -> Result<&Container, Failure> {
        let found = self.containers.get(&(namespace, id) as &dyn Parts);
        found.ok_or_else(|| {
            Failure::not_found(format!("container {id:?} in namespace {namespace:?}"))
        })
    }

    pub(crate) fn list_containers(
        &self,
        namespace: &str,
        filters: &[String],
    ) -> Result<Vec<Container>, Failure> {
        let filters = parse_all(filters).map_err(Failure::invalid)?;
        let containers = of_namespace(&self.containers, namespace).map(|(_, one)| one);
        Ok(passing(&filters, containers, field))
    }

    pub(crate) fn update_container(
        &mut self,
        namespace: &str,
        update: Option<Container>,
        mask: &Mask,
    ) -> Result<Container, Failure> {
        let update = update.unwrap_or_default();
        if update.id.is_empty() {
            // Without its class at the end.
            let message = "Container.ID required";
            return Err(Failure::plain(tonic::Code::InvalidArgument, message));
        }
        let id = update.id.clone();
        let current = self.containers.get(&key(namespace, &id)).cloned();
        let mut next = current.ok_or_else(|| Failure::not_found(format!("container {id:?}")))?;
        if mask.is_empty() {
            replace_all(&mut next, update)?;
        } else {
            for field in mask {
                replace(&mut next, &update, field)?;
            }
        }
        self.check_container(&next, "update failed validation: ")?;
        check_written(&next)?;
        next.labels.retain(|_, value| !value.is_empty());
        next.updated_at = Some(self.clock.now());
        self.containers.insert(key(namespace, &id), next.clone());
        let event = ContainerUpdate {
            id,
            image: next.image.clone(),
            labels: next.labels.clone(),
            snapshot_key: next.snapshot_key.clone(),
        };
        self.happen(namespace, "/containers/update", &event);
        Ok(next)
    }

    /// Does not look for a task: containerd does not, either.
    pub(crate) fn delete_container(&mut self, namespace: &str, id: &str) -> Result<(), Failure> {
        if self.containers.remove(&key(namespace, id)).is_none() {
            let any = of_namespace(&self.containers, namespace).next().is_some();
            return Err(Failure::not_found(if any {
                format!("container {id}")
            } else {
                format!("cannot delete container {id:?} in namespace {namespace:?}")
            }));
        }
        self.happen(namespace, "/containers/delete", &ContainerDelete { id: id.to_owned() });
        self.dirty = true;
        Ok(())
    }
}

/// An empty label key is found only when the database refuses it.
fn check_written(container: &Container) -> Result<(), Failure> {
    let Some(value) = container.labels.get("").filter(|value| !value.is_empty()) else {
        return Ok(());
    };
    let message = format!(
        "failed to write container {:?}: failed to set label \"\"={value:?}: key required",
        container.id
    );
    Err(Failure::plain(tonic::Code::Unknown, message))
}

fn field(container: &Container, path: &[&str]) -> Option<String> {
    match path {
        ["id"] => Some(container.id.clone()),
        ["runtime", "name"] => container.runtime.as_ref().map(|runtime| runtime.name.clone()),
        ["image"] => Some(container.image.clone()),
        ["labels", label @ ..] => container.labels.get(&label.join(".")).cloned(),
        _ => None,
    }
    .filter(|value| !value.is_empty())
}

fn replace_all(next: &mut Container, update: Container) -> Result<(), Failure> {
    let name = |container: &Container| container.runtime.clone().unwrap_or_default().name;
    if !name(&update).is_empty() && name(&update) != name(next) {
        return Err(Failure::invalid("container.Runtime.Name field is immutable"));
    }
    if !update.snapshotter.is_empty() && update.snapshotter != next.snapshotter {
        return Err(Failure::invalid("container.Snapshotter field is immutable"));
    }
    next.labels = update.labels;
    next.spec = update.spec;
    next.extensions = update.extensions;
    next.image = update.image;
    next.snapshot_key = update.snapshot_key;
    Ok(())
}

fn replace(next: &mut Container, update: &Container, field: &str) -> Result<(), Failure> {
    if let Some(label) = field.strip_prefix("labels.") {
        let value = update.labels.get(label).cloned().unwrap_or_default();
        next.labels.insert(label.to_owned(), value);
        return Ok(());
    }
    if let Some(name) = field.strip_prefix("extensions.") {
        match update.extensions.get(name) {
            Some(value) => next.extensions.insert(name.to_owned(), value.clone()),
            None => next.extensions.remove(name),
        };
        return Ok(());
    }
    match field {
        "labels" => next.labels.clone_from(&update.labels),
        "spec" => next.spec.clone_from(&update.spec),
        "extensions" => next.extensions.clone_from(&update.extensions),
        "image" => next.image.clone_from(&update.image),
        "snapshotkey" => next.snapshot_key.clone_from(&update.snapshot_key),
        other => {
            let what = format!("cannot update {other:?} field on {:?}", next.id);
            return Err(Failure::invalid(what));
        }
    }
    Ok(())
}
