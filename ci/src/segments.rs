//! Stretches of what passed a tap, between one mark and the next.

use std::sync::{Arc, Mutex};

use rpc_ledger::{CallRecord, Mark};
use rpc_spy::Tap;
use run_record::Rpcs;

/// What comes before the first mark.
const FIRST: &str = "start";

/// A stretch, with the calls that began in it.
pub(crate) struct Segment {
    pub(crate) name: String,
    pub(crate) calls: Vec<CallRecord>,
}

impl Segment {
    /// Calls by method.
    pub(crate) fn rpcs(&self) -> Rpcs {
        let mut rpcs = Rpcs::new();
        for call in &self.calls {
            *rpcs.entry(call.rpc.short()).or_default() += 1;
        }
        rpcs
    }
}

/// The marks so far; cheap to clone.
#[derive(Clone)]
pub(crate) struct Segments {
    tap: Arc<Tap>,
    marks: Arc<Mutex<Vec<(String, Mark)>>>,
}

impl Segments {
    /// Begins the first.
    pub(crate) fn begin(tap: Arc<Tap>) -> Self {
        let first = (FIRST.to_owned(), tap.mark());
        Self { tap, marks: Arc::new(Mutex::new(vec![first])) }
    }

    /// Ends one and begins the next. Done once all that passed before has been read.
    pub(crate) async fn mark(&self, name: String) {
        let mark = self.tap.mark();
        self.marks.lock().expect("nothing panics while it adds a mark").push((name, mark));
        self.tap.caught_up(mark).await;
    }

    /// All of them, up to now.
    pub(crate) async fn all(&self) -> Vec<Segment> {
        let end = self.tap.mark();
        self.tap.caught_up(end).await;
        let marks = self.marks.lock().expect("nothing panics while it adds a mark").clone();
        let ends = marks.iter().skip(1).map(|(_, mark)| *mark).chain([end]);
        let ledger = self.tap.ledger();
        marks
            .iter()
            .zip(ends)
            .map(|((name, from), to)| {
                let calls = ledger.calls_between(*from, to);
                Segment { name: name.clone(), calls }
            })
            // Whoever marks at once has nothing to say of what was before.
            .filter(|segment| segment.name != FIRST || !segment.calls.is_empty())
            .collect()
    }
}
