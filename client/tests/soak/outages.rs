//! When the daemon was away.

use std::sync::Mutex;

/// Before it was killed, it may not have told what had ended already.
const UNTOLD_NS: i64 = 2_000_000_000;

/// By the clock of files.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Outage {
    pub(crate) killed_ns: i64,
    /// Its socket was served again.
    pub(crate) up_ns: i64,
    /// The client had compared everything.
    pub(crate) live_ns: i64,
}

#[derive(Default)]
pub(crate) struct Outages {
    past: Mutex<Vec<Outage>>,
    /// When calls were made that had no answer.
    unanswered: Mutex<Vec<(i64, String)>>,
}

impl Outages {
    pub(crate) fn add(&self, outage: Outage) {
        self.past.lock().unwrap().push(outage);
    }

    pub(crate) fn all(&self) -> Vec<Outage> {
        self.past.lock().unwrap().clone()
    }

    pub(crate) fn unanswered(&self, at_ns: i64, what: String) {
        self.unanswered.lock().unwrap().push((at_ns, what));
    }

    pub(crate) fn unanswered_count(&self) -> usize {
        self.unanswered.lock().unwrap().len()
    }

    /// Calls without an answer while the daemon was there.
    pub(crate) fn without_cause(&self) -> Vec<String> {
        let past = self.all();
        let within = |at: i64| past.iter().any(|one| (one.killed_ns..=one.live_ns).contains(&at));
        let calls = self.unanswered.lock().unwrap();
        calls.iter().filter(|(at, _)| !within(*at)).map(|(_, what)| what.clone()).collect()
    }

    /// Whether what ended then may have ended unheard: while the daemon was down, or so shortly
    /// before that it was stopped when the next one looked.
    pub(crate) fn may_have_hidden(&self, ended_ns: i64) -> bool {
        let hides = |one: &Outage| (one.killed_ns - UNTOLD_NS..=one.up_ns).contains(&ended_ns);
        self.all().iter().any(hides)
    }
}
