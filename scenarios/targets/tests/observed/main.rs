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
const AREAS: &[(&str, &str)] = &areas!["tasks", "execs"];

/// All cases; those alone whose ids or areas are named in `CASES`, if any are.
fn cases() -> Vec<Case> {
    let only = std::env::var("CASES").unwrap_or_default();
    let only: Vec<&str> = only.split([',', ' ']).filter(|name| !name.is_empty()).collect();
    let chosen = |area: &str, case: &Case| {
        only.is_empty() || only.contains(&area) || only.contains(&case.id.as_str())
    };
    let of = |(area, text): &(&str, &str)| {
        let cases = parse(area, text).into_iter();
        cases.filter(|case| chosen(area, case)).collect::<Vec<_>>()
    };
    AREAS.iter().flat_map(of).collect()
}

async fn answered_as_observed(name: &str, kind: Arc<dyn Kind>) {
    let report = play::play_all(kind, cases()).await;
    let (count, wrong) = (report.count(), report.wrong_count());
    eprintln!("{name}: {count} cases, {wrong} differ");
    assert!(wrong == 0, "{wrong} of {count} differ on {name}:\n{}", report.wrong());
    if std::env::var_os("CASES").is_none() {
        insta::assert_snapshot!(format!("texts on {name}"), report.texts());
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_observed_case_is_answered_as_1_6_does() {
    answered_as_observed("the mock of 1.6", Arc::new(Mocks(Profile::V1_6))).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_observed_case_is_answered_as_1_7_does() {
    answered_as_observed("the mock of 1.7", Arc::new(Mocks(Profile::V1_7))).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_observed_case_is_answered_as_2_1_does() {
    answered_as_observed("the mock of 2.1", Arc::new(Mocks(Profile::V2_1))).await;
}

async fn real(version: &'static str) {
    match Daemons::of(version) {
        Ok(daemons) => {
            answered_as_observed(&format!("containerd {version}"), Arc::new(daemons)).await;
        }
        Err(lack) => {
            let count = cases().len();
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
