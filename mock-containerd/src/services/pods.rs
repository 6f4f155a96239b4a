//! containerd.services.sandbox.v1.Controller, as pods of CRI have it. Which namespace a call comes
//! from matters to what is told alone.

use std::convert::Infallible;

use containerd_client::services::v1::sandbox::ControllerStatusResponse;
use containerd_client::types::Sandbox;
use tonic::Code;

use super::transfer::unresolved;
use crate::state::Failure;
use crate::world::World;

/// What runs in a pod of its own, when nothing is configured.
const IMAGE: &str = "registry.k8s.io/pause:3.10";

pub(super) struct Pods<'w>(pub(super) &'w World);

impl Pods<'_> {
    pub(super) fn create(
        &self,
        namespace: Result<String, Failure>,
        id: &str,
        sandbox: Option<Sandbox>,
    ) -> Result<(), Failure> {
        let namespace = namespace.as_deref().map_err(Clone::clone);
        self.0.change(|state| state.create_pod(namespace, id, sandbox))
    }

    /// Pulls the image, in vain: a mock reaches for no network.
    pub(super) fn start(&self, namespace: Result<String, Failure>, id: &str) -> Failure {
        if !self.0.change(|state| state.has_pod(id)) {
            return Failure::not_found(format!("unable to find pod sandbox with id {id:?}"));
        }
        let refused = namespace.err().unwrap_or_else(|| unresolved(IMAGE));
        refused.within(&format!(
            "failed to get sandbox image {IMAGE:?}: failed to pull image {IMAGE:?}: failed to pull \
             and unpack image {IMAGE:?}"
        ))
    }

    pub(super) fn status(
        &self,
        id: &str,
        verbose: bool,
    ) -> Result<ControllerStatusResponse, Failure> {
        self.0.change(|state| state.pod(id, verbose))
    }

    /// Nothing runs that could be stopped.
    pub(super) fn stop(&self, id: &str) -> Result<(), Failure> {
        let there = self.0.change(|state| state.has_pod(id)).then_some(());
        there.ok_or_else(|| Failure::plain(Code::NotFound, "not found"))
    }

    pub(super) fn shut(&self, id: &str) {
        self.0.change(|state| state.shut_pod(id));
    }

    /// What never started never ends, not even by a shutdown: who waits goes when it likes.
    pub(super) async fn wait(&self, id: &str) -> Result<Infallible, Failure> {
        if !self.0.change(|state| state.has_pod(id)) {
            let what = format!("failed to get exit channel. {id:?}");
            return Err(Failure::plain(Code::Unknown, what));
        }
        std::future::pending().await
    }

    pub(super) fn metrics() -> Failure {
        Failure::plain(Code::Unimplemented, "not implemented")
    }
}
