//! Tasks are given other limits.

use std::collections::BTreeMap;

use containerd_client::services::v1::UpdateTaskRequest;
use prost_types::Any;
use serde_json::Value;

use super::Task;
use crate::{Error, spec, wire};

impl Task {
    /// Limits its memory.
    ///
    /// RPCs: 1 (Tasks/Update).
    pub async fn limit_memory(&self, bytes: u64) -> Result<(), Error> {
        self.update(&serde_json::json!({"memory": {"limit": bytes}})).await
    }

    /// Gives it other limits: `LinuxResources` of the OCI runtime spec. What they do not name stays;
    /// its record, and so the next task of its container, keeps the old ones.
    ///
    /// RPCs: 1 (Tasks/Update).
    ///
    /// `FailedPrecondition` when it has exited.
    pub async fn update(&self, resources: &Value) -> Result<(), Error> {
        self.update_any(spec::payload("LinuxResources", resources), BTreeMap::new()).await
    }

    /// The same, encoded by the caller, and with annotations for shims that heed them; runc's does
    /// not.
    ///
    /// RPCs: 1 (Tasks/Update).
    pub async fn update_any(
        &self,
        resources: Any,
        annotations: BTreeMap<String, String>,
    ) -> Result<(), Error> {
        let updating = async {
            let doing = self.handle.here("update")?;
            let message = UpdateTaskRequest {
                container_id: self.id().to_owned(),
                resources: Some(resources),
                annotations: annotations.into_iter().collect(),
            };
            self.handle.shared.wire.call(&doing, &wire::tasks::UPDATE, message).await
        };
        self.handle.whole("update", updating).await
    }
}
