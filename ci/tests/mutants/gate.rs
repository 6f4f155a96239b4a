//! Pull requests, played: a call that is new, one that is made later, one that is gone. The budget
//! promises nothing here; the baseline remembers.

use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use laconic_scenarios::budgets::Budget;
use run_record::{Header, Host, Line, RecordWriter, SCHEMA_VERSION, Shard, Summary, Tally};

use crate::CASE;
use crate::nagging::{Nag, run};

/// The record of a run of such a client.
async fn record(folder: &Path, name: &str, nag: Nag) -> PathBuf {
    let path = folder.join(name);
    let mut writer = RecordWriter::create(&path).unwrap();
    let header = Header {
        schema_version: SCHEMA_VERSION,
        laconic: "0.1.0".to_owned(),
        plan: "played".to_owned(),
        generator: 0,
        seed: 0,
        shard: Shard { index: 0, count: 1 },
        host: Host::default(),
    };
    writer.write(&Line::Record(header)).unwrap();
    for line in run(nag, CASE, Budget::measuring("retained")).await {
        writer.write(&line).unwrap();
    }
    let verdicts = Tally { pass: 1, ..Tally::default() };
    let summary = Summary { verdicts, complete: true, valid: true, not_run: Vec::new() };
    writer.write(&Line::Summary(summary)).unwrap();
    path
}

fn gate(record: &Path, baseline: &Path, arguments: &[&str]) -> Output {
    let summary = baseline.with_extension("md");
    Command::new(env!("CARGO_BIN_EXE_laconic"))
        .arg("gate")
        .arg(record)
        .arg("--baseline")
        .arg(baseline)
        .args(arguments)
        .env("GITHUB_ACTIONS", "true")
        .env("GITHUB_STEP_SUMMARY", summary)
        .output()
        .unwrap()
}

fn stdout(output: &Output) -> String {
    String::from_utf8(output.stdout.clone()).unwrap()
}

/// From one client to the other: exit code, what was printed, the summary for GitHub.
async fn pull_request(before: Nag, after: Nag) -> (Option<i32>, String, String) {
    let folder = tempfile::tempdir().unwrap();
    let baseline = folder.path().join("baseline.json");
    let before = record(folder.path(), "before.jsonl", before).await;
    let accepted = gate(&before, &baseline, &["--accept"]);
    assert_eq!(accepted.status.code(), Some(0), "{accepted:?}");
    let same = gate(&before, &baseline, &[]);
    assert_eq!(same.status.code(), Some(0), "{same:?}");
    let after = record(folder.path(), "after.jsonl", after).await;
    let judged = gate(&after, &baseline, &[]);
    let summary = std::fs::read_to_string(folder.path().join("baseline.md")).unwrap();
    let said = stdout(&judged);
    assert_eq!(gate(&after, &baseline, &["--accept"]).status.code(), Some(0));
    assert_eq!(gate(&after, &baseline, &[]).status.code(), Some(0), "accepted is green");
    (judged.status.code(), said, summary)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_pull_request_that_adds_a_call_is_red_and_says_where() {
    let (code, said, summary) = pull_request(Nag::Never, Nag::WithinExec).await;
    assert_eq!(code, Some(3), "{said}");
    assert!(said.contains("exec: Containers/Get 0 → 1 in 1 step"), "{said}");
    assert!(said.contains("first in named/exec-exits-with-0 step 2: Containers/Get 1, "), "{said}");
    let replay = "replay: laconic run --driver retained --target mock:1.6 --case named/exec-ex";
    assert!(said.contains(replay), "{said}");
    assert!(said.contains("::error::retained on mock:1.6: exec: Containers/Get 0 → 1"), "{said}");
    assert!(summary.contains("exec: Containers/Get 0 → 1 in 1 step"), "{summary}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_pull_request_that_moves_a_call_into_the_background_is_red() {
    let (code, said, _) = pull_request(Nag::WithinExec, Nag::AfterExec).await;
    assert_eq!(code, Some(3), "{said}");
    assert!(said.contains("Containers/Get 0 → 1 in 1 step"), "{said}");
    assert!(said.contains("better or new: exec: Containers/Get 1 → 0"), "{said}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_pull_request_that_removes_a_call_is_green_and_offers_to_remember_it() {
    let (code, said, _) = pull_request(Nag::WithinExec, Nag::Never).await;
    assert_eq!(code, Some(0), "{said}");
    assert!(said.contains("better or new: exec: Containers/Get 1 → 0 in 1 step (gone)"), "{said}");
    assert!(said.contains("--accept"), "{said}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn records_and_baselines_that_do_not_fit_are_refused() {
    let folder = tempfile::tempdir().unwrap();
    let baseline = folder.path().join("baseline.json");
    let whole = record(folder.path(), "whole.jsonl", Nag::Never).await;
    assert_eq!(gate(&whole, &baseline, &["--accept"]).status.code(), Some(0));
    let refused = |record: &Path, baseline: &Path, code: i32, says: &str| {
        let output = gate(record, baseline, &[]);
        let stderr = String::from_utf8_lossy(&output.stderr).into_owned();
        assert_eq!(output.status.code(), Some(code), "{stderr}");
        assert!(stderr.contains(says), "{stderr}");
    };
    let text = std::fs::read_to_string(&whole).unwrap();

    let cut = folder.path().join("cut.jsonl");
    std::fs::write(&cut, &text[..text.len() - 40]).unwrap();
    refused(&cut, &baseline, 1, "is incomplete: its run did not come to its end");
    let invalid = folder.path().join("invalid.jsonl");
    std::fs::write(&invalid, text.replace("\"valid\":true", "\"valid\":false")).unwrap();
    refused(&invalid, &baseline, 1, "the harness found a fault in itself");
    let foreign = folder.path().join("foreign.jsonl");
    std::fs::write(&foreign, text.replace("\"schema_version\":1", "\"schema_version\":9")).unwrap();
    refused(&foreign, &baseline, 1, "has schema version 9");

    let others = folder.path().join("others.json");
    let of_us = std::fs::read_to_string(&baseline).unwrap();
    std::fs::write(&others, of_us.replace("\"retained\"", "\"<b>theirs</b>\"")).unwrap();
    let says = "is the baseline of <b>theirs</b> on mock 1.6; the record holds retained on mock";
    refused(&whole, &others, 2, says);
    refused(&whole, &folder.path().join("none.json"), 2, "cannot read the baseline");
    std::fs::write(&others, "{").unwrap();
    refused(&whole, &others, 2, "others.json:1: ");
}
