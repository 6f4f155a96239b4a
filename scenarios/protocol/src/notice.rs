//! What a driver says unasked.

use serde::{Deserialize, Serialize};

use crate::{ContainerId, ExecId, ExitStatus};

/// Unsolicited news. Each exit is told once.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Notice {
    /// A process has exited.
    Exit {
        /// Whose.
        container: ContainerId,
        /// Which exec; the init process when absent.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        exec: Option<ExecId>,
        /// How.
        status: ExitStatus,
        /// When, in nanoseconds since 1970.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        at_ns: Option<i64>,
    },
}
