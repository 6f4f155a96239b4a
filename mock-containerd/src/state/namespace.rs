//! Namespaces.

use std::collections::{BTreeMap, HashMap};

use containerd_client::events::{NamespaceCreate, NamespaceDelete, NamespaceUpdate};
use containerd_client::services::v1::Namespace;

use super::identifier::check_labels;
use super::{Failure, Mask, State, check_identifier, of_namespace};
use crate::Profile;

impl State {
    pub(crate) fn create_namespace(
        &mut self,
        caller: Option<&str>,
        namespace: Option<Namespace>,
    ) -> Result<Namespace, Failure> {
        let namespace = namespace.unwrap_or_default();
        check_identifier(&namespace.name).map_err(Failure::invalid)?;
        check_labels(self.profile, "namespace.Labels: ", namespace.labels.iter())?;
        if self.namespaces.contains_key(&namespace.name) {
            return Err(Failure::already_exists(format!("namespace {:?}", namespace.name)));
        }
        let labels = namespace.labels.clone().into_iter().collect();
        self.namespaces.insert(namespace.name.clone(), labels);
        let (name, labels) = (namespace.name.clone(), namespace.labels.clone());
        self.tell(caller, &name.clone(), "/namespaces/create", &NamespaceCreate { name, labels })?;
        Ok(namespace)
    }

    /// 1.6 publishes in the caller's namespace, and fails when there is none, with the change made.
    fn tell<E: prost::Message + prost::Name>(
        &mut self,
        caller: Option<&str>,
        concerned: &str,
        topic: &str,
        event: &E,
    ) -> Result<(), Failure> {
        let space = match (self.profile, caller) {
            (Profile::V1_6, Some(caller)) => caller,
            (Profile::V1_6, None) => {
                let message = "failed publishing event: namespace is required: failed precondition";
                return Err(Failure::plain(tonic::Code::Unknown, message));
            }
            _ => concerned,
        };
        self.happen(space, topic, event);
        Ok(())
    }

    /// Never fails: an unknown name has no labels.
    pub(crate) fn namespace(&self, name: &str) -> Namespace {
        if name.is_empty() {
            return Namespace::default();
        }
        let labels = self.namespaces.get(name).cloned().unwrap_or_default();
        Namespace { name: name.to_owned(), labels: labels.into_iter().collect() }
    }

    pub(crate) fn list_namespaces(&self) -> Vec<Namespace> {
        self.namespaces.keys().map(|name| self.namespace(name)).collect()
    }

    /// What keeps a namespace from being deleted.
    fn left_in(&self, name: &str) -> Vec<String> {
        let mut left = Vec::new();
        for (what, is_there) in [
            ("images", of_namespace(&self.images, name).next().is_some()),
            ("blobs", of_namespace(&self.blobs, name).next().is_some()),
            ("containers", of_namespace(&self.containers, name).next().is_some()),
        ] {
            left.extend(is_there.then(|| what.to_owned()));
        }
        let shelves = of_namespace(&self.snapshots, name);
        let full = shelves.filter(|(_, shelf)| !shelf.snapshots.is_empty());
        left.extend(
            full.map(|(snapshotter, _)| format!("snapshots on {snapshotter:?} snapshotter")),
        );
        left
    }

    /// What it answers with says nothing: 1.6 shows a namespace without a name, later ones none.
    pub(crate) fn update_namespace(
        &mut self,
        caller: Option<&str>,
        update: Option<Namespace>,
        mask: &Mask,
    ) -> Result<Option<Namespace>, Failure> {
        let update = update.unwrap_or_default();
        check_identifier(&update.name).map_err(Failure::invalid)?;
        check_labels(self.profile, "namespace.Labels: ", update.labels.iter())?;
        let mut labels = self.namespaces.get(&update.name).cloned().unwrap_or_default();
        if mask.is_empty() {
            labels = update.labels.clone().into_iter().collect();
        }
        for field in mask {
            let Some(label) = field.strip_prefix("labels.") else {
                let message = format!("cannot update {field:?} field");
                return Err(Failure::plain(tonic::Code::InvalidArgument, message));
            };
            set(&mut labels, &update.labels, label);
        }
        self.namespaces.insert(update.name.clone(), labels);
        let event = NamespaceUpdate { name: update.name.clone(), labels: update.labels };
        self.tell(caller, &update.name, "/namespaces/update", &event)?;
        Ok((self.profile == Profile::V1_6).then(Namespace::default))
    }

    pub(crate) fn delete_namespace(&mut self, name: &str) -> Result<(), Failure> {
        if !self.namespaces.contains_key(name) {
            return Err(Failure::not_found(format!("namespace {name:?}")));
        }
        let left = self.left_in(name).join(", ");
        if !left.is_empty() {
            let what = format!("namespace {name:?} must be empty, but it still has {left}");
            return Err(Failure::precondition(what));
        }
        self.namespaces.remove(name);
        // What does not hold a namespace goes with it; 1.7 keeps sandboxes apart.
        self.leases.retain(|(space, _), _| space != name);
        self.forget_ingests(name);
        if self.profile == Profile::V2_1 {
            self.sandboxes.retain(|(space, _), _| space != name);
            self.sandboxed.remove(name);
        }
        self.imaged.remove(name);
        self.dirty = true;
        self.happen(name, "/namespaces/delete", &NamespaceDelete { name: name.to_owned() });
        Ok(())
    }
}

fn set(labels: &mut BTreeMap<String, String>, from: &HashMap<String, String>, label: &str) {
    match from.get(label).filter(|value| !value.is_empty()) {
        Some(value) => labels.insert(label.to_owned(), value.clone()),
        None => labels.remove(label),
    };
}
