//! Images, on the mock as each version, and on real containerds where they can run: what each step
//! costs, what is left, and what another client's deletions do.
//!
//! Real ones need root and what `ci/fetch` brings, and `ci/tiny-image` needs python3 and busybox;
//! what cannot run says so.

mod archive;
mod arm;
mod broken;
mod company;
mod costs;
mod faults;
mod gate;
mod inventory;
mod labels;
mod lives;
mod platforms;
mod races;
#[path = "../stand/server.rs"]
mod stand;
