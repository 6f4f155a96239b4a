//! Standard streams, on the mock as each version, and on real containerds where they can run.
//!
//! Real ones need root and what `ci/fetch` brings; what cannot run says so.

mod arm;
mod attaching;
mod endings;
mod failures;
mod gathering;
mod logs;
#[path = "../stand/server.rs"]
mod stand;
mod streams;
