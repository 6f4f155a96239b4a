//! Which calls of a step need not have been made: the same question again, answered alike, with nothing
//! written in between. Nothing is decoded for it: hashes of request and reply are enough.

use std::collections::BTreeMap;

use rpc_ledger::{ConnectionId, Owner, Rpc};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::CallLine;

/// Methods that change nothing. Whatever is not listed is taken for a write.
const READS: [&str; 12] = [
    "Containers/Get",
    "Containers/List",
    "Containers/ListStream",
    "Leases/List",
    "Leases/ListResources",
    "Namespaces/Get",
    "Namespaces/List",
    "Tasks/Get",
    "Tasks/List",
    "Tasks/ListPids",
    "Tasks/Metrics",
    "Version/Version",
];

/// Whether a method, by its short name, changes nothing.
pub fn reads(rpc: &str) -> bool {
    READS.contains(&rpc)
}

/// What a call was good for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Class {
    /// Nothing says that it was not needed.
    Needed,
    /// The same was asked and answered before, and nothing was written since.
    Redundant,
    /// The same failed before.
    Retry,
}

type Key = (ConnectionId, String, String);

/// Gives the calls of a case, in their order, their classes. Those that no single step owns get none,
/// and neither do methods of services that are not containerd's.
pub fn classify(calls: &mut [CallLine]) {
    let mut asked: BTreeMap<(u64, Key), usize> = BTreeMap::new();
    for place in 0..calls.len() {
        let call = &calls[place];
        let Owner::Step(step) = call.owner else { continue };
        if !call.method.starts_with("/containerd.") {
            continue;
        }
        let key: Key = (call.connection, call.method.clone(), call.request_hash.clone());
        let before = asked.insert((step.number(), key), place).map(|place| &calls[place]);
        let is_read = reads(&Rpc::from_path(&call.method).short());
        let class = match before {
            Some(before) if before.code != "ok" => Class::Retry,
            Some(before) if is_read && before.reply_hash == call.reply_hash => Class::Redundant,
            _ => Class::Needed,
        };
        let same_as = before.filter(|_| class != Class::Needed).map(|before| before.seq);
        if !is_read {
            // What was read before may be otherwise now; what failed has failed all the same.
            asked.retain(|(of, _), place| *of != step.number() || calls[*place].code != "ok");
        }
        (calls[place].class, calls[place].same_as) = (Some(class), same_as);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use rpc_ledger::{Call, Code, Ledger, Opening, StepId};

    fn ask(ledger: &Ledger, method: &str) -> Call {
        ledger.start(Opening::of(Rpc::from_path(&format!("/containerd.services.x.v1.{method}"))))
    }

    fn classes(calls: &[(&str, Code)]) -> Vec<Class> {
        let ledger = Ledger::new();
        for (method, code) in calls {
            ask(&ledger, method).finish(*code);
        }
        let owner = || Owner::Step(StepId::new(0));
        let mut lines: Vec<CallLine> =
            ledger.calls().iter().map(|call| CallLine::new(1, "gen/0", owner(), call)).collect();
        classify(&mut lines);
        lines.iter().filter_map(|line| line.class).collect()
    }

    #[test]
    fn a_question_that_was_answered_is_redundant_until_something_is_written() {
        use Class::{Needed, Redundant, Retry};
        let (get, kill) = (("Tasks/Get", Code::OK), ("Tasks/Kill", Code::OK));
        assert_eq!(classes(&[get, get, get]), [Needed, Redundant, Redundant]);
        assert_eq!(classes(&[get, kill, get]), [Needed, Needed, Needed]);
        let failed = ("Tasks/Kill", Code::new(14));
        assert_eq!(classes(&[failed, kill]), [Needed, Retry]);
        assert_eq!(classes(&[("Other/Get", Code::OK)]), [Needed]);
    }
}
