//! Controllers of sandboxes. The mock runs no sandbox, so whoever asks asks for one that is not
//! there; 1.7 looks at no controller's name, 2.1 does first.

use containerd_client::services::v1::sandbox::ControllerStatusResponse;
use prost_types::Any;
use tonic::Code;

use super::{Failure, State};
use crate::Profile;
use crate::clock::GO_ZERO;

/// The one controller that runs sandboxes of its own.
const SHIM: &str = "shim";

impl State {
    /// Whether there is a controller of this name.
    fn controller(&self, name: &str) -> Result<(), Failure> {
        let refused = |code, message: String| Err(Failure::plain(code, message));
        match name {
            _ if self.profile < Profile::V2_1 => Ok(()),
            SHIM => Ok(()),
            "" => refused(
                Code::InvalidArgument,
                "invalid argument: sandbox controller name can not be empty".to_owned(),
            ),
            other => refused(
                Code::NotFound,
                format!("not found: failed to get sandbox controller by {other}"),
            ),
        }
    }

    /// A sandbox that nobody knows has ended just now.
    pub(crate) fn sandbox_status(
        &self,
        controller: &str,
        id: &str,
    ) -> Result<ControllerStatusResponse, Failure> {
        self.controller(controller)?;
        Ok(ControllerStatusResponse {
            sandbox_id: id.to_owned(),
            created_at: Some(GO_ZERO),
            exited_at: Some(self.clock.now()),
            extra: Some(Any::default()),
            ..ControllerStatusResponse::default()
        })
    }

    /// Starting one that nobody knows.
    pub(crate) fn start_sandbox(&self, controller: &str, id: &str) -> Failure {
        let unknown = || Failure::plain(Code::Unknown, format!("unable to find sandbox {id:?}"));
        self.controller(controller).err().unwrap_or_else(unknown)
    }

    /// Waiting for one that nobody knows, or shutting it down.
    pub(crate) fn end_sandbox(&self, controller: &str) -> Failure {
        let unknown = || Failure::plain(Code::NotFound, "not found");
        self.controller(controller).err().unwrap_or_else(unknown)
    }

    /// Stopping one that nobody knows: for 2.1 it is stopped already.
    pub(crate) fn stop_sandbox(&self, controller: &str) -> Result<(), Failure> {
        if self.profile < Profile::V2_1 {
            return Err(self.end_sandbox(controller));
        }
        self.controller(controller)
    }
}
