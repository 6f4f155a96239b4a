//! What the mock answers, over gRPC and in memory, as its clients see it.

mod containers;
mod counts;
mod events;
mod expectations;
mod faults;
mod interleavings;
mod introspection;
mod io;
mod junk;
mod leases;
mod listener;
mod loggers;
mod methods;
mod namespaces;
mod pids;
mod processes;
mod queues;
mod raw;
mod refusals;
mod sandboxes;
mod shell;
mod shims;
mod stage;
mod terminals;
mod transfer;
mod usage;
