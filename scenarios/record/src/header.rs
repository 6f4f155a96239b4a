//! The lines that open a record and a run: what was planned, where, with whom.

use driver_protocol::Hello;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// The version of the record's format; readers refuse another one.
pub const SCHEMA_VERSION: u32 = 1;

/// The first line.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Header {
    /// See [`SCHEMA_VERSION`].
    pub schema_version: u32,
    /// The version of the harness.
    pub laconic: String,
    /// Hash of seed, cases, selection, generator, budgets and profiles: equal plans may be merged.
    pub plan: String,
    /// The version of the case generator; 0 when only named scenarios ran.
    pub generator: u32,
    /// The seed of generated cases.
    pub seed: u64,
    /// Which part of the plan this is.
    pub shard: Shard,
    /// Where it ran.
    pub host: Host,
}

/// One of several parts of a plan.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Shard {
    /// From 0.
    pub index: u32,
    /// At least 1.
    pub count: u32,
}

/// The machine: a verdict is worth what its environment was.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Host {
    /// Logical processors.
    pub cpus: usize,
    /// Its release.
    pub kernel: String,
    /// `v1`, `v2` or `none`.
    pub cgroup: String,
    /// runc's version, where there is one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub runc: Option<String>,
    /// containerd's version, where there is one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub containerd: Option<String>,
}

/// Opens a run: one driver against one target.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct RunLine {
    /// Names the run within the record.
    pub run: u32,
    /// Who was driven.
    pub driver: DriverRef,
    /// Against what.
    pub target: TargetRef,
    /// By which budget it was judged.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub budgets: Option<BudgetsRef>,
    /// What was made to go wrong.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub faults: Option<FaultsRef>,
    /// What its generated cases were made from, if it had any.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub generated: Option<GeneratedRef>,
    /// Where each of its cases was played before, and what it is held against.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reference: Option<Box<TargetRef>>,
}

/// What generated cases are made from: with the number of a case it makes that case again.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct GeneratedRef {
    /// The version of the generator.
    pub generator: u32,
    /// The seed.
    pub seed: u64,
    /// How many act at once in each; absent where one does.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub actors: Option<u8>,
}

/// A file of faults.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct FaultsRef {
    /// As it was given.
    pub path: String,
    /// BLAKE3 of its text.
    pub hash: String,
}

/// A driver.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct DriverRef {
    /// Its name.
    pub name: String,
    /// Its version.
    pub version: String,
    /// How it was reached: `in-process`, `stdio`, `template`, `docker`.
    pub door: String,
    /// What it said it can do.
    #[serde(default)]
    pub capabilities: Vec<String>,
    /// What started it, where a command did.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub command: Vec<String>,
}

impl DriverRef {
    /// From what the driver said of itself.
    pub fn new(hello: &Hello, door: &str) -> Self {
        let words = hello.capabilities.iter().map(|capability| capability.as_str().to_owned());
        let capabilities = words.collect();
        Self {
            name: hello.driver.clone(),
            version: hello.version.clone(),
            door: door.to_owned(),
            capabilities,
            command: Vec::new(),
        }
    }
}

/// A server under observation.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct TargetRef {
    /// `mock`, `real` or `address`.
    pub kind: String,
    /// containerd's version.
    pub version: String,
    /// The profile of the mock, or the one nearest to the real version: `1.6`, `1.7`, `2.1`.
    pub profile: String,
    /// As it is asked for on a command line: `real:PATH`, the path of a socket.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub asked: Option<String>,
}

/// A budget file.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct BudgetsRef {
    /// Where it stands.
    pub path: String,
    /// BLAKE3 of its text and its base's.
    pub hash: String,
}
