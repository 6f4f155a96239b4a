//! What the mock answers, over gRPC and in memory, as its clients see it.

mod containers;
mod counts;
mod events;
mod io;
mod leases;
mod methods;
mod namespaces;
mod processes;
mod stage;
