//! The JSON Schema of a file of faults.

use std::collections::BTreeSet;

use rpc_ledger::Code;
use serde_json::{Value, json};

use crate::methods::short_names;

/// A length of time. Eighteen digits of anything but milliseconds are more than there is room for.
const SPAN: &str = r"(?:[0-9]{1,18}ms|[0-9]{1,12}[smh])";

/// What a file of faults looks like, as JSON Schema: what it takes, [`super::Faults::parse`] takes.
/// It is of the file's values, as any reader of TOML gives them.
///
/// ```
/// let schema = mock_containerd::faults::schema();
/// assert_eq!(schema["properties"]["seed"]["type"], "integer");
/// ```
pub fn schema() -> Value {
    let names: BTreeSet<String> = short_names().collect();
    let any = names.iter().cloned().collect::<Vec<_>>().join("|");
    let call = json!({ "type": "string", "pattern": format!("^(?:{any})#[1-9][0-9]{{0,17}}$") });
    let text = |pattern: String| json!({ "type": "string", "pattern": pattern });
    let rpc = entry(
        &["on", "plan"],
        json!({
            "on": { "enum": names },
            "plan": text(format!("^{0}(?:->{0})*$", term())),
            "when": { "enum": ["before", "after"], "default": "before" },
        }),
    );
    let event = entry(
        &["topic", "nth", "do"],
        json!({
            "topic": { "type": "string" },
            "nth": { "type": "integer", "minimum": 1, "maximum": i64::MAX },
            "do": text(format!(r"^(?:lose|duplicate|swap-next|delay\({SPAN}\))$")),
        }),
    );
    let cut = entry(
        &["after", "what"],
        json!({
            "after": call,
            "what": text(format!("^(?:connection|stream:(?:{any}))$")),
        }),
    );
    let restart = entry(
        &["after", "do"],
        json!({
            "after": call,
            "do": { "const": "restart" },
            "tasks": { "enum": ["kept", "lost"], "default": "kept" },
        }),
    );
    let kill = entry(
        &["after", "do"],
        json!({
            "after": call,
            "do": text("^kill-shim:.+$".to_owned()),
        }),
    );
    let hang = entry(
        &["after", "do"],
        json!({
            "after": call,
            "do": text("^hang-shim:.+$".to_owned()),
            "then": text(format!(r"^back(?:\({SPAN}\))?$")),
        }),
    );
    let several = |one: Value| json!({ "type": "array", "items": one });
    json!({
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "Faults of laconic, version 1",
        "type": "object",
        "additionalProperties": false,
        "properties": {
            "seed": { "type": "integer", "minimum": 0, "maximum": i64::MAX, "default": 0 },
            "rpc": several(rpc),
            "event": several(event),
            "cut": several(cut),
            "daemon": several(json!({ "oneOf": [restart, kill, hang] })),
        },
    })
}

fn entry(required: &[&str], properties: Value) -> Value {
    json!({
        "type": "object",
        "additionalProperties": false,
        "required": required,
        "properties": properties,
    })
}

/// One term of a plan.
fn term() -> String {
    // All but `ok`, which is no error.
    let codes = (1..17).map(|number| Code::new(number).as_str()).collect::<Vec<_>>().join("|");
    let percent = "(?:(?:100|[1-9][0-9]?)%)?";
    let count = r"(?:[1-9][0-9]{0,17}\*)?";
    let message = r#""(?:[^"\\]|\\.)*""#;
    format!(r"(?: *{percent}{count}(?:off|delay\({SPAN}\)|error\((?:{codes})(?::{message})?\)) *)")
}
