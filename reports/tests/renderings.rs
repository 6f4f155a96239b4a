//! What a record looks like in each format: a case on the mock, in which one client is over a
//! budget that was made for the purpose.

use std::path::Path;

use laconic_reports::{Floor, Floors, Report};
use run_record::Record;

fn report() -> Report {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/records/over-budget.jsonl");
    let record = Record::open(&path).unwrap();
    let floor = |rpcs: &[&str]| Floor {
        fewest: rpcs.len() as u64,
        most: rpcs.len() as u64,
        rpcs: rpcs.iter().map(|rpc| (*rpc).to_owned()).collect(),
    };
    let floors: Floors = [
        ("create".to_owned(), floor(&["Containers/Create"])),
        ("exec".to_owned(), floor(&["Tasks/Exec", "Tasks/Start"])),
    ]
    .into();
    Report::of(&record.lines, &floors)
}

#[test]
fn text_shows_the_table_then_each_failure_with_its_calls_then_one_line() {
    insta::assert_snapshot!(report().text());
}

#[test]
fn json_holds_the_same_figures() {
    insta::assert_json_snapshot!(report().json());
}

#[test]
fn a_record_without_its_end_is_told_as_incomplete() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/records/over-budget.jsonl");
    let mut lines = Record::open(&path).unwrap().lines;
    lines.pop();
    let text = Report::of(&lines, &Floors::new()).text();
    assert!(text.ends_with("incomplete: the run did not come to its end\n"), "{text}");
}
