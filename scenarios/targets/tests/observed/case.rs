//! An observed case as it is written down, and what it expects of one version.

use std::collections::BTreeMap;

use serde::Deserialize;
use serde_json::{Map, Value};

/// A line of a file in `cases/`.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Case {
    pub(crate) id: String,
    /// The set-up and the call, in words.
    pub(crate) about: String,
    #[serde(default)]
    pub(crate) setup: Vec<Value>,
    /// The last of these is what was observed.
    pub(crate) call: Vec<Value>,
    expect: Map<String, Value>,
    /// How things stand afterwards: steps with expectations of their own.
    #[serde(default)]
    after: Vec<Value>,
    /// What versions answer otherwise.
    #[serde(default)]
    versions: BTreeMap<String, Otherwise>,
    /// What a mock answers on purpose where the real one dies of the call, or would not help.
    instead: Option<Instead>,
    /// It would disturb others: it is played alone, on a server of its own.
    #[serde(default)]
    pub(crate) alone: bool,
    /// What the host must have.
    pub(crate) needs: Option<Need>,
    /// Namespaces beside those that are named after the case.
    #[serde(default)]
    pub(crate) namespaces: Vec<String>,
    /// Why an expectation is looser than one run of one daemon would have it.
    #[serde(default)]
    #[expect(dead_code, reason = "read by people")]
    why: Option<String>,
}

/// What not every host has.
#[derive(Clone, Copy, Debug, Deserialize, PartialEq, Eq)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Need {
    /// One that works here, beside the containerd (`ci/fetch criu`).
    Criu,
    /// The same, for a task that is paused. With cgroups v1 CRIU now and then waits in vain for a frozen
    /// process to stop (1 of 24 dumps: `Unseizable non-zombie found, state D`, after its 10 s).
    CriuOfPaused,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
struct Otherwise {
    #[serde(default)]
    expect: Map<String, Value>,
    after: Option<Vec<Value>>,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Instead {
    on: Vec<String>,
    #[expect(dead_code, reason = "read by people")]
    why: String,
    #[serde(default)]
    expect: Map<String, Value>,
    after: Option<Vec<Value>>,
}

/// What is expected of a step.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct Expect {
    /// `OK` where it is absent.
    pub(crate) code: Option<Codes>,
    pub(crate) message: Option<String>,
    /// Of the last message.
    pub(crate) response: Option<Value>,
    /// Of all messages.
    pub(crate) replies: Option<Value>,
    pub(crate) events: Option<Vec<Value>>,
    pub(crate) events_in_any_order: bool,
    /// Topics of events that this version does not always publish.
    pub(crate) may_be_lost: Vec<String>,
    /// Whether the error has `grpc-status-details-bin` beside its text.
    pub(crate) details: Option<bool>,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(untagged)]
pub(crate) enum Codes {
    One(String),
    Any(Vec<String>),
}

impl Codes {
    pub(crate) fn has(&self, code: &str) -> bool {
        match self {
            Self::One(one) => one == code,
            Self::Any(codes) => codes.iter().any(|one| one == code),
        }
    }
}

impl Case {
    /// Whether a mock answers it otherwise on purpose.
    pub(crate) fn has_a_stand_in(&self) -> bool {
        self.instead.is_some()
    }

    /// What a server of this version is held to.
    pub(crate) fn held(&self, version: &str, stands_in: bool) -> (Map<String, Value>, Vec<Value>) {
        let (mut expect, mut after) = (self.expect.clone(), self.after.clone());
        let mut lay = |other: &Map<String, Value>, steps: &Option<Vec<Value>>| {
            for (key, value) in other {
                match value {
                    Value::Null => expect.remove(key),
                    value => expect.insert(key.clone(), value.clone()),
                };
            }
            if let Some(steps) = steps {
                after.clone_from(steps);
            }
        };
        if let Some(other) = self.versions.get(version) {
            lay(&other.expect, &other.after);
        }
        if let Some(instead) = &self.instead
            && stands_in
            && instead.on.iter().any(|on| on == version)
        {
            lay(&instead.expect, &instead.after);
        }
        (expect, after)
    }
}

/// One file of cases.
pub(crate) fn parse(name: &str, text: &str) -> Vec<Case> {
    let line = |(number, line): (usize, &str)| {
        serde_json::from_str(line)
            .unwrap_or_else(|error| panic!("cases/{name}.jsonl:{}: {error}", number + 1))
    };
    text.lines().enumerate().filter(|(_, line)| !line.is_empty()).map(line).collect()
}
