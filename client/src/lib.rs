//! A containerd client that retains what it knows.
//!
//! [`Client`], [`Container`], [`Task`] and [`Process`] are handles: each keeps what containerd has
//! told, and one event subscription per client keeps it up to date. States, exits and waits are
//! answered from there, without asking again.
//!
//! ```no_run
//! # async fn run() -> Result<(), laconic_client::Error> {
//! use laconic_client::{Client, Io, NewContainer};
//!
//! let client = Client::builder("example").connect("/run/containerd/containerd.sock").await?;
//! let container = client.create(NewContainer::new("c1", ["true"]).rootfs("/srv/rootfs")).await?;
//! let task = container.start(Io::Null).await?; // Tasks/Create, Tasks/Start
//! let exit = task.wait().await?; // no RPC: the exit comes by event
//! assert!(exit.status.success());
//! task.delete().await?;
//! container.delete().await?;
//! # Ok(())
//! # }
//! ```
//!
//! Tasks calls carry ids only. A handle whose task this client knows to be gone refuses by itself;
//! until the client has heard of a newcomer with the same id, the protocol cannot tell them apart.
//! When the event stream is lost, what depends on it fails with `Unavailable`; reopen the client
//! and restore.

mod builder;
mod client;
mod container;
mod error;
mod events;
mod fifo;
mod load;
mod new_container;
mod process;
mod registry;
mod spec;
mod task;
mod wire;

pub use builder::Builder;
pub use client::{Client, ExitNews, Version};
pub use container::Container;
pub use error::{Error, Kind, state_errors};
pub use events::{Subscription, TaskEvent};
pub use fifo::Fifos;
pub use load::Restored;
pub use new_container::NewContainer;
pub use process::{NewExec, Process};
pub use registry::{Exit, ExitStatus, Status};
pub use spec::{Spec, process_payload};
pub use task::{Io, Stats, Task};
pub use tonic::Code;
pub use wire::{InvalidTraceparent, Scope};
