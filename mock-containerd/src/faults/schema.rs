//! The JSON Schema of a file of faults.

use std::collections::BTreeSet;

use serde_json::{Value, json};

use crate::{Profile, methods};

/// A length of time. Eighteen digits of anything but milliseconds are more than there is room for.
const SPAN: &str = r"(?:[0-9]{1,18}ms|[0-9]{1,12}[smh])";
/// Of an error: all codes but `ok`.
const CODES: &str = "cancelled|unknown|invalid-argument|deadline-exceeded|not-found|already-exists|\
                     permission-denied|resource-exhausted|failed-precondition|aborted|\
                     out-of-range|unimplemented|internal|unavailable|data-loss|unauthenticated";

/// What a file of faults looks like, as JSON Schema: what it takes, [`super::Faults::parse`] takes.
/// It is of the file's values, as any reader of TOML gives them.
///
/// ```
/// let schema = mock_containerd::faults::schema();
/// assert_eq!(schema["properties"]["seed"]["type"], "integer");
/// ```
pub fn schema() -> Value {
    // The newest version has all methods.
    let names: BTreeSet<String> = methods(Profile::V2_1)
        .iter()
        .map(|method| rpc_ledger::Rpc::from_path(&method.path).short())
        .collect();
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
    let percent = "(?:(?:100|[1-9][0-9]?)%)?";
    let count = r"(?:[1-9][0-9]{0,17}\*)?";
    let message = r#""(?:[^"\\]|\\.)*""#;
    format!(r"(?: *{percent}{count}(?:off|delay\({SPAN}\)|error\((?:{CODES})(?::{message})?\)) *)")
}

#[cfg(test)]
mod tests {
    use super::super::Faults;
    use super::*;
    use proptest::prelude::*;

    fn accepts(text: &str) -> bool {
        let value: toml::Value = toml::from_str(text).unwrap();
        let value = serde_json::to_value(value).unwrap();
        jsonschema::validator_for(&schema()).unwrap().is_valid(&value)
    }

    /// Every fence of TOML in the crate's README that is about faults.
    fn documented() -> Vec<String> {
        let readme = include_str!("../../README.md");
        let fences = readme.split("```toml\n").skip(1);
        let fences = fences.map(|fence| fence.split("```").next().unwrap().to_owned());
        fences.filter(|text| text.contains("[[rpc]]")).collect()
    }

    #[test]
    fn the_documented_file_is_taken_by_the_schema_and_by_the_parser() {
        assert!(!documented().is_empty());
        for text in documented() {
            assert!(accepts(&text), "{text}");
            Faults::parse("f.toml", &text).unwrap();
        }
    }

    #[test]
    fn what_is_wrong_is_refused_by_both() {
        for (from, to) in [
            ("seed", "sede"),
            ("topic =", "topics ="),
            ("on = \"Tasks/Start\"", "on = \"Tasks/Strat\""),
            ("2*error", "2*eror"),
            ("nth = 2", "nth = 0"),
            ("do = \"lose\"", "do = \"loose\""),
            ("Create#1", "Create"),
            ("\"connection\"", "\"conn\""),
            ("do = \"restart\"", "do = \"kill-shim:c0\""),
            ("back(5s)", "forth"),
        ] {
            let text = documented()[0].replacen(from, to, 1);
            assert_ne!(text, documented()[0], "{from}");
            assert!(!accepts(&text), "{from} → {to}");
            assert!(Faults::parse("f.toml", &text).is_err(), "{from} → {to}");
        }
    }

    proptest! {
        #[test]
        fn a_plan_that_the_schema_takes_the_parser_takes(
            plan in "( ?([0-9]{0,3}%)?([0-9]{1,3}\\*)?(off|delay\\([0-9]{1,2}(ms|s|h)\\)|error\\((ok|aborted|internal)(:\"x\")?\\))(->)?){1,3}",
        ) {
            let text = format!("[[rpc]]\non = \"Tasks/Start\"\nplan = '{plan}'\n");
            if accepts(&text) {
                prop_assert!(Faults::parse("f.toml", &text).is_ok(), "{}", plan);
            }
        }
    }
}
