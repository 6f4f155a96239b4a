//! `laconic schema faults`: what the schema takes, the mock's reader takes, and the documented file is
//! taken by both.

use std::process::Command;
use std::sync::LazyLock;

use jsonschema::Validator;
use mock_containerd::faults::Faults;
use proptest::prelude::*;

/// What the command prints.
static SCHEMA: LazyLock<Validator> = LazyLock::new(|| {
    let mut laconic = Command::new(env!("CARGO_BIN_EXE_laconic"));
    let printed = laconic.args(["schema", "faults"]).output().unwrap();
    assert!(printed.status.success(), "{printed:?}");
    let schema = serde_json::from_slice(&printed.stdout).unwrap();
    jsonschema::validator_for(&schema).unwrap()
});

fn accepts(text: &str) -> bool {
    let value: toml::Value = toml::from_str(text).unwrap();
    SCHEMA.is_valid(&serde_json::to_value(value).unwrap())
}

/// Every fence of TOML in the mock's README that is about faults.
fn documented() -> Vec<String> {
    let readme = include_str!("../../mock-containerd/README.md");
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
