//! A real containerd of our own: private root, state and sockets, ended with all that came of it.

mod machine;
mod manifest;
mod metrics;
mod private;
mod process;
mod rootfs;
mod shims;
mod sweep;

pub use machine::{Item, Machine, Unavailable};
pub use manifest::{CleanReport, RunId, clean};
pub use metrics::MetricsError;
pub use private::{DaemonError, PrivateDaemon};
pub use rootfs::Rootfs;
pub(crate) use shims::{kill_shim, lose_tasks, signal_shim};
pub use sweep::leftovers;
