//! Waiting for the events that a successful operation is owed.

use std::time::Duration;

use driver_protocol::{Operation, Outcome};
use run_record::Verdict;
use tokio::time::Instant;

use crate::checks::{Freedom, Owed, owed};
use crate::{Event, Target};

/// How long the server may take to send an event that it owes.
const EVENT_LIMIT_MS: u64 = 5_000;
/// How long one is waited for that it is free to lose, or that nobody may have heard: what is seen never
/// takes longer.
const FREE_LIMIT_MS: u64 = 500;

/// Done when all that is owed has come, or its time is up.
pub(super) async fn await_events(
    target: &dyn Target,
    namespace: &str,
    operation: &Operation,
    outcome: &Outcome,
) -> Verdict {
    let owed = owed(operation, outcome);
    let server = target.describe();
    let (free, due): (Vec<Owed>, Vec<Owed>) =
        owed.into_iter().partition(|owed| Freedom::with(&server, owed).is_some());
    if let Some(why) = target.missed() {
        let due = missing(target, namespace, &due, FREE_LIMIT_MS).await;
        let skipped = |due| Verdict::skip("events", format!("{} did not come; {why}", whose(due)));
        return due.map_or_else(|| Verdict::pass("events"), skipped);
    }
    if let Some(missing) = missing(target, namespace, &due, EVENT_LIMIT_MS).await {
        let detail = format!("{} did not come within {EVENT_LIMIT_MS} ms", whose(missing));
        return Verdict::fail("events", detail);
    }
    let lost = missing(target, namespace, &free, FREE_LIMIT_MS).await;
    match lost.and_then(|missing| Some((missing, Freedom::with(&server, missing)?))) {
        Some((missing, freedom)) => {
            let detail = format!("{} did not come; {}", whose(missing), freedom.words());
            Verdict::skip("events", detail)
        }
        None => Verdict::pass("events"),
    }
}

/// The first event that has not come in time.
async fn missing<'o>(
    target: &dyn Target,
    namespace: &str,
    owed: &'o [Owed],
    limit_ms: u64,
) -> Option<&'o Owed> {
    let limit = Instant::now() + Duration::from_millis(limit_ms);
    loop {
        let events = target.events(namespace);
        let absent = |owed: &&Owed| !events.iter().any(|event: &Event| owed.is(event));
        let missing = owed.iter().find(absent)?;
        let left = limit.saturating_duration_since(Instant::now());
        if left.is_zero() {
            return Some(missing);
        }
        target.events_changed(namespace, events.len(), left).await;
    }
}

fn whose(owed: &Owed) -> String {
    match &owed.exec {
        Some(exec) => format!("{} of exec {exec} of {}", owed.topic, owed.container),
        None => format!("{} of {}", owed.topic, owed.container),
    }
}
