//! A stand that is right, and a wrapper around it that sees something else.

use std::path::Path;
use std::time::Duration;

use driver_protocol::{ContainerId, Lifecycle, Pending};
use laconic_scenarios::{Closing, Event, Injected, Target, TargetFault};
use rpc_ledger::{CallRecord, Ledger, Mark};
use run_record::TargetRef;

/// What the wrapper gets wrong.
#[derive(Clone, Copy)]
pub(crate) enum Warp {
    /// Nothing.
    Nothing,
    /// What was made to go wrong is not said.
    Unsaid,
    /// Calls of a method are not seen, and yet are in the total.
    Misses(&'static str),
    /// The total of a method is one too many.
    Adds(&'static str),
    /// The observer sees a task in another state.
    Sees(fn(Option<Lifecycle>) -> Option<Lifecycle>),
    /// The observer sees other events.
    Hears(fn(Vec<Event>) -> Vec<Event>),
    /// Something is left that nobody made.
    Finds(&'static str),
    /// It dies once a case has begun.
    Dies,
    /// The tap never has read all that passed.
    Lags,
}

pub(crate) struct Warped {
    pub(crate) inner: Box<dyn Target>,
    pub(crate) warp: Warp,
}

impl Target for Warped {
    fn describe(&self) -> TargetRef {
        self.inner.describe()
    }

    fn socket(&self) -> &Path {
        self.inner.socket()
    }

    fn rootfs(&self) -> Option<&Path> {
        self.inner.rootfs()
    }

    fn archive(&self) -> Result<&Path, String> {
        self.inner.archive()
    }

    fn can_checkpoint(&self) -> Result<(), String> {
        self.inner.can_checkpoint()
    }

    fn folder(&self) -> &Path {
        self.inner.folder()
    }

    fn namespace(&self, case: usize) -> String {
        self.inner.namespace(case)
    }

    fn ledger(&self) -> &Ledger {
        self.inner.ledger()
    }

    fn begin(&self, namespace: &str, case: &str, faulty: bool) {
        self.inner.begin(namespace, case, faulty);
    }

    /// What goes wrong here is the mutant's doing alone.
    fn provoke(&self, _: &str, _: &str) -> Result<(), String> {
        Err("nothing but the mutant goes wrong in a selftest".to_owned())
    }

    fn injected(&self, namespace: &str) -> Vec<Injected> {
        match self.warp {
            Warp::Unsaid => Vec::new(),
            _ => self.inner.injected(namespace),
        }
    }

    fn calls(&self, namespace: &str, from: Mark, to: Mark) -> Result<Vec<CallRecord>, TargetFault> {
        let mut calls = self.inner.calls(namespace, from, to)?;
        match self.warp {
            Warp::Unsaid => calls.iter_mut().for_each(|call| call.injected = false),
            Warp::Misses(method) => calls.retain(|call| call.rpc.short() != method),
            _ => {}
        }
        Ok(calls)
    }

    fn serves(&self) -> Pending<'_, Result<(), TargetFault>> {
        self.inner.serves()
    }

    fn caught_up(&self, mark: Mark) -> Pending<'_, Result<(), TargetFault>> {
        match self.warp {
            Warp::Lags => Box::pin(std::future::pending()),
            _ => self.inner.caught_up(mark),
        }
    }

    fn hung_up(&self) -> Pending<'_, ()> {
        self.inner.hung_up()
    }

    fn died(&self) -> Pending<'_, TargetFault> {
        match self.warp {
            Warp::Dies => Box::pin(async { TargetFault::Died("it was told to".to_owned()) }),
            _ => self.inner.died(),
        }
    }

    fn task<'a>(
        &'a self,
        namespace: &'a str,
        container: &'a ContainerId,
    ) -> Pending<'a, Result<Option<Lifecycle>, TargetFault>> {
        Box::pin(async move {
            let seen = self.inner.task(namespace, container).await?;
            Ok(match self.warp {
                Warp::Sees(otherwise) => otherwise(seen),
                _ => seen,
            })
        })
    }

    fn missed(&self) -> Option<String> {
        self.inner.missed()
    }

    fn events(&self, namespace: &str) -> Vec<Event> {
        let events = self.inner.events(namespace);
        match self.warp {
            Warp::Hears(otherwise) => otherwise(events),
            _ => events,
        }
    }

    fn events_changed<'a>(
        &'a self,
        namespace: &'a str,
        seen: usize,
        limit: Duration,
    ) -> Pending<'a, ()> {
        let seen = match self.warp {
            // As many as there are, whatever is heard of them.
            Warp::Hears(_) => self.inner.events(namespace).len(),
            _ => seen,
        };
        self.inner.events_changed(namespace, seen, limit)
    }

    fn leftovers<'a>(
        &'a self,
        namespace: &'a str,
    ) -> Pending<'a, Result<Vec<String>, TargetFault>> {
        Box::pin(async move {
            let mut left = self.inner.leftovers(namespace).await?;
            if let Warp::Finds(more) = self.warp {
                left.push(more.to_owned());
            }
            Ok(left)
        })
    }

    fn clean_up<'a>(&'a self, namespace: &'a str) -> Pending<'a, Result<(), TargetFault>> {
        self.inner.clean_up(namespace)
    }

    fn close(self: Box<Self>) -> Pending<'static, Result<Closing, TargetFault>> {
        let warp = self.warp;
        Box::pin(async move {
            let mut closing = self.inner.close().await?;
            if let Warp::Adds(method) = warp {
                *closing.player.entry(method.to_owned()).or_default() += 1;
            }
            Ok(closing)
        })
    }
}
