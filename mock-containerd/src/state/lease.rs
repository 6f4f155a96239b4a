//! Leases, and the resources that they hold.

use std::collections::HashMap;

use containerd_client::services::v1::{Lease, Resource};

use super::{Failure, State, any_passes, key, parse_all};
use crate::{Profile, clock};

impl State {
    pub(crate) fn create_lease(
        &mut self,
        namespace: &str,
        id: String,
        labels: HashMap<String, String>,
    ) -> Result<Lease, Failure> {
        self.next_lease += 1;
        let id = if id.is_empty() { format!("{:09}-mock", self.next_lease) } else { id };
        let place = key(namespace, &id);
        if self.leases.contains_key(&place) {
            return Err(Failure::already_exists(format!("lease {id:?}")));
        }
        let lease = Lease { id, created_at: Some(clock::now()), labels };
        self.touch_namespace(namespace);
        self.leases.insert(place, (lease.clone(), Vec::new()));
        Ok(lease)
    }

    pub(crate) fn delete_lease(&mut self, namespace: &str, id: &str) -> Result<(), Failure> {
        let gone = self.leases.remove(&key(namespace, id));
        gone.map(|_| ()).ok_or_else(|| no_lease(id))
    }

    pub(crate) fn list_leases(
        &self,
        namespace: &str,
        filters: &[String],
    ) -> Result<Vec<Lease>, Failure> {
        let filters = parse_all(filters).map_err(Failure::invalid)?;
        let of_namespace = self.leases.iter().filter(|((space, _), _)| space == namespace);
        let field = |lease: &Lease, path: &[&str]| match path {
            ["id"] => Some(lease.id.clone()),
            ["labels", label @ ..] => lease.labels.get(&label.join(".")).cloned(),
            _ => None,
        };
        Ok(of_namespace
            .map(|(_, (lease, _))| lease)
            .filter(|lease| any_passes(&filters, &|path: &[&str]| field(lease, path)))
            .cloned()
            .collect())
    }

    pub(crate) fn add_resource(
        &mut self,
        namespace: &str,
        id: &str,
        resource: Option<Resource>,
    ) -> Result<(), Failure> {
        let resource = resource.unwrap_or_default();
        let profile = self.profile;
        let resources = self.resources(namespace, id)?;
        check(profile, &resource)?;
        if !resources.contains(&resource) {
            resources.push(resource);
        }
        Ok(())
    }

    pub(crate) fn delete_resource(
        &mut self,
        namespace: &str,
        id: &str,
        resource: Option<Resource>,
    ) -> Result<(), Failure> {
        let resource = resource.unwrap_or_default();
        self.resources(namespace, id)?.retain(|have| *have != resource);
        Ok(())
    }

    pub(crate) fn list_resources(
        &mut self,
        namespace: &str,
        id: &str,
    ) -> Result<Vec<Resource>, Failure> {
        self.resources(namespace, id).cloned()
    }

    fn resources(&mut self, namespace: &str, id: &str) -> Result<&mut Vec<Resource>, Failure> {
        let found = self.leases.get_mut(&key(namespace, id));
        found.map(|(_, resources)| resources).ok_or_else(|| no_lease(id))
    }
}

fn no_lease(id: &str) -> Failure {
    Failure::not_found(format!("lease {id:?}"))
}

fn check(profile: Profile, resource: &Resource) -> Result<(), Failure> {
    match resource.r#type.as_str() {
        "ingests" => Ok(()),
        "content" if resource.id.contains(':') => Ok(()),
        "content" => Err(Failure::invalid(format!(
            "invalid content resource id {}: invalid checksum digest format",
            resource.id
        ))),
        "images" if profile == Profile::V2_1 => Ok(()),
        kind if kind.strip_prefix("snapshots/").is_some_and(|name| !name.is_empty()) => Ok(()),
        kind if kind.starts_with("snapshots") => {
            Err(Failure::invalid(format!("invalid snapshot resource type {kind}")))
        }
        kind => {
            let message = format!("resource type {kind} not supported yet: not implemented");
            Err(Failure::plain(tonic::Code::Unimplemented, message))
        }
    }
}
