//! The JSON Schema of a record's line.

use crate::Line;

/// The schema that every line of a record satisfies.
pub fn schema() -> serde_json::Value {
    let schema = schemars::schema_for!(Line);
    schema.to_value()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_satisfies_the_schema_and_a_line_of_another_kind_does_not() {
        let validator = jsonschema::validator_for(&schema()).unwrap();
        let case = serde_json::json!({"kind": "case", "run": 1, "case": "named/x"});
        assert!(validator.is_valid(&case));
        let poem = serde_json::json!({"kind": "poem", "run": 1, "case": "named/x"});
        assert!(!validator.is_valid(&poem));
    }
}
