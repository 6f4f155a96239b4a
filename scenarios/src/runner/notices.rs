//! What a driver says unasked, collected beside the steps.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use driver_protocol::{Driver, Notice};
use rpc_ledger::{Ledger, Mark};
use run_record::Verdict;
use tokio::sync::watch;
use tokio::time::timeout;

use crate::Event;
use crate::checks::{Made, judge_notices, judge_notices_after_faults};

/// How long a driver may take to tell an exit that the observer has seen.
const NOTICE_LIMIT_MS: u64 = 5_000;

/// Notices of one driver.
pub(super) struct Notices {
    heard: Arc<Mutex<Vec<(Mark, Notice)>>>,
    count: watch::Receiver<usize>,
    listener: tokio::task::JoinHandle<()>,
}

impl Notices {
    /// Listens until the driver has no more to say.
    pub(super) fn of(driver: Arc<dyn Driver>, ledger: &Ledger) -> Self {
        let ledger = ledger.clone();
        let heard = Arc::new(Mutex::new(Vec::new()));
        let (told, count) = watch::channel(0);
        let into = heard.clone();
        let listener = tokio::spawn(async move {
            while let Some(notice) = driver.next_notice().await {
                let mut notices = into.lock().expect("nothing panics while it holds notices");
                notices.push((ledger.mark(), notice));
                told.send_replace(notices.len());
            }
        });
        Self { heard, count, listener }
    }

    /// After a fault an exit may have been kept from the driver; none may be told twice or wrongly. What
    /// went without a word may be told as unknown.
    pub(super) fn judge_after_faults(&self, events: &[Event], made: &Made) -> Verdict {
        judge_notices_after_faults(events, &self.heard(), made)
    }

    /// Holds the notices against the exits that the observer saw: each is told once, and rightly. An
    /// exit that the server did not tell may be told as unknown, of what there was: `made` holds how
    /// often each process came to be.
    pub(super) async fn judge(&mut self, events: &[Event], made: &Made) -> Verdict {
        let exits: Vec<&Event> =
            events.iter().filter(|event| event.topic == "/tasks/exit").collect();
        let enough = self.count.wait_for(|count| *count >= exits.len());
        let in_time = timeout(Duration::from_millis(NOTICE_LIMIT_MS), enough).await.is_ok();
        let limit_ms = (!in_time).then_some(NOTICE_LIMIT_MS);
        judge_notices(&exits, &self.heard(), made, limit_ms)
    }

    /// Waits until what was told is enough.
    pub(super) async fn come(&self, enough: impl Fn(&[(Mark, Notice)]) -> bool) {
        let mut count = self.count.clone();
        // Whoever has no more to say has said all.
        let _ = count.wait_for(|_| enough(&self.told())).await;
    }

    fn heard(&self) -> Vec<Notice> {
        self.told().into_iter().map(|(_, notice)| notice).collect()
    }

    /// What it told, and when.
    pub(super) fn told(&self) -> Vec<(Mark, Notice)> {
        self.heard.lock().expect("nothing panics while it holds notices").clone()
    }
}

impl Drop for Notices {
    fn drop(&mut self) {
        self.listener.abort();
    }
}
