//! Which chunks have been relayed and not yet read.

use std::collections::BTreeSet;
use std::sync::Mutex;

use rpc_ledger::{Ledger, Mark, Seq};
use tokio::sync::watch;

/// Shared by all connections of a tap.
#[derive(Debug)]
pub(crate) struct Progress {
    ledger: Ledger,
    // Held while a number is taken, so that a mark taken later finds the chunk in here.
    unread: Mutex<BTreeSet<Seq>>,
    read: watch::Sender<u64>,
}

impl Progress {
    pub(crate) fn new(ledger: Ledger) -> Self {
        Self { ledger, unread: Mutex::default(), read: watch::Sender::new(0) }
    }

    /// Numbers a chunk as it is read from a socket.
    pub(crate) fn relayed(&self) -> Seq {
        let mut unread = self.unread.lock().expect("nothing panics while it holds this lock");
        let seq = self.ledger.next_seq();
        unread.insert(seq);
        seq
    }

    /// The reader has done with a chunk, or never will.
    pub(crate) fn read(&self, seq: Seq) {
        self.unread.lock().expect("nothing panics while it holds this lock").remove(&seq);
        self.read.send_modify(|count| *count += 1);
    }

    /// Done when every chunk numbered before the mark has been read.
    pub(crate) async fn caught_up(&self, mark: Mark) {
        let mut read = self.read.subscribe();
        loop {
            read.borrow_and_update();
            let first = {
                let unread = self.unread.lock().expect("nothing panics while it holds this lock");
                unread.first().copied()
            };
            if first.is_none_or(|seq| seq > mark.seq()) {
                return;
            }
            // The sender lives in self.
            let _ = read.changed().await;
        }
    }
}
