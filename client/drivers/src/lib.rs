//! Our two drivers: the handle-retaining client, and its stateless twin, which asks containerd for
//! container, task and process anew at every call, as Moby's libcontainerd did before its commit
//! 4bafaa0. The harness treats them like anybody else's.
//!
//! ```
//! use driver_protocol::DriverFactory;
//! use laconic_drivers::{RetainedFactory, StatelessFactory};
//!
//! assert_eq!(RetainedFactory.name(), "retained");
//! assert_eq!(StatelessFactory.name(), "stateless");
//! ```

mod closing;
mod gathering;
mod retained;
mod serve;
mod standard;
mod stateless;

pub use retained::{RetainedFactory, RetainedThrough};
pub use serve::{ServeError, serve};
pub use standard::{input, output};
pub use stateless::{StatelessFactory, StatelessThrough};

use driver_protocol::{Capability, Hello};

/// What both can do, and what one alone.
fn hello(driver: &str, more: &[Capability]) -> Hello {
    use Capability::{Cancel, Checkpoint, Exec, Exits, Images, Io, Pause, Restore};
    let both = [Exec, Pause, Exits, Cancel, Restore, Io, Images, Checkpoint];
    let capabilities = both.iter().chain(more).copied().collect();
    let version = env!("CARGO_PKG_VERSION").to_owned();
    Hello { driver: driver.to_owned(), version, capabilities }
}

/// A gRPC code as the protocol words it.
fn kind(code: tonic::Code) -> driver_protocol::ErrorKind {
    driver_protocol::ErrorKind::from_grpc(code as i32 as u32)
        .unwrap_or(driver_protocol::ErrorKind::Unknown)
}

/// How a process ended, as the protocol words it.
fn exited(exit: laconic_client::Exit) -> driver_protocol::Exited {
    driver_protocol::Exited { status: exit_status(exit), at_ns: exit.at_ns }
}

fn exit_status(exit: laconic_client::Exit) -> driver_protocol::ExitStatus {
    match exit.status {
        laconic_client::ExitStatus::Code(code) => driver_protocol::ExitStatus::Code(code),
        laconic_client::ExitStatus::Unknown => driver_protocol::ExitStatus::Unknown,
    }
}
