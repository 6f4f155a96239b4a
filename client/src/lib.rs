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
//! assert_eq!(exit.status, 0);
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

mod client;
mod connect;
mod container;
mod error;
mod events;
mod fifo;
mod process;
mod registry;
mod spec;
mod state_errors;
mod task;
mod wire;

pub use client::{Client, ExitNews, NewContainer, Restored, Version};
pub use connect::Builder;
pub use container::Container;
pub use error::{Error, Kind};
pub use events::{Subscription, TaskEvent};
pub use fifo::Fifos;
pub use process::{NewExec, Process};
pub use registry::{Exit, Status};
pub use spec::{Spec, process_payload};
pub use task::{Io, Stats, Task};
