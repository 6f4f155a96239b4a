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
mod chance;
mod choice;
mod daemons;
mod exchange;
mod files;
mod judge;
mod log;
mod mocks;
mod pattern;
mod play;
mod pool;
mod process;
mod server;
mod stages;
mod step;
mod variables;
mod wire;

use std::io::Write;
use std::sync::Arc;

use case::{Case, parse};
use chance::chances;
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
    "signals",
    "creations",
    "checkpoints",
    "exits",
    "waits",
    "orders",
    "crashes",
    "io",
    "containers",
    "namespaces",
    "headers",
    "leases",
    "images",
    "writes",
    "content",
    "snapshots",
    "diff",
    "gc",
    "events",
    "filters",
    "introspection",
    "sandboxes",
    "controllers",
    "pods",
    "streams",
    "protocol",
    "bodies",
    "absences",
    "restarts",
];

fn all_cases() -> Vec<Case> {
    AREAS.iter().flat_map(|(area, text)| parse(area, text)).collect()
}

fn cases() -> Vec<Case> {
    let only = choice::names();
    let named = |name: &str| only.iter().any(|one| one == name);
    let chosen = |area: &str, case: &Case| only.is_empty() || named(area) || named(&case.id);
    let of = |(area, text): &(&str, &str)| {
        let cases = parse(area, text).into_iter();
        cases.filter(|case| chosen(area, case)).collect::<Vec<_>>()
    };
    AREAS.iter().flat_map(of).collect()
}

/// Says it past what the test harness keeps back of a test that passes.
fn tell(what: &str) {
    // Nobody may be listening.
    let _ = writeln!(std::io::stderr(), "{what}");
}

async fn answered_as_observed(name: &str, kind: Arc<dyn Kind>, cases: Vec<Case>) {
    let has = |case: &Case| case.needs.is_none_or(|need| kind.has(need));
    let (cases, lacking): (Vec<_>, Vec<_>) = cases.into_iter().partition(has);
    if !lacking.is_empty() {
        let needs = "criu (ci/fetch criu), or cgroups v2 for criu of a paused task";
        tell(&format!("NOT RUN on {name}: {} cases want {needs}", lacking.len()));
    }
    let mut report = play::play_all(kind, cases).await;
    if let Some(version) = name.strip_prefix("containerd ") {
        for chance in chances().iter().filter(|chance| chance.is_of(version)) {
            let drew = report.set_aside(chance);
            if !drew.is_empty() {
                tell(&format!("NOT JUDGED on {name}: {}: {}", drew.join(", "), chance.why));
            }
        }
    }
    let (count, wrong) = (report.count(), report.wrong_count());
    tell(&format!("{name}: {count} cases, {wrong} differ"));
    assert!(wrong == 0, "{wrong} of {count} differ on {name}:\n{}", report.wrong());
    if choice::names().is_empty() {
        // No file: no text differs.
        insta::assert_snapshot!(format!("texts_{}", name.replace([' ', '.'], "_")), report.texts());
    } else {
        tell(&report.texts());
    }
}

async fn mock(version: &str, profile: Profile) {
    answered_as_observed(&format!("mock {version}"), Arc::new(Mocks(profile)), cases()).await;
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
            let mut cases = cases();
            if let Some(sample) = choice::Sample::chosen() {
                let all = cases.len();
                cases = sample.of(cases);
                let left = all - cases.len();
                tell(&format!("NOT RUN on {name}: {left} of {all} cases: OBSERVED_SAMPLE"));
            }
            answered_as_observed(&name, Arc::new(daemons), cases).await;
        }
        Err(lack) => {
            let count = cases().len();
            tell(&format!("NOT RUN: {count} cases on a real containerd {version}: {lack}"));
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

/// What was asserted and is no case, with why.
#[derive(serde::Deserialize)]
#[serde(deny_unknown_fields)]
struct Untranslated {
    id: String,
    about: String,
    why: String,
}

#[test]
fn of_676_assertions_those_that_are_no_case_are_listed_with_a_reason() {
    let lines = include_str!("cases/untranslated.jsonl").lines();
    let left: Vec<Untranslated> =
        lines.map(|line| serde_json::from_str(line).expect(line)).collect();
    // Those that were seen since have other ids.
    let cases: Vec<Case> =
        all_cases().into_iter().filter(|case| case.id.starts_with("C-")).collect();
    let mut ids: Vec<&str> = cases.iter().map(|case| case.id.as_str()).collect();
    ids.extend(left.iter().map(|one| one.id.as_str()));
    ids.sort_unstable();
    let all = ids.len();
    ids.dedup();
    assert_eq!(ids.len(), all, "an id stands for one case");
    // Those of bodies were observed later, each for its case.
    assert_eq!(ids.iter().filter(|id| id.starts_with("C-")).count(), 676);
    assert!(left.len() <= 13, "at most 2 %");
    assert!(left.iter().all(|one| !one.about.is_empty() && !one.why.is_empty()));
}

#[test]
fn what_the_mock_answers_otherwise_on_purpose_stands_in_its_readme() {
    let readme = include_str!("../../../../mock-containerd/README.md");
    let on_purpose: Vec<Case> = all_cases().into_iter().filter(Case::has_a_stand_in).collect();
    assert!(!on_purpose.is_empty());
    for case in on_purpose {
        let call = &case.call.last().expect("a case makes a call")["rpc"];
        // A path is told by its service, and what is no call by the one thing that it can be.
        let path = call.as_str().unwrap_or("socket");
        let named = match path.strip_prefix('/') {
            Some(path) => path.split(['/', '.']).rev().nth(1).expect("a service"),
            None => path,
        };
        assert!(readme.contains(named), "{}: {named} is not in the mock's README", case.id);
    }
}

#[test]
fn what_is_left_to_chance_has_a_reason() {
    assert!(chances().iter().all(|chance| !chance.why.is_empty()));
}
