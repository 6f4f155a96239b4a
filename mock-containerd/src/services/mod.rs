//! The services: they translate between messages and the state, which decides.

mod containers;
mod events;
mod introspection;
mod leases;
mod namespaces;
mod request;
mod tasks;
mod unmodelled;
mod version;

pub(crate) use containers::Containers;
pub(crate) use events::Events;
pub(crate) use introspection::Introspection;
pub(crate) use leases::Leases;
pub(crate) use namespaces::Namespaces;
pub(crate) use tasks::Tasks;
pub(crate) use unmodelled::Unmodelled;
pub(crate) use version::Version;

/// The answer of nearly every method.
pub(crate) type Answer<T> = Result<tonic::Response<T>, tonic::Status>;
