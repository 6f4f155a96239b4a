//! A mock containerd: real gRPC services on a Unix socket or in memory, scripted processes, and a
//! ledger of every RPC that reached it.
//!
//! ```
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> Result<(), Box<dyn std::error::Error>> {
//! use containerd_client::services::v1::version_client::VersionClient;
//! use mock_containerd::MockContainerd;
//!
//! let mock = MockContainerd::builder().start().await?;
//! let channel = containerd_client::connect(mock.socket()).await?;
//! let version = VersionClient::new(channel).version(()).await?.into_inner();
//! assert_eq!(version.version, "1.6.20");
//! assert_eq!(mock.ledger().counts().started_by_short_name()["Version/Version"], 1);
//! # Ok(())
//! # }
//! ```
//!
//! What is not modelled answers `Unimplemented`, is counted, and stands in [`methods`].

mod anys;
mod authority;
mod calls;
mod cgroups;
mod clock;
mod codec;
mod event_fields;
mod events;
mod expectation;
pub mod faults;
#[cfg(fuzzing)]
pub mod fuzzing;
mod interleave;
mod memory;
mod methods;
mod mock;
mod processes;
mod profile;
mod refusal;
mod reread;
mod routes;
mod sandbox_script;
mod server;
mod services;
mod state;
mod store;
mod streams;
mod stubs;
mod ttrpc;
mod world;
mod written;

pub use calls::Calls;
pub use cgroups::{Cgroups, UnknownCgroups};
pub use events::EventBus;
pub use expectation::{Expectation, Expected, Times, Unmet};
pub use faults::Faults;
pub use memory::InMemory;
pub use methods::{Method, descriptors, methods};
pub use mock::{Builder, MockContainerd, StartError};
pub use processes::{Pids, ProcessScript, Reaction, Scripts, UnknownPids};
pub use profile::Profile;
pub use sandbox_script::SandboxScript;
pub use server::Server;
pub use written::WrittenError;
