//! Who owns a call: exactly one owner each, decided by positions alone.

use serde::{Deserialize, Serialize};

use crate::{CallRecord, Mark, Seq, StepId};

/// The owner of a call.
///
/// ```
/// use rpc_ledger::{Code, Ledger, Opening, Owner, Rpc, assign};
///
/// let ledger = Ledger::new();
/// ledger.start(Opening::of(Rpc::from_path("/a.v1.A/One"))).finish(Code::OK);
/// // No step was open.
/// assert_eq!(assign(&ledger.calls(), &[], &[]), [Owner::Background]);
/// ```
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Owner {
    /// A driver was being opened.
    Connect,
    /// The only open step, or the one that the call names.
    Step(StepId),
    /// Several steps were open and nothing tells them apart.
    Overlap(Vec<StepId>),
    /// No step was open.
    Background,
}

/// From opening a driver to its being ready.
///
/// ```
/// use rpc_ledger::{Code, ConnectSpan, Ledger, Opening, Owner, Rpc, assign};
///
/// let ledger = Ledger::new();
/// let open = ledger.mark();
/// ledger.start(Opening::of(Rpc::from_path("/a.v1.A/One"))).finish(Code::OK);
/// let connect = ConnectSpan { open, close: ledger.mark() };
/// assert_eq!(assign(&ledger.calls(), &[connect], &[]), [Owner::Connect]);
/// ```
#[derive(Clone, Copy, Debug)]
pub struct ConnectSpan {
    /// Its begin.
    pub open: Mark,
    /// Its end.
    pub close: Mark,
}

/// From asking for an operation until it is settled.
///
/// ```
/// use rpc_ledger::{Code, Ledger, Opening, Owner, Rpc, StepId, StepSpan, assign};
///
/// let ledger = Ledger::new();
/// let (step, open) = (StepId::new(7), ledger.mark());
/// ledger.start(Opening::of(Rpc::from_path("/a.v1.A/One"))).finish(Code::OK);
/// let (namespace, traceparent) = (None, None);
/// let span = StepSpan { step, namespace, open, close: ledger.mark(), traceparent };
/// assert_eq!(assign(&ledger.calls(), &[], &[span]), [Owner::Step(step)]);
/// ```
#[derive(Clone, Debug)]
pub struct StepSpan {
    /// Whose.
    pub step: StepId,
    /// Only calls of this namespace belong to it; `None`: of any.
    pub namespace: Option<String>,
    /// Its begin.
    pub open: Mark,
    /// Its end.
    pub close: Mark,
    /// The trace context that its request carried.
    pub traceparent: Option<String>,
}

impl StepSpan {
    fn could_own(&self, call: &CallRecord) -> bool {
        let elsewhere = match (&self.namespace, &call.namespace) {
            (Some(own), Some(named)) => own != named,
            _ => false,
        };
        !elsewhere && within(call.seq, self.open, self.close)
    }
}

fn within(seq: Seq, open: Mark, close: Mark) -> bool {
    open.seq() < seq && seq < close.seq()
}

/// Assigns every call to its owner.
pub fn assign(calls: &[CallRecord], connects: &[ConnectSpan], steps: &[StepSpan]) -> Vec<Owner> {
    calls.iter().map(|call| owner_of(call, connects, steps)).collect()
}

/// The second of a context's parts: whoever passes it on names its own span in the third.
fn trace_of(traceparent: &str) -> &str {
    traceparent.split('-').nth(1).unwrap_or(traceparent)
}

fn owner_of(call: &CallRecord, connects: &[ConnectSpan], steps: &[StepSpan]) -> Owner {
    if let Some(trace) = &call.traceparent {
        // A call that names its step is that step's, even when it comes late.
        let same = |step: &&StepSpan| {
            step.traceparent.as_deref().is_some_and(|own| trace_of(own) == trace_of(trace))
        };
        if let Some(step) = steps.iter().find(same) {
            return Owner::Step(step.step);
        }
    }
    if connects.iter().any(|span| within(call.seq, span.open, span.close)) {
        return Owner::Connect;
    }
    let mut open: Vec<StepId> =
        steps.iter().filter(|step| step.could_own(call)).map(|step| step.step).collect();
    match open.len() {
        0 => Owner::Background,
        1 => Owner::Step(open.remove(0)),
        _ => {
            open.sort();
            Owner::Overlap(open)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Code, Ledger, Opening, Rpc};
    use proptest::prelude::*;

    fn call(ledger: &Ledger) {
        ledger.start(Opening::of(Rpc::from_path("/a.A/B"))).finish(Code::OK);
    }

    fn span(step: u64, open: Mark, close: Mark) -> StepSpan {
        StepSpan { step: StepId::new(step), namespace: None, open, close, traceparent: None }
    }

    #[test]
    fn a_call_belongs_to_connect_to_its_step_to_an_overlap_or_to_the_background() {
        let ledger = Ledger::new();
        let begin = ledger.mark();
        call(&ledger);
        let ready = ledger.mark();
        call(&ledger);
        let first = ledger.mark();
        call(&ledger);
        let second = ledger.mark();
        call(&ledger);
        let end = ledger.mark();
        let owners = assign(
            &ledger.calls(),
            &[ConnectSpan { open: begin, close: ready }],
            &[span(0, first, end), span(1, second, end)],
        );
        let (zero, one) = (StepId::new(0), StepId::new(1));
        let expected =
            [Owner::Connect, Owner::Background, Owner::Step(zero), Owner::Overlap(vec![zero, one])];
        assert_eq!(owners, expected);
    }

    #[test]
    fn a_call_that_names_its_step_is_that_steps_even_when_several_are_open_or_none() {
        let ledger = Ledger::new();
        let open = ledger.mark();
        let mut named = Opening::of(Rpc::from_path("/a.A/B"));
        named.traceparent = Some("00-1-8-00".into());
        ledger.start(named.clone()).finish(Code::OK);
        let close = ledger.mark();
        ledger.start(named).finish(Code::OK);
        let mut one = span(1, open, close);
        one.traceparent = Some("00-1-7-00".into());
        let mut other = span(0, open, close);
        other.traceparent = Some("00-2-8-00".into());
        let owners = assign(&ledger.calls(), &[], &[other, one]);
        assert_eq!(owners, vec![Owner::Step(StepId::new(1)); 2]);
    }

    #[test]
    fn a_call_of_another_namespace_or_after_the_step_is_none_of_its() {
        let ledger = Ledger::new();
        let call = |namespace: &str| {
            let mut opening = Opening::of(Rpc::from_path("/a.A/B"));
            opening.namespace = Some(namespace.into());
            ledger.start(opening).finish(Code::OK);
        };
        let open = ledger.mark();
        call("ours");
        call("theirs");
        let mut ours = span(0, open, ledger.mark());
        ours.namespace = Some("ours".into());
        call("ours");
        let owners = assign(&ledger.calls(), &[], &[ours]);
        let step = Owner::Step(StepId::new(0));
        assert_eq!(owners, [step, Owner::Background, Owner::Background]);
    }

    #[test]
    fn owners_are_written_as_the_record_shows_them() {
        let shown = |owner: Owner| serde_json::to_string(&owner).unwrap();
        assert_eq!(shown(Owner::Step(StepId::new(3))), r#"{"step":3}"#);
        assert_eq!(shown(Owner::Connect), r#""connect""#);
        let overlap = Owner::Overlap(vec![StepId::new(3), StepId::new(4)]);
        assert_eq!(shown(overlap), r#"{"overlap":[3,4]}"#);
    }

    proptest! {
        #[test]
        fn every_call_has_exactly_one_owner(marks in proptest::collection::vec(0u8..3, 0..60)) {
            let ledger = Ledger::new();
            let (mut open, mut steps) = (Vec::new(), Vec::new());
            for what in marks {
                match what {
                    0 => call(&ledger),
                    1 => open.push(ledger.mark()),
                    _ => if let Some(begin) = open.pop() {
                        steps.push(span(steps.len() as u64, begin, ledger.mark()));
                    },
                }
            }
            let calls = ledger.calls();
            let owners = assign(&calls, &[], &steps);
            prop_assert_eq!(owners.len() as u64, ledger.counts().total_started());
            for (call, owner) in calls.iter().zip(owners) {
                let covering = steps.iter().filter(|s| s.could_own(call)).count();
                let expected = match owner {
                    Owner::Connect => unreachable!("no connect span was given"),
                    Owner::Background => 0,
                    Owner::Step(_) => 1,
                    Owner::Overlap(steps) => steps.len(),
                };
                prop_assert_eq!(covering, expected);
            }
        }
    }
}
