//! What was injected into a case, asked of the mock or of the proxy before a real one: its faults by
//! namespace, and which of the calls that the tap saw they had a hand in.

use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard};

use laconic_scenarios::{Injected, Reach, TargetFault};
use mock_containerd::faults::{Act, Effect, EventFault, Fired, Proxy};
use mock_containerd::{Faults, MockContainerd};
use rpc_ledger::{CallRecord, ConnectionId, Ended, Ledger, Mark};
use rpc_spy::Tap;

/// Who makes things go wrong, and the tap before it.
#[derive(Clone, Copy)]
pub(crate) enum Faulty<'s> {
    Mock(&'s MockContainerd, &'s Tap),
    Proxy(&'s Proxy, &'s Tap),
}

impl<'s> Faulty<'s> {
    fn ledger(self) -> &'s Ledger {
        match self {
            Self::Mock(mock, _) => mock.ledger(),
            Self::Proxy(proxy, _) => proxy.ledger(),
        }
    }

    /// The tap dials in the order in which it numbers, and they number as they accept: theirs, and the
    /// tap's of the same connection.
    fn pairs(self) -> BTreeMap<ConnectionId, ConnectionId> {
        let (own, tap) = match self {
            Self::Mock(mock, tap) => (mock.connections(), tap),
            Self::Proxy(proxy, tap) => (proxy.connections(), tap),
        };
        own.into_iter().zip(tap.connections().into_iter().map(|info| info.connection)).collect()
    }

    fn enter(self, namespace: &str, name: &str) {
        match self {
            Self::Mock(mock, _) => mock.faults().enter(namespace, name),
            Self::Proxy(proxy, _) => proxy.enter(namespace, name),
        }
    }

    fn leave(self, namespace: &str) {
        match self {
            Self::Mock(mock, _) => mock.faults().leave(namespace),
            Self::Proxy(proxy, _) => proxy.leave(namespace),
        }
    }

    fn add(self, faults: Faults) {
        match self {
            Self::Mock(mock, _) => mock.faults().add(faults),
            Self::Proxy(proxy, _) => proxy.add(faults),
        }
    }

    fn clear(self) {
        match self {
            Self::Mock(mock, _) => mock.faults().clear(),
            Self::Proxy(proxy, _) => proxy.clear(),
        }
    }

    fn fired_in(self, namespace: &str) -> Vec<Fired> {
        match self {
            Self::Mock(mock, _) => mock.faults().fired_in(namespace),
            Self::Proxy(proxy, _) => proxy.fired_in(namespace),
        }
    }

    /// Faults that nothing has set off, as they are written.
    pub(crate) fn unfired(self) -> Vec<String> {
        match self {
            Self::Mock(mock, _) => mock.faults().unfired(),
            Self::Proxy(proxy, _) => proxy.unfired(),
        }
    }
}

/// Where the cases that are under way began in the ledger of who makes things go wrong.
#[derive(Debug, Default)]
pub(crate) struct Injections {
    begun: Mutex<BTreeMap<String, Mark>>,
    /// The case in which something was made to go wrong beyond what is written in a file.
    provoked: Mutex<Option<String>>,
}

impl Injections {
    fn begun(&self) -> MutexGuard<'_, BTreeMap<String, Mark>> {
        self.begun.lock().expect("nothing panics while it holds the marks")
    }

    /// A case begins: what is drawn in it is drawn for its name.
    pub(crate) fn begin(&self, faulty: Faulty<'_>, namespace: &str, case: &str) {
        faulty.enter(namespace, case);
        self.begun().insert(namespace.to_owned(), faulty.ledger().mark());
    }

    fn provoked(&self) -> MutexGuard<'_, Option<String>> {
        self.provoked.lock().expect("nothing panics while it holds the name")
    }

    /// Makes something go wrong, of which the occasions are counted from now on.
    pub(crate) fn provoke(&self, faulty: Faulty<'_>, namespace: &str, faults: Faults) {
        faulty.add(faults);
        *self.provoked() = Some(namespace.to_owned());
    }

    /// What fired since.
    pub(crate) fn of(&self, faulty: Faulty<'_>, namespace: &str) -> Vec<Injected> {
        faulty.fired_in(namespace).iter().map(told).collect()
    }

    /// The case is over.
    pub(crate) fn end(&self, faulty: Faulty<'_>, namespace: &str) {
        faulty.leave(namespace);
        // What nothing set off is not for the next case.
        if self.provoked().take_if(|case| case == namespace).is_some() {
            faulty.clear();
        }
        self.begun().remove(namespace);
    }

    /// Marks the tap's calls of a case that were marked in that ledger.
    pub(crate) fn mark(
        &self,
        faulty: Faulty<'_>,
        namespace: &str,
        mut calls: Vec<CallRecord>,
    ) -> Result<Vec<CallRecord>, TargetFault> {
        let Some(from) = self.begun().get(namespace).copied() else { return Ok(calls) };
        let layer = faulty.ledger().calls_between(from, faulty.ledger().mark());
        if !layer.iter().any(|call| call.injected) {
            return Ok(calls);
        }
        let pairs = faulty.pairs();
        let mut by_connection: BTreeMap<ConnectionId, Vec<&CallRecord>> = BTreeMap::new();
        for call in &layer {
            if let Some(tapped) = pairs.get(&call.connection) {
                by_connection.entry(*tapped).or_default().push(call);
            }
        }
        for (connection, layer) in by_connection {
            let tapped = calls.iter_mut().filter(|call| call.connection == connection);
            if let Some(lost) = pair(tapped, &layer) {
                let what = format!("{} of connection {connection}", lost.rpc.path());
                return Err(TargetFault::Observer {
                    action: format!("find the call {what} among those of the tap"),
                    cause: "it was counted behind the tap, and the tap has not seen it".to_owned(),
                });
            }
        }
        Ok(calls)
    }
}

/// Calls reach a layer in the order of their headers, but for those that were reset or whose
/// connection was cut before they came to it. Returns what finds no partner.
fn pair<'l>(
    mut tapped: impl Iterator<Item = impl std::ops::DerefMut<Target = CallRecord>>,
    layer: &[&'l CallRecord],
) -> Option<&'l CallRecord> {
    for call in layer {
        let found = tapped.by_ref().find(|seen| {
            let same = seen.rpc == call.rpc && seen.namespace == call.namespace;
            let unseen = matches!(seen.ended, Some(Ended::Broken | Ended::Cancelled));
            same || !unseen
        });
        match found {
            Some(mut seen) if seen.rpc == call.rpc => seen.injected = call.injected,
            _ => return Some(call),
        }
    }
    None
}

/// Without namespace and connection: the same in every run.
pub(crate) fn told(fired: &Fired) -> Injected {
    let Fired { occasion, effect, done, origin, .. } = fired;
    let reach = match effect {
        Effect::Call(Act::Off | Act::Delay(_)) => Reach::Call,
        Effect::Call(Act::Error { .. }) => Reach::Doubt,
        Effect::Cut(_) | Effect::Event(EventFault::Duplicate) => Reach::Link,
        Effect::Event(EventFault::Lose | EventFault::Delay(_) | EventFault::SwapNext) => {
            Reach::News
        }
        Effect::Daemon(_) => Reach::World,
    };
    Injected { what: format!("{occasion}: {done} ({origin})"), reach }
}

#[cfg(test)]
mod tests {
    use super::*;
    use rpc_ledger::{Code, Ledger, Opening, Rpc};

    /// `+` after a method: injected; `!`: broken.
    fn calls(methods: &[&str]) -> Vec<CallRecord> {
        let ledger = Ledger::new();
        for method in methods {
            let rpc = Rpc::from_path(method.trim_end_matches(['+', '!']));
            let injected = method.ends_with('+');
            let call = ledger.start(Opening { injected, ..Opening::of(rpc) });
            if method.ends_with('!') { call.broken() } else { call.finish(Code::OK) }
        }
        ledger.calls()
    }

    fn paired(tap: &[&str], layer: &[&str]) -> Option<Vec<bool>> {
        let (mut tap, layer) = (calls(tap), calls(layer));
        let layer: Vec<&CallRecord> = layer.iter().collect();
        let lost = pair(tap.iter_mut(), &layer);
        lost.is_none().then(|| tap.iter().map(|call| call.injected).collect())
    }

    #[test]
    fn calls_are_paired_in_their_order() {
        let marked = paired(&["/A/a", "/A/b", "/A/a"], &["/A/a", "/A/b", "/A/a+"]);
        assert_eq!(marked, Some(vec![false, false, true]));
    }

    #[test]
    fn a_call_that_was_reset_before_it_came_is_passed_over() {
        let marked = paired(&["/A/b!", "/A/a", "/A/b!"], &["/A/a+"]);
        assert_eq!(marked, Some(vec![false, true, false]));
    }

    #[test]
    fn a_call_that_the_tap_has_not_seen_is_told() {
        assert_eq!(paired(&["/A/a"], &["/A/b+"]), None);
        assert_eq!(paired(&["/A/a"], &["/A/a", "/A/a"]), None);
    }
}
