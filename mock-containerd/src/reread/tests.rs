use std::collections::BTreeSet;

use proptest::prelude::*;
use prost_reflect::{DynamicMessage, Kind, MessageDescriptor, ReflectMessage, Value};

use super::*;

const ALL: [Profile; 3] = [Profile::V1_6, Profile::V1_7, Profile::V2_1];

/// What calls are asked with.
fn requests() -> Vec<MessageDescriptor> {
    let methods = POOL.services().flat_map(|service| service.methods().collect::<Vec<_>>());
    methods.map(|method| method.input()).collect()
}

fn read(profile: Profile, message: &MessageDescriptor, body: &[u8]) -> Result<Vec<u8>, Cause> {
    match profile {
        Profile::V1_6 => generated::read(message, body),
        _ => library::read(profile, message, body),
    }
}

fn walk(message: &MessageDescriptor, within: &mut Vec<String>, seen: &mut BTreeSet<String>) {
    let name = message.full_name().to_owned();
    assert!(!within.contains(&name), "{name} is within itself: {within:?}");
    within.push(name);
    for field in message.fields() {
        let text = |kind| matches!(kind, Kind::String | Kind::Bytes);
        let kind = field.kind();
        if field.is_map() {
            let Kind::Message(entry) = &kind else { panic!("maps are of entries") };
            assert!(text(entry.map_entry_key_field().kind()), "{field:?}");
            let value = entry.map_entry_value_field().kind();
            assert!(text(value.clone()) || value.as_message().is_some(), "{field:?}");
        } else if field.is_list() {
            assert!(text(kind.clone()) || kind.as_message().is_some(), "packed: {field:?}");
        }
        seen.insert(field.full_name().to_owned());
        if let Kind::Message(inner) = kind {
            walk(&inner, within, seen);
        }
    }
    within.pop();
}

/// What the readers leave out: messages within themselves, for which they would need a limit, packed
/// lists of numbers, and maps of numbers.
#[test]
fn no_request_has_what_the_readers_do_not_know() {
    let mut seen = BTreeSet::new();
    for message in requests() {
        walk(&message, &mut Vec::new(), &mut seen);
    }
    for (name, _) in SINCE {
        assert!(seen.contains(name), "{name} is no field");
    }
}

/// Fields that are right, wrong and unknown, some of them messages, and some cut off.
fn bodies() -> impl Strategy<Value = Vec<u8>> {
    let noise = prop_oneof![
        proptest::collection::vec(any::<u8>(), 0..12),
        "[a-z/]{0,8}".prop_map(String::into_bytes),
        Just(b"\xff\xfe".to_vec()),
    ];
    let body = noise.prop_recursive(4, 24, 4, |inner| {
        let field = (1_u64..13, prop_oneof![6 => Just(2_u8), 2 => 0..8_u8], inner);
        proptest::collection::vec(field, 0..4).prop_map(|fields| {
            let mut body = Vec::new();
            for (number, wire, value) in fields {
                put_varint(&mut body, number << 3 | u64::from(wire));
                match wire {
                    VARINT => put_varint(&mut body, value.len() as u64),
                    LENGTH_DELIMITED => put_bytes(&mut body, &value),
                    _ => body.extend(value),
                }
            }
            body
        })
    });
    let cut = prop_oneof![4 => Just(0_usize), 1 => 1..5_usize];
    (body, cut).prop_map(|(mut body, cut)| {
        body.truncate(body.len().saturating_sub(cut));
        body
    })
}

fn none_since(message: &DynamicMessage) -> bool {
    message.fields().all(|(field, value)| {
        let late = SINCE.iter().any(|(name, _)| *name == field.full_name());
        !late && value.as_message().is_none_or(none_since)
    })
}

/// Without what is unknown, for that the readers leave out, and what is written out and empty.
fn known(message: &DynamicMessage) -> DynamicMessage {
    let mut known = DynamicMessage::new(message.descriptor());
    for (field, value) in message.fields() {
        known.set_field(&field, known_in(value));
    }
    known
}

fn known_in(value: &Value) -> Value {
    match value {
        Value::Message(message) => Value::Message(known(message)),
        Value::List(values) => Value::List(values.iter().map(known_in).collect()),
        Value::Map(values) => {
            Value::Map(values.iter().map(|(key, value)| (key.clone(), known_in(value))).collect())
        }
        value => value.clone(),
    }
}

/// Whether a map is given in another wire type than its own. The library by which these tests read
/// does not look at that, and takes what follows for an entry; prost refuses it.
fn has_wrong_map(message: &MessageDescriptor, mut body: &[u8]) -> bool {
    use prost::encoding::{DecodeContext, WireType, decode_key, decode_varint, skip_field};
    while let Ok((number, wire)) = decode_key(&mut body) {
        let field = message.get_field(number);
        if wire != WireType::LengthDelimited {
            if field.is_some_and(|field| field.is_map()) {
                return true;
            }
            if skip_field(wire, number, &mut body, DecodeContext::default()).is_err() {
                return false;
            }
            continue;
        }
        let length = decode_varint(&mut body).ok().and_then(|length| usize::try_from(length).ok());
        let Some((value, rest)) = length.and_then(|length| body.split_at_checked(length)) else {
            return false;
        };
        body = rest;
        let inner = field.filter(|field| !field.is_map()).map(|field| field.kind());
        if let Some(Kind::Message(inner)) = inner
            && has_wrong_map(&inner, value)
        {
            return true;
        }
    }
    false
}

#[test]
fn a_map_of_another_wire_type_is_refused_by_prost() {
    use containerd_client::services::v1::Namespace;
    let message = POOL.get_message_by_name(&Namespace::full_name()).unwrap();
    let label = [2 << 3, 0];
    assert!(has_wrong_map(&message, &label));
    assert!(Namespace::decode(label.as_slice()).is_err());
    assert!(DynamicMessage::decode(message, label.as_slice()).is_ok());
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2000))]

    #[test]
    fn what_a_version_takes_prost_takes_too(body in bodies(), which: prop::sample::Index) {
        let message = which.get(&requests()).clone();
        for profile in ALL {
            if let Ok(taken) = read(profile, &message, &body) {
                let decoded = DynamicMessage::decode(message.clone(), taken.as_slice());
                prop_assert!(decoded.is_ok(), "{profile} {}: {decoded:?}", message.full_name());
            }
        }
    }

    #[test]
    fn what_prost_takes_every_version_takes_to_mean_the_same(
        body in bodies(),
        which: prop::sample::Index,
    ) {
        let message = which.get(&requests()).clone();
        let Ok(meant) = DynamicMessage::decode(message.clone(), body.as_slice()) else {
            return Ok(());
        };
        prop_assume!(none_since(&meant) && !has_wrong_map(&message, &body));
        let meant = known(&meant);
        for profile in ALL {
            let taken = read(profile, &message, &body);
            prop_assert!(taken.is_ok(), "{profile} {}: {taken:?}", message.full_name());
            let taken = DynamicMessage::decode(message.clone(), taken.unwrap().as_slice()).unwrap();
            prop_assert!(known(&taken) == meant, "{profile}: {taken} in place of {meant}");
        }
    }

    #[test]
    fn any_bytes_are_taken_or_refused(
        body in proptest::collection::vec(any::<u8>(), 0..64),
        which: prop::sample::Index,
    ) {
        let message = which.get(&requests()).clone();
        for profile in ALL {
            let _ = read(profile, &message, &body);
        }
    }
}
