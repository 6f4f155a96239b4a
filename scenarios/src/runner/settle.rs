//! Coming to rest: a step ends when its calls have ended or are known open streams, and the tap's
//! reader has caught up.

use std::time::Duration;

use rpc_ledger::{CallRecord, Mark};
use tokio::time::{Instant, timeout, timeout_at};

use crate::{Target, TargetFault};

/// How long calls may go on after their step's outcome is in.
const SETTLE_LIMIT_MS: u64 = 10_000;

/// How long a client that was closed may take to hang up.
const HANG_UP_LIMIT_MS: u64 = 2_000;

/// How long nothing may be said before a client counts as quiet.
const QUIET_MS: u64 = 40;

/// Calls that are meant to stay open.
const OPEN_ENDED: [&str; 2] = ["Events/Subscribe", "Tasks/Wait"];

/// Which calls must have ended.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Rest {
    /// All but those that are meant to stay open.
    Answered,
    /// All, and whoever made them has hung up: a call that is on its way is one, too.
    Closed,
}

/// Waits until the calls since `from` are at rest.
pub(super) async fn settle(target: &dyn Target, from: Mark, rest: Rest) -> Result<(), TargetFault> {
    // What comes next meets a server that serves, and not by luck one that is away.
    target.serves().await?;
    let limit = Instant::now() + Duration::from_millis(SETTLE_LIMIT_MS);
    let ledger = target.ledger();
    if rest == Rest::Closed {
        // One that stays connected has been quiet before it was closed: its calls alone must end.
        let _ = timeout(Duration::from_millis(HANG_UP_LIMIT_MS), target.hung_up()).await;
    }
    loop {
        let changed = ledger.changed();
        let mark = ledger.mark();
        let caught_up = timeout_at(limit, target.caught_up(mark)).await;
        caught_up.map_err(|_| restless("the tap's reader".to_owned()))??;
        let calls = ledger.calls_between(from, ledger.mark());
        let Some(open) = calls.iter().find(|call| is_open(call, rest)) else {
            return Ok(());
        };
        let what = format!("{} (call {})", open.rpc.short(), open.seq);
        timeout_at(limit, changed).await.map_err(|_| restless(what))?;
    }
}

/// Waits until the client has said nothing for a while, and what it said is settled.
pub(super) async fn quiet(target: &dyn Target, from: Mark) -> Result<(), TargetFault> {
    let limit = Instant::now() + Duration::from_millis(SETTLE_LIMIT_MS);
    let ledger = target.ledger();
    while Instant::now() < limit {
        let changed = ledger.changed();
        // Not a wait for something to happen: the quiet itself is what is measured.
        if timeout(Duration::from_millis(QUIET_MS), changed).await.is_err() {
            return settle(target, from, Rest::Answered).await;
        }
    }
    Err(restless("the client".to_owned()))
}

fn is_open(call: &CallRecord, rest: Rest) -> bool {
    let ended = call.ended.is_some();
    let open_ended = OPEN_ENDED.contains(&call.rpc.short().as_str());
    !ended && (rest == Rest::Closed || !open_ended)
}

fn restless(what: String) -> TargetFault {
    TargetFault::Restless { what, limit_ms: SETTLE_LIMIT_MS }
}
