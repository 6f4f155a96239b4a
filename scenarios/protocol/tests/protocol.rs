//! The protocol's document and its schema, held against the types that are spoken.

use driver_protocol::{FromDriver, Operation, SCHEMA, ToDriver};
use serde_json::Value;

const DOCUMENT: &str = include_str!("../PROTOCOL.md");

/// The lines of all examples of a kind.
fn examples(kind: &str) -> Vec<&'static str> {
    let fence = format!("```json {kind}\n");
    let blocks = DOCUMENT.split(fence.as_str()).skip(1);
    blocks.flat_map(|block| block.split("```").next().unwrap().lines()).collect()
}

fn validator() -> jsonschema::Validator {
    jsonschema::validator_for(&serde_json::from_str(SCHEMA).unwrap()).unwrap()
}

#[test]
fn every_example_is_what_the_types_say_and_what_the_schema_allows() {
    let validator = validator();
    let (to, from) = (examples("to-driver"), examples("from-driver"));
    assert!(to.len() >= 5 && from.len() >= 7);
    for line in to.iter().chain(&from) {
        let value: Value = serde_json::from_str(line).unwrap();
        assert!(validator.is_valid(&value), "{line}");
    }
    for line in to {
        let spoken: ToDriver = serde_json::from_str(line).unwrap();
        assert_eq!(serde_json::to_string(&spoken).unwrap(), line);
    }
    for line in from {
        let spoken: FromDriver = serde_json::from_str(line).unwrap();
        assert_eq!(serde_json::to_string(&spoken).unwrap(), line);
    }
}

#[test]
fn the_schema_knows_every_operation_and_its_ok_by_name() {
    let schema: Value = serde_json::from_str(SCHEMA).unwrap();
    for of in ["operation", "ok"] {
        let shapes = schema["$defs"][of]["oneOf"].as_array().unwrap();
        let names: Vec<&str> =
            shapes.iter().map(|shape| shape["title"].as_str().unwrap()).collect();
        assert_eq!(names, Operation::NAMES, "{of}");
    }
}

#[test]
fn what_is_no_line_of_the_protocol_is_not_allowed() {
    let validator = validator();
    for line in [
        r#"{"id":1,"outcome":{"ok":{"exec":{}}}}"#,
        r#"{"id":1,"outcome":{"ok":{"fly":{}}}}"#,
        r#"{"id":1,"outcome":{"error":{"kind":"bad","message":""}}}"#,
        r#"{"id":-1,"outcome":{"ok":{"pause":{}}}}"#,
        r#"{"protocol":2,"hello":{"driver":"d","version":"1","capabilities":[]}}"#,
        r#"{"id":1,"deadline_ms":1,"operation":{"pause":{"container":"c"},"resume":{"container":"c"}}}"#,
        r#"{"id":1,"outcome":{"ok":{"wait":{"status":"perhaps"}}}}"#,
    ] {
        let value: Value = serde_json::from_str(line).unwrap();
        assert!(!validator.is_valid(&value), "{line}");
    }
}
