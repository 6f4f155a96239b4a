//! What JSON must look like.
//!
//! Objects are held to the fields that the pattern names, lists to every element. Text that begins
//! with `~` is a regular expression for all of the text; `$set` is anything but absent, empty or
//! zero; `null` is absent. `{"$exact": …}` names every field; `{"$any_order": […]}`, `{"$has": […]}`,
//! `{"$in_order": […]}` (others may stand between) and `{"$each": …}` are lists; `{"$len": n}` is the length of text or of a list.

use regex::Regex;
use serde_json::Value;

pub(crate) fn fits(pattern: &Value, value: &Value) -> bool {
    match pattern {
        Value::String(text) if text == "$set" => set(value),
        Value::String(text) if text.starts_with('~') => {
            value.as_str().is_some_and(|value| whole(&text[1..], value))
        }
        Value::Object(fields) => match fields.iter().next() {
            Some((key, inner)) if key.starts_with('$') => special(key, inner, value),
            _ => fields
                .iter()
                .all(|(key, inner)| fits(inner, value.get(key).unwrap_or(&Value::Null))),
        },
        Value::Array(patterns) => value.as_array().is_some_and(|values| {
            let pairs = patterns.iter().zip(values);
            patterns.len() == values.len() && pairs.into_iter().all(|(one, other)| fits(one, other))
        }),
        other => other == value,
    }
}

fn set(value: &Value) -> bool {
    match value {
        Value::Null => false,
        Value::String(text) => !text.is_empty() && text != "zero",
        Value::Number(number) => number.as_f64() != Some(0.0),
        Value::Bool(value) => *value,
        Value::Array(list) => !list.is_empty(),
        Value::Object(fields) => !fields.is_empty(),
    }
}

fn special(key: &str, inner: &Value, value: &Value) -> bool {
    let list = value.as_array();
    match key {
        "$exact" => {
            let count = |value: &Value| value.as_object().map(serde_json::Map::len);
            count(inner) == count(value) && fits(inner, value)
        }
        "$any_order" => list.is_some_and(|list| {
            inner.as_array().is_some_and(|inner| inner.len() == list.len() && among(inner, list))
        }),
        "$has" => list.zip(inner.as_array()).is_some_and(|(list, inner)| among(inner, list)),
        "$in_order" => list.zip(inner.as_array()).is_some_and(|(list, inner)| {
            let mut left = list.iter();
            inner.iter().all(|pattern| left.any(|value| fits(pattern, value)))
        }),
        "$each" => list.is_some_and(|list| list.iter().all(|one| fits(inner, one))),
        "$len" => {
            let length = value.as_str().map(str::len).or_else(|| list.map(Vec::len));
            length.is_some_and(|length| fits(inner, &length.into()))
        }
        other => panic!("a pattern has the unknown word {other:?}"),
    }
}

/// Whether each pattern finds a value of its own, the first that fits.
pub(crate) fn among(patterns: &[Value], values: &[Value]) -> bool {
    let mut left: Vec<&Value> = values.iter().collect();
    patterns.iter().all(|pattern| {
        let at = left.iter().position(|value| fits(pattern, value));
        at.map(|at| left.remove(at)).is_some()
    })
}

/// Whether all of a text fits a regular expression.
pub(crate) fn whole(pattern: &str, text: &str) -> bool {
    let regex = Regex::new(&format!("^(?s:{pattern})$"));
    regex.unwrap_or_else(|error| panic!("{pattern:?}: {error}")).is_match(text)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn objects_are_held_to_the_fields_named_and_lists_to_all() {
        let value = json!({"a": 1, "b": [{"c": "xyz"}, {"c": ""}], "t": "zero"});
        assert!(fits(&json!({"a": 1, "z": null}), &value));
        assert!(!fits(&json!({"$exact": {"a": 1}}), &value));
        assert!(fits(&json!({"b": [{"c": "~x.z"}, {}]}), &value));
        assert!(!fits(&json!({"b": [{"c": "~x."}, {}]}), &value));
        assert!(!fits(&json!({"b": [{}]}), &value));
        assert!(!fits(&json!({"t": "$set"}), &value));
        assert!(fits(&json!({"b": {"$any_order": [{"c": ""}, {"c": "xyz"}]}}), &value));
        assert!(!fits(&json!({"b": {"$has": [{"c": ""}, {"c": ""}]}}), &value));
        assert!(fits(&json!({"b": {"$len": 2}}), &value));
    }
}
