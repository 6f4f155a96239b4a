//! The book behind its lock, and who is told what was learned.

use std::sync::{Arc, Mutex};

use tokio::sync::{mpsc, watch};

use super::book::{Book, execs};
use super::{Connection, Incarnation, News, Waits};
use crate::events::Told;

#[derive(Debug)]
pub(crate) struct Registry {
    // Never held over an await.
    book: Mutex<Book>,
    news: News,
    waits: Waits,
    unresolved: mpsc::UnboundedSender<Arc<Incarnation>>,
    connection: watch::Sender<Connection>,
}

impl Registry {
    /// Whoever is past without a known end goes to `unresolved`, to be resolved when no event has
    /// told it after a while.
    pub(crate) fn new(unresolved: mpsc::UnboundedSender<Arc<Incarnation>>) -> Self {
        Self {
            book: Mutex::default(),
            news: News::default(),
            waits: Waits::default(),
            unresolved,
            connection: watch::Sender::new(Connection::Live { resyncs: 0 }),
        }
    }

    pub(super) fn look<T>(&self, look: impl FnOnce(&Book) -> T) -> T {
        look(&self.book.lock().expect("nothing panics while it holds the book"))
    }

    pub(super) fn change<T>(&self, change: impl FnOnce(&mut Book) -> T) -> T {
        let mut book = self.book.lock().expect("nothing panics while it holds the book");
        let result = change(&mut book);
        // Told under the lock: in the order in which it was learned.
        for news in book.news.drain(..) {
            self.news.tell(news);
        }
        for one in book.unresolved.drain(..) {
            // Nobody resolves anything once the client is gone.
            let _ = self.unresolved.send(one);
        }
        result
    }

    /// An event.
    pub(crate) fn hear(&self, told: Told) {
        self.change(|book| book.hear(told));
    }

    /// No event has told how it ended.
    pub(crate) fn resolve(&self, one: &Arc<Incarnation>) {
        self.change(|book| book.resolve(one));
    }

    /// The task that bears this name.
    pub(crate) fn current(&self, container: &str) -> Option<Arc<Incarnation>> {
        self.look(|book| book.get(container)?.current().cloned())
    }

    /// Whether an exec of this id is known to be there, running or ended and not deleted yet.
    pub(crate) fn has_exec(&self, task: &Incarnation, id: &str) -> bool {
        self.look(|_| execs(task).get(id).is_some_and(|lineage| lineage.current().is_some()))
    }

    /// The task that bore this name last.
    pub(crate) fn latest(&self, container: &str) -> Option<Arc<Incarnation>> {
        self.look(|book| book.get(container)?.latest().cloned())
    }

    /// Whether it is known for sure that a container has no task. While the stream is lost nothing
    /// is: another client may create one.
    pub(crate) fn is_empty(&self, container: &str) -> bool {
        self.is_live() && self.look(|book| book.get(container).is_some_and(|one| one.is_empty()))
    }

    /// The latest bearer of each exec id of a task, by id.
    pub(crate) fn execs(&self, task: &Incarnation) -> Vec<Arc<Incarnation>> {
        self.look(|_| execs(task).all().cloned().collect())
    }

    pub(crate) fn news(&self) -> &News {
        &self.news
    }

    pub(crate) fn waits(&self) -> &Waits {
        &self.waits
    }

    pub(crate) fn connection(&self) -> &watch::Sender<Connection> {
        &self.connection
    }

    pub(crate) fn is_live(&self) -> bool {
        matches!(*self.connection.borrow(), Connection::Live { .. })
    }
}
