//! What the shim of a runtime makes of a sandbox.

use crate::ProcessScript;

/// How the shim of a runtime plays sandboxes.
///
/// ```
/// use mock_containerd::{MockContainerd, ProcessScript, Profile, SandboxScript};
///
/// let machine = SandboxScript::plays(ProcessScript::runs_until_killed());
/// let builder = MockContainerd::builder()
///     .profile(Profile::V2_1)
///     .sandboxes("io.containerd.kata.v2", machine);
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SandboxScript {
    /// `None`: nothing runs.
    pub(crate) process: Option<ProcessScript>,
}

impl SandboxScript {
    /// As the shim of runc 1.7 does: all calls are answered and nothing runs. There is no pid and
    /// no state, a wait ends at once with 0, and stopping ends the shim.
    pub fn pauses() -> Self {
        Self { process: None }
    }

    /// A process runs from `Controller/Start` on: it has a pid, `Controller/Status` says
    /// `SANDBOX_READY` or `SANDBOX_NOTREADY`, `Controller/Wait` ends with it, and
    /// `Controller/Stop` kills it. It has no streams.
    pub fn plays(process: ProcessScript) -> Self {
        Self { process: Some(process) }
    }
}
