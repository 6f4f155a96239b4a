//! Which calls told a client nothing that it could not have known, or could have had for less: the same
//! question again, answered alike, with nothing written in between; one question after the other where one
//! tells all. Nothing is decoded for it: hashes of request and reply are enough.

use std::collections::BTreeMap;

use rpc_ledger::{ConnectionId, Owner, Rpc, StepId};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::CallLine;
use crate::reads::{list_of, may_change, reads};

/// What a call was good for.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema,
)]
#[serde(rename_all = "kebab-case")]
pub enum Class {
    /// Nothing says that it was not needed.
    Needed,
    /// The same was asked and answered before, and nothing was written since that could change it.
    Redundant,
    /// One of several, of one object each, where another method tells of all at once.
    #[serde(rename = "n-plus-1")]
    NPlus1,
    /// The same failed before, in the same step.
    Retry,
}

/// What was asked, on which connection.
type Key = (ConnectionId, String, String);

/// What a case's client has asked so far: places among its calls.
#[derive(Default)]
struct Asked {
    answered: BTreeMap<Key, usize>,
    failed: BTreeMap<(StepId, Key), usize>,
    /// The first of a method within a step.
    first: BTreeMap<(StepId, ConnectionId, String), usize>,
}

/// Gives the calls of a case, in their order, their classes. `containers`: on how many a step acts. Those
/// that no single step owns get none, and neither do methods of services that are not containerd's; but
/// whoever writes, what was read before may be otherwise then.
pub fn classify(calls: &mut [CallLine], containers: impl Fn(StepId) -> u64) {
    let mut asked = Asked::default();
    for place in 0..calls.len() {
        let short = Rpc::from_path(&calls[place].method).short();
        if !reads(&short) {
            asked
                .answered
                .retain(|(_, read, _), _| !may_change(&short, &Rpc::from_path(read).short()));
        }
        let Owner::Step(step) = calls[place].owner else { continue };
        if !calls[place].method.starts_with("/containerd.") {
            continue;
        }
        let (class, before) = asked.class(calls, place, step, &short, containers(step) > 1);
        asked.add(&calls[place], place, step, reads(&short));
        calls[place].same_as = before.map(|before| calls[before].seq);
        calls[place].class = Some(class);
    }
}

fn key(call: &CallLine) -> Key {
    (call.connection, call.method.clone(), call.request_hash.clone())
}

impl Asked {
    /// The class of a call, and the call that it repeats or follows.
    fn class(
        &self,
        calls: &[CallLine],
        place: usize,
        step: StepId,
        short: &str,
        many: bool,
    ) -> (Class, Option<usize>) {
        let call = &calls[place];
        let key = key(call);
        if let Some(before) = self.failed.get(&(step, key.clone())) {
            return (Class::Retry, Some(*before));
        }
        if let Some(before) = self.answered.get(&key)
            && call.code == "ok"
            && calls[*before].reply_hash == call.reply_hash
        {
            return (Class::Redundant, Some(*before));
        }
        let of_method = (step, call.connection, call.method.clone());
        let first = self.first.get(&of_method).filter(|_| many && list_of(short).is_some());
        match first {
            Some(first) if calls[*first].request_hash != call.request_hash => {
                (Class::NPlus1, Some(*first))
            }
            _ => (Class::Needed, None),
        }
    }

    fn add(&mut self, call: &CallLine, place: usize, step: StepId, is_read: bool) {
        let key = key(call);
        if call.code == "ok" {
            self.failed.remove(&(step, key.clone()));
            if is_read {
                self.answered.insert(key, place);
            }
        } else {
            self.failed.insert((step, key), place);
        }
        self.first.entry((step, call.connection, call.method.clone())).or_insert(place);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use Class::{NPlus1, Needed, Redundant, Retry};
    use rpc_ledger::{Code, Ledger, Opening};

    /// Calls by step, method and the object that they ask of; those of a step act on `containers`.
    fn classes(calls: &[(u64, &str, Code)], containers: u64) -> Vec<Class> {
        let ledger = Ledger::new();
        for (_, method, code) in calls {
            let (method, object) = method.split_once(' ').unwrap_or((method, ""));
            let rpc = Rpc::from_path(&format!("/containerd.services.x.v1.{method}"));
            let call = ledger.start(Opening::of(rpc));
            call.request_bytes(object.as_bytes());
            call.finish(*code);
        }
        let owners = calls.iter().map(|(step, _, _)| Owner::Step(StepId::new(*step)));
        let lines = ledger.calls().into_iter().zip(owners);
        let mut lines: Vec<CallLine> =
            lines.map(|(call, owner)| CallLine::new(1, "gen/0", owner, &call)).collect();
        classify(&mut lines, |_| containers);
        lines.iter().filter_map(|line| line.class).collect()
    }

    const OK: Code = Code::OK;

    #[test]
    fn a_question_that_was_answered_is_redundant_until_something_is_written() {
        let (get, kill) = ((0, "Tasks/Get c0", OK), (0, "Tasks/Kill c0", OK));
        assert_eq!(classes(&[get, get, get], 1), [Needed, Redundant, Redundant]);
        assert_eq!(classes(&[get, kill, get], 1), [Needed, Needed, Needed]);
        let failed = (0, "Tasks/Kill c0", Code::new(14));
        assert_eq!(classes(&[failed, kill, kill], 1), [Needed, Retry, Needed]);
        assert_eq!(classes(&[(0, "Other/Get", OK), (0, "Other/Get", OK)], 1), [Needed, Needed]);
    }

    #[test]
    fn what_an_earlier_step_was_told_need_not_be_asked_again_where_nothing_touched_it() {
        let get = |step| (step, "Containers/Get c0", OK);
        let exec = (0, "Tasks/Exec c0", OK);
        assert_eq!(classes(&[get(0), exec, get(1)], 1), [Needed, Needed, Redundant]);
        let update = (0, "Containers/Update c0", OK);
        assert_eq!(classes(&[get(0), update, get(1)], 1), [Needed, Needed, Needed]);
        let failing = |step| (step, "Containers/Get c0", Code::new(5));
        assert_eq!(classes(&[failing(0), failing(1)], 1), [Needed, Needed]);
    }

    #[test]
    fn one_question_for_each_where_one_tells_all_is_n_plus_1_in_steps_on_several() {
        let restore = [(0, "Tasks/Get c0", OK), (0, "Tasks/Get c1", OK), (0, "Tasks/Get c1", OK)];
        assert_eq!(classes(&restore, 2), [Needed, NPlus1, Redundant]);
        assert_eq!(classes(&restore, 1), [Needed, Needed, Redundant], "a task and its exec");
        let pids = [(0, "Tasks/ListPids c0", OK), (0, "Tasks/ListPids c1", OK)];
        assert_eq!(classes(&pids, 2), [Needed, Needed], "nothing tells of all");
    }
}
