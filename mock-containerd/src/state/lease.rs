//! Leases, and the resources that they hold against garbage collection.

use std::collections::BTreeSet;

use containerd_client::services::v1::{Lease, Resource};
use tonic::Code;

use super::labels::Labels;
use super::{Digest, Failure, State, key, of_namespace, parse_all, passing};
use crate::Profile;

/// A lease, and by type and id what it holds.
#[derive(Debug)]
pub(super) struct Held {
    pub(super) lease: Lease,
    pub(super) resources: BTreeSet<(String, String)>,
}

impl State {
    pub(crate) fn create_lease(
        &mut self,
        namespace: &str,
        id: String,
        labels: Labels,
    ) -> Result<Lease, Failure> {
        self.next_lease += 1;
        let id = if id.is_empty() { format!("{:09}-mock", self.next_lease) } else { id };
        let place = key(namespace, &id);
        if self.leases.contains_key(&place) {
            return Err(Failure::already_exists(format!("lease {id:?}")));
        }
        let lease = Lease { id, created_at: Some(self.clock.now()), labels };
        self.touch_namespace(namespace);
        let held = Held { lease: lease.clone(), resources: BTreeSet::new() };
        self.leases.insert(place, held);
        Ok(lease)
    }

    pub(crate) fn delete_lease(&mut self, namespace: &str, id: &str) -> Result<(), Failure> {
        self.leases.remove(&key(namespace, id)).ok_or_else(|| no_lease(id))?;
        self.dirty = true;
        Ok(())
    }

    pub(crate) fn list_leases(
        &self,
        namespace: &str,
        filters: &[String],
    ) -> Result<Vec<Lease>, Failure> {
        let filters = parse_all(filters).map_err(Failure::invalid)?;
        let leases = of_namespace(&self.leases, namespace).map(|(_, held)| &held.lease);
        let field = |lease: &Lease, path: &[&str]| match path {
            ["id"] => Some(lease.id.clone()),
            ["labels", label @ ..] => lease.labels.get(&label.join(".")).cloned(),
            _ => None,
        };
        Ok(passing(&filters, leases, field))
    }

    pub(crate) fn add_resource(
        &mut self,
        namespace: &str,
        id: &str,
        resource: Option<Resource>,
    ) -> Result<(), Failure> {
        let profile = self.profile;
        // 1.7 and 2.1 crash without it; a mock must not.
        if resource.is_none() && profile != Profile::V1_6 {
            return Err(Failure::invalid("a resource must be set"));
        }
        let resource = resource.unwrap_or_default();
        let held = self.held(namespace, id)?;
        check(profile, &resource)?;
        held.resources.insert((resource.r#type, resource.id));
        Ok(())
    }

    pub(crate) fn delete_resource(
        &mut self,
        namespace: &str,
        id: &str,
        resource: Option<Resource>,
    ) -> Result<(), Failure> {
        let resource = resource.unwrap_or_default();
        let profile = self.profile;
        let held = self.held(namespace, id)?;
        check(profile, &resource)?;
        held.resources.remove(&(resource.r#type, resource.id));
        self.dirty = true;
        Ok(())
    }

    pub(crate) fn list_resources(
        &mut self,
        namespace: &str,
        id: &str,
    ) -> Result<Vec<Resource>, Failure> {
        let resources = self.held(namespace, id)?.resources.iter();
        Ok(resources.map(|(kind, id)| Resource { r#type: kind.clone(), id: id.clone() }).collect())
    }

    /// A write that names a lease needs one that is there.
    pub(crate) fn check_lease(&self, namespace: &str, lease: Option<&str>) -> Result<(), Failure> {
        match lease {
            Some(lease) if !self.leases.contains_key(&key(namespace, lease)) => {
                Err(Failure::not_found("lease does not exist"))
            }
            _ => Ok(()),
        }
    }

    /// What a call under a lease made is held by it.
    pub(super) fn lease_resource(
        &mut self,
        namespace: &str,
        lease: Option<&str>,
        kind: &str,
        id: &str,
    ) {
        let held = lease.and_then(|lease| self.leases.get_mut(&key(namespace, lease)));
        if let Some(held) = held {
            held.resources.insert((kind.to_owned(), id.to_owned()));
        }
    }

    /// What is no more is held by none.
    pub(super) fn unlease_resource(&mut self, namespace: &str, kind: &str, id: &str) {
        let resource = (kind.to_owned(), id.to_owned());
        for ((space, _), held) in &mut self.leases {
            if space == namespace {
                held.resources.remove(&resource);
            }
        }
    }

    fn held(&mut self, namespace: &str, id: &str) -> Result<&mut Held, Failure> {
        self.leases.get_mut(&key(namespace, id)).ok_or_else(|| no_lease(id))
    }
}

fn no_lease(id: &str) -> Failure {
    Failure::not_found(format!("lease {id:?}"))
}

fn check(profile: Profile, resource: &Resource) -> Result<(), Failure> {
    match resource.r#type.as_str() {
        "ingests" => Ok(()),
        "content" => match resource.id.parse::<Digest>() {
            Ok(_) => Ok(()),
            Err(error) => {
                let what = format!("invalid content resource id {}: {error}", resource.id);
                Err(Failure::invalid(what))
            }
        },
        "images" if profile == Profile::V2_1 => Ok(()),
        kind if kind.strip_prefix("snapshots/").is_some_and(|name| !name.is_empty()) => Ok(()),
        kind if kind.starts_with("snapshots") => {
            Err(Failure::invalid(format!("invalid snapshot resource type {kind}")))
        }
        kind => {
            let message = format!("resource type {kind} not supported yet: not implemented");
            Err(Failure::plain(Code::Unimplemented, message))
        }
    }
}
