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
//! # When things break
//! - **Handles are lives.** Tasks calls carry ids only, so a handle is of one life of a process: when
//!   that is gone, or a reply or an event has told of a newcomer with the same id, the handle refuses
//!   by itself. Until then the protocol cannot tell the two apart.
//! - **A lost stream** is opened again after 50 ms, 100 ms, and so on up to every 5 s, and proven live
//!   by a probe; then one Tasks/List, and one Tasks/Get for each exec that was last known alive,
//!   compare what is known with what is. Waits go on meanwhile, [`Task::status`] answers
//!   [`Kind::Unreachable`], and exits that are known stay known. [`Client::connection`] tells.
//! - **Nobody knows** how a process ended that is gone without a word: its status is
//!   [`ExitStatus::Unknown`], never 0, and a late event does not change what was said.
//! - **Nothing half done.** What makes something and fails, or is dropped before it is done, is
//!   undone: the calls that make something are not reset but awaited, in the background, for up to
//!   their deadline, and undone within 30 s. All other calls are reset when they are dropped.
//! - **Deadlines and retries.** Every call has a deadline ([`Builder::deadline`], [`Scope`]). Only what
//!   asks, and what never left, is made again, once ([`Builder::retries`], [`Error::attempts`]).
//!
//! # What it costs
//! Of each async method the documentation says behind `RPCs:` what it costs when it succeeds, and in
//! which case what else; tests hold that against what is counted. What is not async makes no RPC.
//!
//! # Tracing
//! Each operation is a `tracing` span (`operation`) with `operation` (`exec`), `container`, `exec`,
//! `trace`, `parent_span` and `outcome` (`ok`, a [`Kind`], or `given-up`), and each of its RPCs one
//! below it (`rpc`), with `method`, `code` and `span`. An RPC carries a W3C `traceparent` with the
//! operation's trace, which is that of the [`Scope`] it is made in or one of its own, and the RPC's span.
//! It also carries a `grpc-timeout`, so that the server gives up when this client does; but for
//! Events/Subscribe, which has no end, and Content/Write, which takes as long as whoever brings the
//! blob: there each message has a limit, and the whole has none.

mod builder;
mod client;
mod container;
mod create;
mod error;
mod events;
mod finish;
mod handle;
mod image;
mod io;
mod load;
mod new_container;
mod process;
mod record;
mod registry;
mod runtime;
mod snapshot;
mod spec;
mod task;
mod upkeep;
mod wire;

pub use builder::Builder;
pub use client::{Client, Version};
pub use container::Container;
pub use error::{Error, Kind, state_errors};
pub use events::{Subscription, TaskEvent, Told};
pub use image::{Archive, Collect, Descriptor, Image, ImageConfig, ImageRecord, Platform};
pub use io::{Ending, FifoPaths, Gathered, Io, LogUri, Output, OutputLimit, Stdin, Streams};
pub use load::Restored;
pub use new_container::NewContainer;
pub use process::{NewExec, Process};
pub use prost_types::Any;
pub use record::Read;
pub use registry::{Connection, Exit, ExitNews, ExitStatus, Status};
pub use runtime::RuncOptions;
pub use spec::process_payload;
pub use task::{Checkpoint, CheckpointAt, CheckpointOptions, Stats, Task};
pub use tonic::Code;
pub use wire::{InvalidTraceparent, Scope};
