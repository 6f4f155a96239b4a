//! Messages as JSON and back, by their descriptors: fields by their names in the protos, bytes as
//! text, enums by name, what an `Any` holds as JSON too.

use std::collections::HashMap;

use bytes::Bytes;
use prost::Message;
use prost_reflect::{
    DynamicMessage, Kind, MapKey, MessageDescriptor, ReflectMessage, Value as Field,
};
use serde_json::{Map, Value, json};

use crate::pool::{hex, unhex};

const ANY: &str = "google.protobuf.Any";
const TIMESTAMP: &str = "google.protobuf.Timestamp";
const GO_ZERO_SECONDS: i64 = -62_135_596_800;

/// A message of a kind, from JSON.
pub(crate) fn message(of: &MessageDescriptor, json: &Value) -> Result<DynamicMessage, String> {
    let fields = json.as_object().ok_or_else(|| format!("{} is not {json}", of.full_name()))?;
    let mut message = DynamicMessage::new(of.clone());
    for (name, value) in fields {
        if of.full_name() == ANY && name == "message" {
            let held = held(of, json, value)?;
            message.set_field_by_name("value", Field::Bytes(held));
            continue;
        }
        let field = of
            .get_field_by_name(name)
            .ok_or_else(|| format!("{} has no field {name:?}", of.full_name()))?;
        let value = if field.is_list() {
            let list = value.as_array().ok_or_else(|| format!("{name} is a list, not {value}"))?;
            let list: Result<_, _> = list.iter().map(|one| scalar(&field.kind(), one)).collect();
            Field::List(list?)
        } else if field.is_map() {
            map(&field.kind(), value)?
        } else {
            scalar(&field.kind(), value)?
        };
        message.try_set_field(&field, value).map_err(|error| error.to_string())?;
    }
    Ok(message)
}

/// The bytes of an `Any` whose content is given as a message.
fn held(any: &MessageDescriptor, json: &Value, content: &Value) -> Result<Bytes, String> {
    let url = json["type_url"].as_str().unwrap_or_default();
    let name = url.rsplit('/').next().unwrap_or_default();
    let of = any.parent_pool().get_message_by_name(name);
    let of = of.ok_or_else(|| format!("there is no message {name:?}"))?;
    Ok(message(&of, content)?.encode_to_vec().into())
}

fn map(entry: &Kind, json: &Value) -> Result<Field, String> {
    let Kind::Message(entry) = entry else { return Err("a map is made of entries".to_owned()) };
    let of = entry.map_entry_value_field().kind();
    let entries = json.as_object().ok_or_else(|| format!("a map, not {json}"))?;
    let mut map = HashMap::new();
    for (key, value) in entries {
        map.insert(MapKey::String(key.clone()), scalar(&of, value)?);
    }
    Ok(Field::Map(map))
}

fn scalar(kind: &Kind, json: &Value) -> Result<Field, String> {
    let not = || format!("{json} is not {kind:?}");
    Ok(match kind {
        Kind::String => Field::String(json.as_str().ok_or_else(not)?.to_owned()),
        Kind::Bytes => Field::Bytes(bytes(json)?),
        Kind::Bool => Field::Bool(json.as_bool().ok_or_else(not)?),
        Kind::Int32 | Kind::Sint32 | Kind::Sfixed32 => {
            Field::I32(json.as_i64().and_then(|n| n.try_into().ok()).ok_or_else(not)?)
        }
        Kind::Int64 | Kind::Sint64 | Kind::Sfixed64 => Field::I64(json.as_i64().ok_or_else(not)?),
        Kind::Uint32 | Kind::Fixed32 => {
            Field::U32(json.as_u64().and_then(|n| n.try_into().ok()).ok_or_else(not)?)
        }
        Kind::Uint64 | Kind::Fixed64 => Field::U64(json.as_u64().ok_or_else(not)?),
        Kind::Double => Field::F64(json.as_f64().ok_or_else(not)?),
        Kind::Float => return Err("no message of containerd's has a float".to_owned()),
        Kind::Message(of) => Field::Message(message(of, json)?),
        Kind::Enum(of) => match json {
            Value::String(name) => {
                Field::EnumNumber(of.get_value_by_name(name).ok_or_else(not)?.number())
            }
            // What the enum does not know is sent too.
            other => {
                let number = other.as_i64().and_then(|number| number.try_into().ok());
                Field::EnumNumber(number.ok_or_else(not)?)
            }
        },
    })
}

/// Text, `{"hex": …}`, or `{"json": …}` as its text.
fn bytes(json: &Value) -> Result<Bytes, String> {
    if let Some(text) = json.as_str() {
        return Ok(text.to_owned().into());
    }
    if let Some(text) = json["hex"].as_str() {
        return Ok(unhex(text)?.into());
    }
    let inner = json.get("json").ok_or_else(|| format!("{json} is no way to write bytes"))?;
    Ok(inner.to_string().into())
}

/// A message as JSON. What is absent is absent; what is zero is shown.
pub(crate) fn shown(message: &DynamicMessage) -> Value {
    let of = message.descriptor();
    if of.full_name() == TIMESTAMP {
        return time(message);
    }
    let mut fields = Map::new();
    for field in of.fields() {
        if field.supports_presence() && !message.has_field(&field) {
            continue;
        }
        let value = message.get_field(&field);
        fields.insert(field.name().to_owned(), field_shown(&field.kind(), &value));
    }
    if of.full_name() == ANY
        && let Some(content) = content(message)
    {
        fields.insert("message".to_owned(), content);
    }
    Value::Object(fields)
}

fn content(any: &DynamicMessage) -> Option<Value> {
    let url = any.get_field_by_name("type_url")?;
    let name = url.as_str()?.rsplit('/').next()?;
    let of = any.descriptor().parent_pool().get_message_by_name(name)?;
    let bytes = any.get_field_by_name("value")?;
    Some(shown(&DynamicMessage::decode(of, bytes.as_bytes()?.clone()).ok()?))
}

/// Go's zero time has a name; all else is seconds and nanoseconds.
fn time(message: &DynamicMessage) -> Value {
    let seconds = message.get_field_by_name("seconds").and_then(|field| field.as_i64());
    let nanos = message.get_field_by_name("nanos").and_then(|field| field.as_i32());
    match (seconds.unwrap_or_default(), nanos.unwrap_or_default()) {
        (GO_ZERO_SECONDS, 0) => json!("zero"),
        (seconds, nanos) => json!(format!("{seconds}.{nanos:09}")),
    }
}

fn field_shown(kind: &Kind, value: &Field) -> Value {
    match value {
        Field::Bool(value) => json!(value),
        Field::I32(value) => json!(value),
        Field::I64(value) => json!(value),
        Field::U32(value) => json!(value),
        Field::U64(value) => json!(value),
        Field::F32(value) => json!(value),
        Field::F64(value) => json!(value),
        Field::String(value) => json!(value),
        Field::Bytes(value) => match std::str::from_utf8(value) {
            Ok(text) => json!(text),
            Err(_) => json!({ "hex": hex(value) }),
        },
        Field::EnumNumber(number) => {
            let Kind::Enum(of) = kind else { return json!(number) };
            of.get_value(*number).map_or_else(|| json!(number), |value| json!(value.name()))
        }
        Field::Message(message) => shown(message),
        Field::List(list) => list.iter().map(|one| field_shown(kind, one)).collect(),
        Field::Map(map) => {
            let of = match kind {
                Kind::Message(entry) => entry.map_entry_value_field().kind(),
                other => other.clone(),
            };
            let entry = |(key, value): (&MapKey, &Field)| {
                (key.as_str().unwrap_or_default().to_owned(), field_shown(&of, value))
            };
            Value::Object(map.iter().map(entry).collect())
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::pool;

    #[test]
    fn what_a_message_does_not_have_is_told() {
        let of = pool::message("containerd.services.tasks.v1.KillRequest").unwrap();
        let error = message(&of, &json!({ "signum": 9 })).unwrap_err();
        assert!(error.contains("KillRequest has no field \"signum\""), "{error}");
        assert!(message(&of, &json!({ "signal": -1 })).is_err());
    }

    proptest! {
        #[test]
        fn what_is_written_is_shown_as_it_was_written(
            id in ".{0,8}",
            labels in proptest::collection::hash_map(".{0,4}", ".{0,4}", 0..4),
            bytes in proptest::collection::vec(any::<u8>(), 0..8),
            seconds in any::<i64>(),
        ) {
            let of = pool::message("containerd.services.containers.v1.Container").unwrap();
            let value = match std::str::from_utf8(&bytes) {
                Ok(text) => json!(text),
                Err(_) => json!({ "hex": hex(&bytes) }),
            };
            let spec = json!({ "type_url": "unknown", "value": value });
            let written = json!({ "id": id, "labels": labels, "spec": spec });
            let back = shown(&message(&of, &written).unwrap());
            for field in ["id", "labels", "spec"] {
                prop_assert_eq!(&back[field], &written[field]);
            }
            prop_assert_eq!(&back["created_at"], &Value::Null);
            let created = json!({ "created_at": { "seconds": seconds, "nanos": 5 } });
            let back = shown(&message(&of, &created).unwrap());
            prop_assert_eq!(&back["created_at"], &json!(format!("{seconds}.000000005")));
        }

        #[test]
        fn hexadecimal_is_read_as_it_is_written(bytes in proptest::collection::vec(any::<u8>(), 0..9)) {
            prop_assert_eq!(unhex(&hex(&bytes)), Ok(bytes));
        }
    }
}
