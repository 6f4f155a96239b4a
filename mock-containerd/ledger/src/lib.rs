//! Counts gRPC calls: what was started, how it ended, who owns it.
//!
//! A [`Ledger`] is filled by whoever sees the calls: the [`LedgerLayer`] inside a server, or a tap
//! on its socket. Calls, relayed chunks and [`Mark`]s take their numbers from one counter, so that
//! "before" and "after" have a meaning without looking at a clock.
//!
//! ```
//! use rpc_ledger::{Code, Ledger, Opening, Rpc};
//!
//! let ledger = Ledger::new();
//! let before = ledger.counts();
//! let call = ledger.start(Opening::of(Rpc::from_path("/containerd.services.tasks.v1.Tasks/Exec")));
//! call.finish(Code::OK);
//! let made = ledger.counts() - before;
//! assert_eq!(made.started_by_short_name()["Tasks/Exec"], 1);
//! ```

mod call;
mod change;
mod code;
mod counts;
mod ids;
mod layer;
mod ledger;
mod owner;
mod rows;
mod rpc;

pub use call::{Call, CallRecord, Ended, Injection, Opening};
pub use change::Changed;
pub use code::Code;
pub use counts::{Count, Counts};
pub use ids::{ConnectionId, Mark, Seq, StepId};
pub use layer::{LedgerBody, LedgerFuture, LedgerLayer, LedgerService};
pub use ledger::Ledger;
pub use owner::{ConnectSpan, Owner, StepSpan, assign};
pub use rpc::Rpc;
