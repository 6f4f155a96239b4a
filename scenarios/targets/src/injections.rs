//! What was injected into a case, asked of the mock: its faults by namespace, and which of the calls
//! that the tap saw they had a hand in.

use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard};

use laconic_scenarios::{Injected, Reach, TargetFault};
use mock_containerd::faults::{Act, Effect, EventFault, Fired};
use mock_containerd::{Faults, MockContainerd};
use rpc_ledger::{CallRecord, ConnectionId, Ended, Mark};
use rpc_spy::Tap;

/// Where the cases that are under way began in the mock's own ledger.
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
    pub(crate) fn begin(&self, mock: &MockContainerd, namespace: &str, case: &str) {
        mock.faults().enter(namespace, case);
        self.begun().insert(namespace.to_owned(), mock.ledger().mark());
    }

    fn provoked(&self) -> MutexGuard<'_, Option<String>> {
        self.provoked.lock().expect("nothing panics while it holds the name")
    }

    /// Makes something go wrong, of which the occasions are counted from now on.
    pub(crate) fn provoke(
        &self,
        mock: &MockContainerd,
        namespace: &str,
        faults: &str,
    ) -> Result<(), String> {
        let faults = Faults::parse("step", faults).map_err(|error| error.to_string())?;
        mock.faults().add(faults);
        *self.provoked() = Some(namespace.to_owned());
        Ok(())
    }

    /// What fired since.
    pub(crate) fn of(&self, mock: &MockContainerd, namespace: &str) -> Vec<Injected> {
        mock.faults().fired_in(namespace).iter().map(told).collect()
    }

    /// The case is over.
    pub(crate) fn end(&self, mock: &MockContainerd, namespace: &str) {
        mock.faults().leave(namespace);
        // What nothing set off is not for the next case.
        if self.provoked().take_if(|case| case == namespace).is_some() {
            mock.faults().clear();
        }
        self.begun().remove(namespace);
    }

    /// Marks the tap's calls of a case that the mock marked in its own ledger.
    pub(crate) fn mark(
        &self,
        mock: &MockContainerd,
        namespace: &str,
        tap: &Tap,
        mut calls: Vec<CallRecord>,
    ) -> Result<Vec<CallRecord>, TargetFault> {
        let Some(from) = self.begun().get(namespace).copied() else { return Ok(calls) };
        let layer = mock.ledger().calls_between(from, mock.ledger().mark());
        if !layer.iter().any(|call| call.injected) {
            return Ok(calls);
        }
        // The tap dials in the order in which it numbers, and the mock numbers as it accepts.
        let theirs = tap.connections().into_iter().map(|info| info.connection);
        let pairs: BTreeMap<ConnectionId, ConnectionId> =
            mock.connections().into_iter().zip(theirs).collect();
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
                    cause: "the mock counted it, the tap did not".to_owned(),
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
fn told(fired: &Fired) -> Injected {
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
