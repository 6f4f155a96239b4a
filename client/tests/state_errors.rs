//! The table of state errors, held against every message without a code that was observed on real
//! daemons.

use std::collections::BTreeMap;
use std::path::Path;

use laconic_client::{Code, Kind, state_errors};
use serde_json::Value;

fn unknown_messages(value: &Value, into: &mut Vec<String>) {
    match value {
        Value::Object(fields) => {
            if fields.get("code").is_some_and(|code| code == "UNKNOWN") {
                into.extend(fields.get("message").and_then(Value::as_str).map(str::to_owned));
            }
            fields.values().for_each(|value| unknown_messages(value, into));
        }
        Value::Array(values) => values.iter().for_each(|value| unknown_messages(value, into)),
        _ => {}
    }
}

/// What was seen on containerd 1.6, 1.7 and 2.1, as patterns: their backslashes are taken out.
fn observed() -> Vec<String> {
    let folder =
        Path::new(env!("CARGO_MANIFEST_DIR")).join("../scenarios/targets/tests/observed/cases");
    let mut messages = Vec::new();
    for file in std::fs::read_dir(folder).unwrap() {
        let path = file.unwrap().path();
        if path.extension().is_some_and(|extension| extension == "jsonl") {
            for line in std::fs::read_to_string(path).unwrap().lines() {
                unknown_messages(&serde_json::from_str(line).unwrap(), &mut messages);
            }
        }
    }
    messages.into_iter().map(|message| message.replace('\\', "")).collect()
}

#[test]
fn every_error_without_a_code_that_was_observed_has_a_kind() {
    let messages = observed();
    assert!(messages.len() > 60, "only {} were found", messages.len());
    let kinds: BTreeMap<String, Kind> = messages
        .into_iter()
        .map(|message| {
            let kind = state_errors::kind(Code::Unknown, &message);
            (message.replace('\n', " "), kind)
        })
        .collect();
    let unnamed: Vec<_> = kinds.iter().filter(|(_, kind)| **kind == Kind::Unknown).collect();
    assert!(unnamed.is_empty(), "{unnamed:#?}");
    let shown: Vec<String> = kinds.iter().map(|(text, kind)| format!("{kind}: {text}")).collect();
    insta::assert_snapshot!(shown.join("\n"));
}

/// As 1.6 was seen to answer once: no call is sure to come at that moment.
#[test]
fn an_exec_that_runc_was_bringing_into_a_task_that_ended_is_refused_by_its_state() {
    let text = "OCI runtime exec failed: exec failed: unable to create new parent process: namespace path: \
                lstat /proc/23516/ns/ipc: no such file or directory: unknown";
    assert_eq!(state_errors::kind(Code::Unknown, text), Kind::FailedPrecondition);
}

#[test]
fn every_rule_is_reached() {
    for rule in state_errors::TABLE {
        let first = state_errors::TABLE.iter().find(|one| rule.text.contains(one.text));
        assert_eq!(first, Some(rule), "an earlier rule takes what {rule:?} is for");
    }
}
