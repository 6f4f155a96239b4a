//! The services: they translate between messages and the state, which decides.

mod checkpoints;
mod containers;
mod content;
mod controllers;
mod diff;
mod events;
pub(crate) mod health;
mod images;
mod introspection;
mod leases;
mod namespaces;
mod plugins;
mod pods;
mod reading;
mod request;
mod runtime_info;
mod sandboxes;
mod snapshots;
mod streaming;
mod tasks;
mod transfer;
mod version;
mod writes;

pub(crate) use containers::Containers;
pub(crate) use content::Content;
pub(crate) use controllers::Controllers;
pub(crate) use diff::Diff;
pub(crate) use events::Events;
pub(crate) use health::Health;
pub(crate) use images::Images;
pub(crate) use introspection::Introspection;
pub(crate) use leases::Leases;
pub(crate) use namespaces::Namespaces;
pub(crate) use sandboxes::Sandboxes;
pub(crate) use snapshots::Snapshots;
pub(crate) use streaming::Streams;
pub(crate) use tasks::Tasks;
pub(crate) use transfer::Transfer;
pub(crate) use version::Version;

/// The answer of nearly every method.
pub(crate) type Answer<T> = Result<tonic::Response<T>, tonic::Status>;
