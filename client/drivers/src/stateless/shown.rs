//! What the server shows of processes and records, in the protocol's words.

use containerd_client::services::v1::Container as Record;
use containerd_client::types::v1::{Process as Shown, Status as Wire};
use driver_protocol::{ExitStatus, Exited, Lifecycle, TaskState};
use prost_types::Timestamp;

pub(super) fn lifecycle(process: &Shown) -> Lifecycle {
    match process.status() {
        Wire::Unknown => Lifecycle::Unknown,
        Wire::Created => Lifecycle::Created,
        Wire::Running => Lifecycle::Running,
        Wire::Stopped => Lifecycle::Stopped,
        Wire::Paused => Lifecycle::Paused,
        Wire::Pausing => Lifecycle::Pausing,
    }
}

pub(super) fn state(process: &Shown) -> TaskState {
    TaskState { status: lifecycle(process), pid: process.pid }
}

pub(super) fn exited(status: u32, at: Option<Timestamp>) -> Exited {
    let at_ns = at
        .filter(|at| at.seconds > 0)
        .and_then(|at| at.seconds.checked_mul(1_000_000_000)?.checked_add(i64::from(at.nanos)));
    Exited { status: ExitStatus::Code(status), at_ns }
}

/// Whether its spec says so.
pub(super) fn has_terminal(record: &Record) -> bool {
    let spec = record.spec.as_ref().map(|spec| spec.value.as_slice()).unwrap_or_default();
    let spec: serde_json::Value = serde_json::from_slice(spec).unwrap_or_default();
    spec["process"]["terminal"].as_bool().unwrap_or_default()
}
