//! Names in cases: `${name}` stands for a value that is known only when the case is played.

use std::collections::BTreeMap;

use serde_json::{Value, json};

#[derive(Clone, Debug, Default)]
pub(crate) struct Variables(BTreeMap<String, Value>);

impl Variables {
    pub(crate) fn set(&mut self, name: &str, value: impl Into<Value>) {
        self.0.insert(name.to_owned(), value.into());
    }

    pub(crate) fn unset(&mut self, name: &str) {
        self.0.remove(name);
    }

    pub(crate) fn get(&self, name: &str) -> Option<&Value> {
        self.0.get(name)
    }

    /// The same JSON with values for names. What has no value stays. `{"$repeat": text, "times": n}`
    /// is that text, n times.
    pub(crate) fn filled(&self, json: &Value) -> Value {
        match json {
            Value::String(text) => self.text(text),
            Value::Array(list) => list.iter().map(|one| self.filled(one)).collect(),
            Value::Object(fields) => {
                if let (Some(text), Some(times)) = (fields.get("$repeat"), fields.get("times")) {
                    let times = times.as_u64().and_then(|times| times.try_into().ok());
                    let text = text.as_str().expect("what is repeated is text");
                    return json!(text.repeat(times.expect("times is a number")));
                }
                let fields = fields.iter().map(|(key, value)| {
                    let key = self.text(key);
                    (key.as_str().expect("keys are text").to_owned(), self.filled(value))
                });
                Value::Object(fields.collect())
            }
            other => other.clone(),
        }
    }

    fn text(&self, text: &str) -> Value {
        let name = text.strip_prefix("${").and_then(|rest| rest.strip_suffix('}'));
        if let Some(value) = name.and_then(|name| self.0.get(name)) {
            return value.clone();
        }
        if !text.contains("${") {
            return json!(text);
        }
        let mut filled = text.to_owned();
        for (name, value) in &self.0 {
            let value = value.as_str().map_or_else(|| value.to_string(), str::to_owned);
            filled = filled.replace(&format!("${{{name}}}"), &value);
        }
        json!(filled)
    }
}
