//! What the mock answers, over gRPC and in memory, as its clients see it.

mod containers;
mod counts;
mod events;
mod introspection;
mod io;
mod leases;
mod listener;
mod loggers;
mod methods;
mod namespaces;
mod processes;
mod raw;
mod refusals;
mod shell;
mod stage;
mod terminals;
mod usage;
