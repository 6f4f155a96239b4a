//! The table names scenarios that there are.

use std::fs;
use std::path::{Path, PathBuf};

const TABLE: &str = include_str!("../../BUGS.md");

fn sources(folder: &Path, found: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            sources(&path, found);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            found.push(path);
        }
    }
}

/// The row of a number or a letter.
fn row(name: &str) -> &str {
    let start = format!("| {name} |");
    TABLE.lines().find(|line| line.starts_with(&start)).unwrap_or_else(|| panic!("no row {name}"))
}

#[test]
fn every_scenario_of_the_table_is_a_test() {
    let tests = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests");
    let mut paths = Vec::new();
    sources(&tests, &mut paths);
    let text: String = paths.iter().map(|path| fs::read_to_string(path).unwrap()).collect();
    let quoted = TABLE.split('`').skip(1).step_by(2);
    let named: Vec<&str> = quoted.filter_map(|word| Some(word.split_once("::")?.1)).collect();
    assert!(named.len() > 60, "{}", named.len());
    for name in named {
        // Those that run on the mock and on real ones say so at their end.
        let there = ["(", "_on_the_mock("].map(|end| format!("async fn {name}{end}"));
        assert!(there.iter().any(|one| text.contains(one)), "there is no {name}");
    }
}

#[test]
fn what_is_said_to_be_for_every_driver_is_in_the_catalogue() {
    let catalogue = laconic_scenarios::catalogue();
    let there: Vec<&str> = catalogue.iter().map(|one| &*one.name).collect();
    let told = TABLE.split("for every driver: `").skip(1);
    let named: Vec<&str> = told.filter_map(|rest| Some(rest.split_once('`')?.0)).collect();
    assert!(named.len() >= 17, "{}", named.len());
    for name in named {
        assert!(there.contains(&name), "there is no {name}");
    }
}

#[test]
fn every_bug_has_a_scenario_or_a_reason() {
    let numbers = (1..=30).map(|number| number.to_string());
    let letters = ('a'..='g').map(String::from);
    for name in numbers.chain(letters) {
        let row = row(&name);
        assert!(row.contains("::") || row.contains("none: "), "{row}");
    }
}
