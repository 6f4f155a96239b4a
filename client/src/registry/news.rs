//! Exits that nobody has been told of yet.

use std::collections::VecDeque;
use std::sync::Mutex;

use tokio::sync::Notify;

use super::Exit;

/// So many exits wait to be told; then the oldest is given up for the newest.
const UNTOLD_MAX: usize = 1 << 16;

/// An exit, told once.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ExitNews {
    /// Whose.
    pub container: String,
    /// Which exec; `None`: the init.
    pub exec: Option<String>,
    /// How.
    pub exit: Exit,
}

#[derive(Debug, Default)]
pub(crate) struct News {
    // Never held over an await.
    untold: Mutex<VecDeque<ExitNews>>,
    more: Notify,
}

impl News {
    pub(super) fn tell(&self, news: ExitNews) {
        let mut untold = self.untold.lock().expect("nothing panics while it holds the news");
        if untold.len() == UNTOLD_MAX {
            untold.pop_front();
            tracing::warn!(most = UNTOLD_MAX, "nobody asks for exits: the oldest is given up");
        }
        untold.push_back(news);
        drop(untold);
        self.more.notify_one();
    }

    pub(crate) async fn next(&self) -> ExitNews {
        loop {
            let more = self.more.notified();
            let first = {
                let mut untold =
                    self.untold.lock().expect("nothing panics while it holds the news");
                let first = untold.pop_front();
                if !untold.is_empty() {
                    // Somebody else may be waiting, too.
                    self.more.notify_one();
                }
                first
            };
            match first {
                Some(first) => return first,
                None => more.await,
            }
        }
    }
}
