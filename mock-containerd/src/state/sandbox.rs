//! Sandboxes: records of them. What runs in one is the controller's.

use std::collections::HashMap;

use containerd_client::types::Sandbox;
use prost_types::Any;
use tonic::Code;

use super::{Failure, Mask, State, check_identifier, key, of_namespace, parse_all, passing};
use crate::Profile;

impl State {
    pub(crate) fn create_sandbox(
        &mut self,
        namespace: &str,
        sandbox: Option<Sandbox>,
    ) -> Result<Sandbox, Failure> {
        // Without it, and without a runtime in it, the real ones crash; a mock must not.
        let mut sandbox = sandbox.ok_or_else(|| Failure::invalid("sandbox must be set"))?;
        check_identifier(&sandbox.sandbox_id).map_err(|error| {
            Failure::invalid(format!("failed to validate sandbox: invalid sandbox ID: {error}"))
        })?;
        if sandbox.runtime.is_none() {
            return Err(Failure::invalid("sandbox.Runtime must be set"));
        }
        let id = sandbox.sandbox_id.clone();
        let place = key(namespace, &id);
        if self.sandboxes.contains_key(&place) {
            let what = format!("write error: sandbox bucket {id:?} already exists");
            return Err(Failure::already_exists(what));
        }
        self.store_sandbox(namespace, &mut sandbox, true)?;
        Ok(sandbox)
    }

    fn store_sandbox(
        &mut self,
        namespace: &str,
        sandbox: &mut Sandbox,
        new: bool,
    ) -> Result<(), Failure> {
        // Labels are not held to their usual limit here.
        if let Some(value) = sandbox.labels.get("") {
            let what = format!("write error: failed to set label \"\"={value:?}: key required");
            return Err(Failure::plain(Code::Unknown, what));
        }
        if sandbox.extensions.contains_key("") {
            return Err(Failure::plain(Code::Unknown, "write error: key required"));
        }
        sandbox.labels.retain(|_, value| !value.is_empty());
        let now = Some(self.clock.now());
        sandbox.updated_at = now;
        if new {
            sandbox.created_at = now;
        }
        if self.profile < Profile::V2_1 {
            sandbox.sandboxer.clear();
        }
        self.touch_namespace(namespace);
        self.sandboxed.insert(namespace.to_owned());
        let place = key(namespace, &sandbox.sandbox_id);
        let mut stored = sandbox.clone();
        if let Some(old) = self.sandboxes.get(&place) {
            // An extension is never taken out again, though the answer looks so.
            let mut extensions: HashMap<String, Any> = old.extensions.clone();
            extensions.extend(stored.extensions);
            stored.extensions = extensions;
        }
        self.sandboxes.insert(place, stored);
        Ok(())
    }

    fn sandbox_in(&self, namespace: &str, id: &str) -> Result<&Sandbox, Failure> {
        if !self.has_sandboxes(namespace) {
            return Err(Failure::not_found("no sandbox buckets"));
        }
        let found = self.sandboxes.get(&key(namespace, id));
        found.ok_or_else(|| Failure::not_found(format!("bucket {id:?} not found")))
    }

    /// Whether there ever was one: what holds them stays when the last is gone.
    fn has_sandboxes(&self, namespace: &str) -> bool {
        self.sandboxed.contains(namespace)
    }

    pub(crate) fn sandbox(&self, namespace: &str, id: &str) -> Result<Sandbox, Failure> {
        self.sandbox_in(namespace, id).cloned()
    }

    pub(crate) fn update_sandbox(
        &mut self,
        namespace: &str,
        update: Option<Sandbox>,
        fields: &Mask,
    ) -> Result<Sandbox, Failure> {
        // As with creating: the real ones crash.
        let update = update.ok_or_else(|| Failure::invalid("sandbox must be set"))?;
        if update.runtime.is_none() {
            return Err(Failure::invalid("sandbox.Runtime must be set"));
        }
        let mut next = self.sandbox(namespace, &update.sandbox_id)?;
        if fields.is_empty() {
            next.labels.clone_from(&update.labels);
            next.extensions.clone_from(&update.extensions);
            next.runtime.clone_from(&update.runtime);
            next.spec.clone_from(&update.spec);
        }
        for field in fields {
            change(&mut next, &update, field)?;
        }
        self.store_sandbox(namespace, &mut next, false)?;
        Ok(next)
    }

    pub(crate) fn list_sandboxes(
        &self,
        namespace: &str,
        filters: &[String],
    ) -> Result<Vec<Sandbox>, Failure> {
        let filters = parse_all(filters).map_err(Failure::invalid)?;
        let sandboxes = of_namespace(&self.sandboxes, namespace).map(|(_, sandbox)| sandbox);
        Ok(passing(&filters, sandboxes, field))
    }

    pub(crate) fn delete_sandbox(&mut self, namespace: &str, id: &str) -> Result<(), Failure> {
        if !self.has_sandboxes(namespace) {
            return Err(Failure::not_found("no sandbox buckets"));
        }
        match self.sandboxes.remove(&key(namespace, id)) {
            Some(_) => Ok(()),
            None if self.profile < Profile::V2_1 => {
                let what = format!("failed to delete sandbox {id:?}: bucket not found");
                Err(Failure::plain(Code::Unknown, what))
            }
            None => Err(Failure::not_found(format!("failed to delete sandbox {id:?}"))),
        }
    }
}

fn change(next: &mut Sandbox, update: &Sandbox, field: &str) -> Result<(), Failure> {
    match field.split_once('.') {
        Some(("labels", label)) => {
            let given = update.labels.get(label).cloned().unwrap_or_default();
            next.labels.insert(label.to_owned(), given);
        }
        Some(("extensions", name)) => {
            let given = update.extensions.get(name).cloned().unwrap_or_default();
            next.extensions.insert(name.to_owned(), given);
        }
        _ if field == "labels" => next.labels.clone_from(&update.labels),
        _ if field == "extensions" => next.extensions.clone_from(&update.extensions),
        _ if field == "runtime" => next.runtime.clone_from(&update.runtime),
        _ if field == "spec" => next.spec.clone_from(&update.spec),
        _ => {
            let id = &next.sandbox_id;
            let what = format!("cannot update {field:?} field on sandbox {id:?}");
            return Err(Failure::invalid(what));
        }
    }
    Ok(())
}

/// Of all fields, filters know the id and labels alone.
fn field(sandbox: &Sandbox, path: &[&str]) -> Option<String> {
    match path {
        ["id"] => Some(sandbox.sandbox_id.clone()),
        ["labels", label @ ..] => sandbox.labels.get(&label.join(".")).cloned(),
        _ => None,
    }
    .filter(|value| !value.is_empty())
}
