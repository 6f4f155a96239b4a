//! The calls that a ledger keeps in detail, in the order in which they were entered. A row stays
//! where it was written while its call goes on and after it, and holds nothing of its own that most
//! calls do not have: a busy ledger writes millions.

use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;

use crate::call::Way;
use crate::{ConnectionId, Ended, Seq};

/// What is kept of one call.
#[derive(Debug)]
pub(crate) struct Row {
    pub(crate) seq: Seq,
    /// Of this one and of all before it: several that begin at once may be entered in another order.
    highest: Seq,
    /// The number that the ledger gave its method.
    pub(crate) method: usize,
    pub(crate) connection: ConnectionId,
    /// Shared with the call before it.
    pub(crate) namespace: Option<Arc<str>>,
    pub(crate) traceparent: Option<Box<str>>,
    pub(crate) injected: bool,
    pub(crate) started_us: u64,
    /// How it ended, and after how many microseconds.
    pub(crate) ended: Option<(Ended, u64)>,
    pub(crate) request: Passed,
    pub(crate) reply: Passed,
}

/// What went one way.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Passed {
    pub(crate) bytes: u64,
    pub(crate) hash: u64,
}

impl Row {
    pub(crate) fn new(seq: Seq, method: usize, connection: ConnectionId, started_us: u64) -> Self {
        Self {
            seq,
            highest: seq,
            method,
            connection,
            namespace: None,
            traceparent: None,
            injected: false,
            started_us,
            ended: None,
            request: Passed::default(),
            reply: Passed::default(),
        }
    }

    pub(crate) fn passed(&mut self, way: Way) -> &mut Passed {
        match way {
            Way::Request => &mut self.request,
            Way::Reply => &mut self.reply,
        }
    }
}

/// All rows that are kept: those of calls in flight, and the latest of those that are over.
#[derive(Debug)]
pub(crate) struct Rows {
    kept: VecDeque<Row>,
    /// The number of the first of these.
    first: u64,
    /// Calls in flight from before these.
    elder: BTreeMap<u64, Row>,
    open: usize,
    ended_max: usize,
    dropped: u64,
}

impl Rows {
    pub(crate) fn new(ended_max: usize) -> Self {
        let (kept, elder) = (VecDeque::new(), BTreeMap::new());
        Self { kept, first: 0, elder, open: 0, ended_max, dropped: 0 }
    }

    /// Calls in flight.
    pub(crate) fn open(&self) -> u64 {
        self.open as u64
    }

    /// Calls that are over and no longer kept.
    pub(crate) fn dropped(&self) -> u64 {
        self.dropped
    }

    /// Enters a call, and numbers it.
    pub(crate) fn enter(&mut self, row: Row) -> u64 {
        let before = self.kept.back().map_or(row.seq, |last| last.highest);
        let number = self.first + self.kept.len() as u64;
        self.open += 1;
        self.kept.push_back(Row { highest: row.seq.max(before), ..row });
        number
    }

    /// `None`: it is no longer kept.
    pub(crate) fn get_mut(&mut self, number: u64) -> Option<&mut Row> {
        match number.checked_sub(self.first) {
            Some(place) => self.kept.get_mut(usize::try_from(place).ok()?),
            None => self.elder.get_mut(&number),
        }
    }

    /// A call in flight is over.
    pub(crate) fn end(&mut self, number: u64, ended: Ended, now_us: u64) {
        let Some(row) = self.get_mut(number) else { return };
        row.ended = Some((ended, now_us.saturating_sub(row.started_us)));
        self.open -= 1;
        if self.elder.remove(&number).is_some() {
            self.dropped += 1;
        }
        self.forget();
    }

    fn forget(&mut self) {
        while self.kept.len() + self.elder.len() - self.open > self.ended_max {
            let Some(row) = self.kept.pop_front() else { return };
            match row.ended {
                Some(_) => self.dropped += 1,
                None => drop(self.elder.insert(self.first, row)),
            }
            self.first += 1;
        }
    }

    /// Those that were started from one position on, and before another if there is one, in order.
    pub(crate) fn between(&self, from: Seq, before: Option<Seq>) -> Vec<&Row> {
        let skipped = self.kept.partition_point(|row| row.highest < from);
        let wanted = |row: &&Row| row.seq >= from && before.is_none_or(|before| row.seq < before);
        let all = self.elder.values().chain(self.kept.range(skipped..));
        let mut rows: Vec<&Row> = all.filter(wanted).collect();
        // Those of one position stay in the order in which they were entered.
        rows.sort_by_key(|row| row.seq);
        rows
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Code;
    use proptest::prelude::*;

    const OK: Ended = Ended::Finished(Code::OK);

    fn row(seq: u64) -> Row {
        Row::new(Seq::new(seq), 0, ConnectionId::default(), 0)
    }

    #[test]
    fn a_call_in_flight_is_found_whatever_was_forgotten_around_it() {
        let mut rows = Rows::new(1);
        let open = rows.enter(row(1));
        for seq in 2..6 {
            let number = rows.enter(row(seq));
            rows.end(number, OK, 0);
        }
        rows.get_mut(open).unwrap().injected = true;
        let kept: Vec<u64> =
            rows.between(Seq::new(0), None).iter().map(|r| r.seq.number()).collect();
        assert_eq!((kept, rows.dropped(), rows.open()), (vec![1, 5], 3, 1));
        rows.end(open, OK, 0);
        assert_eq!((rows.dropped(), rows.open()), (4, 0));
        assert!(rows.get_mut(open).is_none());
    }

    proptest! {
        #[test]
        fn rows_between_two_positions_are_those_that_a_look_at_all_would_find(
            seqs in proptest::collection::vec(1u64..40, 0..40), from in 0u64..41, length in 0u64..41,
        ) {
            let mut rows = Rows::new(usize::MAX);
            for seq in &seqs {
                rows.enter(row(*seq));
            }
            let mut wanted: Vec<u64> = seqs;
            wanted.retain(|seq| (from..from + length).contains(seq));
            wanted.sort_unstable();
            let found = rows.between(Seq::new(from), Some(Seq::new(from + length)));
            let found: Vec<u64> = found.iter().map(|row| row.seq.number()).collect();
            prop_assert_eq!(found, wanted);
        }
    }
}
