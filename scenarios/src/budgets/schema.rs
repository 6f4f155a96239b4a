//! The JSON Schema of a budget.

use driver_protocol::Operation;
use serde_json::{Map, Value, json};

use super::VARIED;

const RPC: &str = "^[A-Z][A-Za-z0-9]*/[A-Z][A-Za-z0-9]*$";
/// `"2"`, `"0..=2"`, `"2 + 1*n"`.
const LIMIT: &str =
    r"^ *([0-9]+ *\.\.= *[0-9]+|([0-9]+|[0-9]+ *\* *n)( *\+ *([0-9]+|[0-9]+ *\* *n))*) *$";

/// What a budget looks like, as JSON Schema, of the file's values as any reader of TOML gives them; a
/// date is a text. What it refuses, [`super::Budget::parse`] refuses, which also knows whether a waiver
/// has ended, what a rule matches, and which base there is.
///
/// ```
/// let schema = laconic_scenarios::budgets::schema();
/// assert_eq!(schema["properties"]["schema"]["const"], 1);
/// ```
pub fn schema() -> Value {
    let operations: Map<String, Value> = Operation::NAMES
        .iter()
        .map(|name| {
            let form = if VARIED.contains(name) { "varied" } else { "operation" };
            ((*name).to_owned(), json!({ "$ref": format!("#/$defs/{form}") }))
        })
        .collect();
    json!({
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "Budget of a client, schema 1",
        "type": "object",
        "required": ["schema", "client"],
        "additionalProperties": false,
        "properties": {
            "schema": { "const": 1 },
            "client": { "type": "string", "description": "whose it is" },
            "base": { "type": "string", "description": "only what differs from it stands here" },
            "tight": { "type": "boolean", "description": "less than allowed fails as well" },
            "on_excess": { "$ref": "#/$defs/excess" },
            "connect": { "$ref": "#/$defs/table" },
            "background": { "$ref": "#/$defs/table" },
            "operation": {
                "type": "object", "additionalProperties": false, "properties": operations,
            },
            "flow": { "type": "object", "additionalProperties": { "$ref": "#/$defs/flow" } },
            "fault": { "type": "object", "additionalProperties": { "$ref": "#/$defs/fault" } },
            "waiver": { "type": "array", "items": { "$ref": "#/$defs/waiver" } },
        },
        "$defs": definitions(),
    })
}

fn definitions() -> Value {
    let limits = json!({ RPC: { "$ref": "#/$defs/allowance" } });
    json!({
        "excess": { "enum": ["off", "warn", "error"] },
        "limit": {
            "anyOf": [
                { "type": "integer", "minimum": 0 },
                { "type": "string", "pattern": LIMIT },
            ],
        },
        "allowance": {
            "anyOf": [
                { "$ref": "#/$defs/limit" },
                {
                    "type": "object",
                    "additionalProperties": false,
                    "properties": {
                        "exactly": { "$ref": "#/$defs/limit" },
                        "at_most": { "$ref": "#/$defs/limit" },
                        "on_excess": { "$ref": "#/$defs/excess" },
                    },
                    "oneOf": [{ "required": ["exactly"] }, { "required": ["at_most"] }],
                },
            ],
        },
        "table": {
            "type": "object", "patternProperties": limits, "additionalProperties": false,
        },
        "operation": operation(json!({})),
        "varied": operation(json!({ "vary": { "$ref": "#/$defs/vary" } })),
        "vary": vary(),
        "flow": {
            "type": "object",
            "required": ["of"],
            "patternProperties": limits,
            "properties": {
                "of": {
                    "type": "array", "minItems": 2, "items": { "enum": Operation::NAMES.as_slice() },
                },
                "total": { "$ref": "#/$defs/allowance" },
                "on_excess": { "$ref": "#/$defs/excess" },
            },
            "additionalProperties": false,
        },
        "fault": {
            "type": "object",
            "properties": { "retries_per_call": { "type": "integer", "minimum": 0 } },
            "additionalProperties": false,
        },
        "waiver": {
            "type": "object",
            "required": ["rule", "allow", "reason", "owner", "until"],
            "properties": {
                "rule": { "type": "string" },
                "allow": { "type": "integer", "minimum": 1 },
                "reason": { "type": "string", "pattern": "[^ ]" },
                "owner": { "type": "string", "pattern": "[^ ]" },
                "until": { "type": "string", "pattern": "^[0-9]{4}-[0-9]{2}-[0-9]{2}$" },
            },
            "additionalProperties": false,
        },
    })
}

/// Limits by method, what it costs to fail, and what else an operation may say.
fn operation(others: Value) -> Value {
    let mut properties = others;
    properties["error"] =
        json!({ "type": "object", "additionalProperties": { "$ref": "#/$defs/table" } });
    json!({
        "type": "object",
        "patternProperties": { RPC: { "$ref": "#/$defs/allowance" } },
        "properties": properties,
        "additionalProperties": false,
    })
}

fn vary() -> Value {
    json!({
        "type": "object",
        "required": ["n", "at"],
        "properties": {
            "n": { "const": "containers" },
            "at": {
                "type": "array", "minItems": 3, "uniqueItems": true,
                "items": { "type": "integer", "minimum": 1, "maximum": 256 },
            },
        },
        "additionalProperties": false,
    })
}
