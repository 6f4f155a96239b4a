//! The lines of a record.

use std::collections::BTreeMap;

use driver_protocol::{Operation, Outcome};
use rpc_ledger::{CallRecord, ConnectionId, Owner, Seq};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::{Class, Compared, Header, HistogramLine, Orders, RunLine, Tally, Verdict};

/// RPCs started, by short name (`Tasks/Exec`).
pub type Rpcs = BTreeMap<String, u64>;

/// One line.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(tag = "kind", rename_all = "kebab-case")]
pub enum Line {
    /// Opens the record.
    Record(Header),
    /// Opens a run.
    Run(RunLine),
    /// Opens a case.
    Case(CaseLine),
    /// A step has ended.
    Step(Box<StepLine>),
    /// A call of the case.
    Call(Box<CallLine>),
    /// Closes a case.
    CaseEnd(Box<CaseEnd>),
    /// Times of a run.
    Histogram(HistogramLine),
    /// Closes a run.
    RunEnd(Box<RunEnd>),
    /// Closes the record.
    Summary(Summary),
}

/// Opens a case.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct CaseLine {
    /// Which run.
    pub run: u32,
    /// `named/…`, `gen/…` or `regression/…`.
    pub case: String,
}

/// A step: one operation, what it came to, what it cost, what was made of it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct StepLine {
    /// Which run.
    pub run: u32,
    /// Which case.
    pub case: String,
    /// From 0 within the case.
    pub step: u64,
    /// Who acted; 0 where there is one.
    pub actor: u32,
    /// Its name.
    pub operation: String,
    /// Its arguments.
    #[schemars(with = "Value")]
    pub arguments: Value,
    /// What the scenario takes for right, in words.
    pub expected: Vec<String>,
    /// What the driver answered.
    #[schemars(with = "Value")]
    pub outcome: Outcome,
    /// Calls that only this step owns.
    pub rpcs: Rpcs,
    /// How those calls ended.
    pub codes: BTreeMap<String, u64>,
    /// What was allowed, by short name.
    pub allowance: BTreeMap<String, AllowanceRef>,
    /// What was made of it.
    pub verdicts: Vec<Verdict>,
    /// Since the run began.
    pub started_us: u64,
    /// From request to outcome, as the harness saw it.
    pub elapsed_us: u64,
}

impl StepLine {
    /// Splits an operation into the name and the arguments that a line shows.
    pub fn arguments_of(operation: &Operation) -> Value {
        match serde_json::to_value(operation) {
            Ok(Value::Object(mut map)) => map.remove(operation.name()).unwrap_or(Value::Null),
            _ => Value::Null,
        }
    }

    /// Whether the operation succeeded.
    pub fn succeeded(&self) -> bool {
        matches!(self.outcome, Outcome::Ok(_))
    }

    /// All RPCs of the step.
    pub fn rpcs_total(&self) -> u64 {
        self.rpcs.values().sum()
    }
}

/// A limit, and the line of the budget that sets it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct AllowanceRef {
    /// In the budget's grammar, with `n` filled in.
    pub limit: String,
    /// `file:line`.
    pub at: String,
}

/// One call.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct CallLine {
    /// Which run.
    pub run: u32,
    /// Which case.
    pub case: String,
    /// Its number among chunks and marks.
    #[schemars(with = "u64")]
    pub seq: Seq,
    /// Who owns it.
    #[schemars(with = "Value")]
    pub owner: Owner,
    /// Which connection.
    #[schemars(with = "u64")]
    pub connection: ConnectionId,
    /// gRPC full method name.
    pub method: String,
    /// How it ended: a status code, `broken`, `cancelled`, or `open`.
    pub code: String,
    /// Since the run began.
    pub started_us: u64,
    /// Absent while open.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub duration_us: Option<u64>,
    /// Message bytes in and out, as the server sees them.
    pub bytes: [u64; 2],
    /// XXH64 of what was sent.
    pub request_hash: String,
    /// XXH64 of what came back.
    pub reply_hash: String,
    /// Whether the harness had a hand in how it went: made it fail, delayed it, cut it.
    pub injected: bool,
    /// What it was good for, where that can be said.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub class: Option<Class>,
    /// The call that asked the same; of `n-plus-1` the first of its kind.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Option<u64>")]
    pub same_as: Option<Seq>,
}

impl CallLine {
    /// Of a call that was counted.
    pub fn new(run: u32, case: &str, owner: Owner, call: &CallRecord) -> Self {
        Self {
            run,
            case: case.to_owned(),
            seq: call.seq,
            owner,
            connection: call.connection,
            method: call.rpc.path().to_owned(),
            code: call.ending(),
            started_us: call.started_us,
            duration_us: call.duration_us,
            bytes: [call.request_bytes, call.reply_bytes],
            request_hash: format!("{:016x}", call.request_hash),
            reply_hash: format!("{:016x}", call.reply_hash),
            injected: call.injected,
            class: None,
            same_as: None,
        }
    }
}

/// Closes a case.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct CaseEnd {
    /// Which run.
    pub run: u32,
    /// Which case.
    pub case: String,
    /// Calls between opening a driver and its `ready`.
    pub connect: Rpcs,
    /// How often a driver was opened: once, and once more at every restart.
    #[serde(default = "once")]
    pub connects: u64,
    /// Calls while no step was open.
    pub background: Rpcs,
    /// Calls while several steps were open, by the steps (`3+4`).
    pub overlap: BTreeMap<String, Rpcs>,
    /// What the case left on the server, in words.
    pub left_behind: Vec<String>,
    /// What was made to go wrong in it, in words, in order.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub faults: Vec<String>,
    /// Verdicts on the case as a whole.
    pub verdicts: Vec<Verdict>,
    /// `pass`, `fail` or `skip`.
    pub verdict: crate::CheckResult,
    /// Why it was skipped.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub skipped: Option<String>,
}

fn once() -> u64 {
    1
}

/// Closes a run with the totals that must add up.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct RunEnd {
    /// Which run.
    pub run: u32,
    /// What the tap counted of the player.
    pub ledger_total: Rpcs,
    /// What the tap counted of the observer.
    pub observer_total: Rpcs,
    /// What the server itself counted; null where it does not tell.
    pub daemon_total: Option<Rpcs>,
    /// Faults that nothing set off, as they are written.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub faults_unfired: Vec<String>,
    /// How often generated cases met an operation in a state, by the model.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub coverage: BTreeMap<String, u64>,
    /// How much of it was held against the run before it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub differential: Option<Compared>,
    /// How much of what several actors did at once was put in order.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ordered: Option<Orders>,
    /// Whether those agree, and the owners add up; a failure here is a fault of the harness.
    pub verdicts: Vec<Verdict>,
}

/// Closes the record.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Summary {
    /// How many of each.
    pub verdicts: Tally,
    /// Every planned case ended.
    pub complete: bool,
    /// The harness found no fault in itself.
    pub valid: bool,
    /// Default targets that could not run, and why.
    #[serde(default)]
    pub not_run: Vec<String>,
}
