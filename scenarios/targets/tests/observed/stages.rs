//! Steps that many cases begin with, by name: data too, with parameters.

use std::collections::BTreeMap;
use std::sync::LazyLock;

use serde::Deserialize;
use serde_json::{Map, Value};

use crate::variables::Variables;

const TEXT: &str = include_str!("cases/stages.json");

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Stage {
    /// With what they are when a case does not say.
    #[serde(default)]
    parameters: Map<String, Value>,
    steps: Vec<Value>,
}

static STAGES: LazyLock<BTreeMap<String, Stage>> =
    LazyLock::new(|| serde_json::from_str(TEXT).unwrap_or_else(|error| panic!("stages: {error}")));

/// The steps of a stage, its parameters filled in.
pub(crate) fn stage(name: &str, given: &Map<String, Value>) -> Result<Vec<Value>, String> {
    let stage = STAGES.get(name).ok_or_else(|| format!("there is no stage {name:?}"))?;
    let mut parameters = Variables::default();
    for (name, value) in &stage.parameters {
        parameters.set(name, value.clone());
    }
    for (name, value) in given {
        if !stage.parameters.contains_key(name) {
            return Err(format!("the stage takes no {name:?}"));
        }
        parameters.set(name, value.clone());
    }
    Ok(stage.steps.iter().map(|step| parameters.filled(step)).collect())
}
