//! Single cases that were observed on real daemons: each is data, and is played on the mock in
//! every profile and on the real daemons themselves.
//!
//! `cases/*.jsonl` holds a case per line: the steps that set it up, the call, what was answered,
//! how things stood afterwards, which events came, and what versions do otherwise. `step.rs` is the
//! vocabulary, `pattern.rs` how answers are described, `cases/stages.json` what many cases begin
//! with.

mod actor;
mod answer;
mod call;
mod case;
mod daemons;
mod files;
mod judge;
mod log;
mod mocks;
mod pattern;
mod play;
mod pool;
mod server;
mod stages;
mod step;
mod variables;
mod wire;

use std::sync::Arc;

use case::{Case, parse};
use daemons::Daemons;
use mock_containerd::Profile;
use mocks::Mocks;
use server::Kind;

macro_rules! areas {
    ($($name:literal),* $(,)?) => {
        [$(($name, include_str!(concat!("cases/", $name, ".jsonl")))),*]
    };
}

/// Each file of cases.
const AREAS: &[(&str, &str)] = &areas![
    "tasks",
    "execs",
    "containers",
    "namespaces",
    "leases",
    "images",
    "events",
    "filters",
    "writes",
    "content",
    "snapshots",
    "diff",
    "gc"
];

/// Files that the mock is not held to: what they ask of it is being built.
const NOT_YET: &[&str] = &["leases", "images", "writes", "content", "snapshots", "diff", "gc"];

/// Ids of cases and names of files that `CASES` chooses; none: all are played.
fn chosen() -> Vec<String> {
    let chosen = std::env::var("CASES").unwrap_or_default();
    chosen.split([',', ' ']).filter(|name| !name.is_empty()).map(str::to_owned).collect()
}

fn cases(but: &[&str]) -> Vec<Case> {
    let only = chosen();
    let named = |name: &str| only.iter().any(|one| one == name);
    let chosen = |area: &str, case: &Case| only.is_empty() || named(area) || named(&case.id);
    let of = |(area, text): &(&str, &str)| {
        let cases = parse(area, text).into_iter();
        cases.filter(|case| chosen(area, case)).collect::<Vec<_>>()
    };
    AREAS.iter().filter(|(area, _)| !but.contains(area)).flat_map(of).collect()
}

async fn answered_as_observed(name: &str, kind: Arc<dyn Kind>, cases: Vec<Case>) {
    let report = play::play_all(kind, cases).await;
    let (count, wrong) = (report.count(), report.wrong_count());
    eprintln!("{name}: {count} cases, {wrong} differ");
    assert!(wrong == 0, "{wrong} of {count} differ on {name}:\n{}", report.wrong());
    if chosen().is_empty() {
        // No file: no text differs.
        insta::assert_snapshot!(format!("texts_{}", name.replace([' ', '.'], "_")), report.texts());
    }
}

async fn mock(version: &str, profile: Profile) {
    let but: &[&str] = if chosen().is_empty() { NOT_YET } else { &[] };
    if !but.is_empty() {
        eprintln!("NOT HELD TO on the mock of {version}: {}", but.join(", "));
    }
    let name = format!("mock {version}");
    answered_as_observed(&name, Arc::new(Mocks(profile)), cases(but)).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_observed_case_is_answered_as_1_6_does() {
    mock("1.6", Profile::V1_6).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_observed_case_is_answered_as_1_7_does() {
    mock("1.7", Profile::V1_7).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_observed_case_is_answered_as_2_1_does() {
    mock("2.1", Profile::V2_1).await;
}

async fn real(version: &'static str) {
    match Daemons::of(version) {
        Ok(daemons) => {
            let name = format!("containerd {version}");
            answered_as_observed(&name, Arc::new(daemons), cases(&[])).await;
        }
        Err(lack) => {
            let count = cases(&[]).len();
            eprintln!("NOT RUN: {count} cases on a real containerd {version}: {lack}");
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn real_containerd_1_6_answers_every_observed_case() {
    real("1.6").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn real_containerd_1_7_answers_every_observed_case() {
    real("1.7").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn real_containerd_2_1_answers_every_observed_case() {
    real("2.1").await;
}
