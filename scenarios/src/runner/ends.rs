//! What the observer sees as ended its client has not heard of yet: a client that tells what it was told
//! is right until then. So the next move waits until it was.

use std::time::Duration;

use driver_protocol::{Capability, Lifecycle, Notice};
use tokio::time::{Instant, timeout_at};

use super::case::Stage;
use crate::model::{Move, container_id};

/// How long news may take that may never come.
const NEWS_LIMIT: Duration = Duration::from_millis(500);

impl Stage<'_> {
    /// After a move at which the observer saw this: when the task had not been seen to be stopped before,
    /// the client has heard how it ended, or had the time to.
    pub(super) async fn let_it_be_heard(&mut self, play: &Move, seen: Option<Lifecycle>) {
        let Some(slot) = play.container().filter(|_| seen == Some(Lifecycle::Stopped)) else {
            return;
        };
        let of_slot = |number: Option<u8>| number == Some(slot);
        let before =
            self.trace.moves.iter().rev().find(|one| of_slot(one.forecast.play().container()));
        if before.is_some_and(|one| one.seen == Some(Some(Lifecycle::Stopped))) {
            return;
        }
        // After a fault, and of what ended before this client came, it may never be told.
        let tells = self.driver.hello().capabilities.contains(&Capability::Exits);
        if !tells || self.script.faulty() || self.connects.len() > 1 {
            return;
        }
        let until = Instant::now() + NEWS_LIMIT;
        let exits = self.exits(slot, until).await;
        let container = container_id(slot);
        let of_it = |notice: &Notice| {
            let Notice::Exit { container: whose, exec, .. } = notice;
            *whose == container && exec.is_none()
        };
        // In time or not: what it tells is judged by what it is asked.
        let _ = timeout_at(
            until,
            self.notices
                .come(|all| all.iter().filter(|(_, notice)| of_it(notice)).count() >= exits),
        )
        .await;
    }

    /// How many ends of the task of a container the observer heard of, the last one's among them.
    async fn exits(&self, slot: u8, until: Instant) -> usize {
        let (target, container) = (&*self.arm.target, container_id(slot));
        loop {
            let events = target.events(&self.namespace);
            let own = events.iter().filter(|event| event.container == container);
            let own = own.filter(|event| event.exec.is_none());
            let exits = own.clone().filter(|event| event.topic == "/tasks/exit").count();
            let mut turns =
                own.filter(|event| ["/tasks/exit", "/tasks/create"].contains(&&*event.topic));
            let left = until.saturating_duration_since(Instant::now());
            if turns.next_back().is_some_and(|event| event.topic == "/tasks/exit") || left.is_zero()
            {
                return exits;
            }
            target.events_changed(&self.namespace, events.len(), left).await;
        }
    }
}
