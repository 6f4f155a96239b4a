//! Pods of CRI: sandboxes of the controller `podsandbox`, in 2.1. It keeps them in memory, by id and
//! of whatever namespace. None ever starts: its image would have to be pulled, and there is no network.

mod metadata;

use containerd_client::services::v1::sandbox::ControllerStatusResponse;
use containerd_client::types::Sandbox;
use prost_types::Any;
use tonic::Code;

pub(crate) use self::metadata::Metadata;
use super::sandbox_event::SandboxCreate;
use super::{Failure, State};
use crate::clock::GO_ZERO;

/// Under this name a sandbox's extensions hold what CRI knows of a pod.
const METADATA: &str = "metadata";

impl State {
    /// Keeps what a request brings; one of that id is replaced. The store is not asked.
    pub(crate) fn create_pod(
        &mut self,
        namespace: Result<&str, Failure>,
        id: &str,
        sandbox: Option<Sandbox>,
    ) -> Result<(), Failure> {
        let (own, extension) = match sandbox {
            None => (id.to_owned(), None),
            // Without it the real one dies; a mock must not.
            Some(Sandbox { runtime: None, .. }) => {
                return Err(Failure::invalid("sandbox.Runtime must be set"));
            }
            Some(mut sandbox) => (sandbox.sandbox_id, sandbox.extensions.remove(METADATA)),
        };
        let within = format!("failed to get sandbox {own:?} metadata");
        let extension = extension.ok_or_else(|| Failure::not_found(&within))?;
        let metadata = Metadata::read(&extension).map_err(|error| {
            let what = format!("{within}: failed to unmarshal sandbox extension {METADATA:?}");
            Failure::plain(Code::Unknown, format!("{what}: {error}"))
        })?;
        self.pods.insert(own, metadata);
        // It stays, though nobody can be told.
        let namespace = namespace.map_err(|failure| failure.within("failed publishing event"))?;
        self.tell_sandbox(namespace, "create", &SandboxCreate { sandbox_id: id.to_owned() })
    }

    /// Whether there is such a pod; to be started, it would need its image.
    pub(crate) fn has_pod(&self, id: &str) -> bool {
        self.pods.contains_key(id)
    }

    /// How a pod is: nothing was ever made of it.
    pub(crate) fn pod(&self, id: &str, verbose: bool) -> Result<ControllerStatusResponse, Failure> {
        let unknown = || Failure::not_found(format!("unable to find sandbox {id:?}"));
        let metadata = self.pods.get(id).ok_or_else(unknown)?;
        let info = verbose.then(|| ("info".to_owned(), metadata.info()));
        Ok(ControllerStatusResponse {
            sandbox_id: id.to_owned(),
            state: "SANDBOX_UNKNOWN".to_owned(),
            info: info.into_iter().collect(),
            created_at: Some(GO_ZERO),
            exited_at: Some(GO_ZERO),
            extra: Some(Any::default()),
            ..ControllerStatusResponse::default()
        })
    }

    /// Forgets a pod. One that is not there is as good.
    pub(crate) fn shut_pod(&mut self, id: &str) {
        self.pods.remove(id);
    }
}
