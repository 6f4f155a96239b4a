//! What a run says by its budget alone.

use laconic_scenarios::budgets::own;
use run_record::{CheckResult, Line, Verdict};

use crate::CASE;
use crate::nagging::{Nag, run};

/// Failed verdicts: operation (none: the case as a whole) and verdict.
async fn failures(nag: Nag) -> Vec<(Option<String>, Verdict)> {
    let mut failed = Vec::new();
    for line in run(nag, CASE, own("retained").unwrap()).await {
        let (operation, verdicts) = match line {
            Line::Step(step) => (Some(step.operation), step.verdicts),
            Line::CaseEnd(end) => {
                let right = matches!(nag, Nag::Never);
                assert_eq!(end.verdict == CheckResult::Pass, right);
                (None, end.verdicts)
            }
            _ => continue,
        };
        let of_this = verdicts.into_iter().filter(Verdict::failed);
        failed.extend(of_this.map(|one| (operation.clone(), one)));
    }
    failed
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_client_as_it_is_passes() {
    assert_eq!(failures(Nag::Never).await, vec![]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_call_too_many_within_exec_is_named_with_allowance_count_and_line() {
    let failed = failures(Nag::WithinExec).await;
    let failed: Vec<_> = failed.into_iter().filter(|(_, one)| one.check == "budget").collect();
    assert_eq!(failed.len(), 1, "{failed:?}");
    let (operation, verdict) = &failed[0];
    assert_eq!(operation.as_deref(), Some("exec"));
    assert_eq!(verdict.detail, "exec: Containers/Get allowed 0, saw 1 (+1)");
    assert!(verdict.at.as_deref().unwrap().starts_with("scenarios/budgets/floor.toml:"));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_same_call_made_later_is_seen_as_well() {
    let failed = failures(Nag::AfterExec).await;
    assert!(!failed.is_empty());
    for (_, verdict) in failed {
        assert!(verdict.detail.contains("Containers/Get allowed 0, saw 1"), "{verdict:?}");
    }
}

/// What a check says of a run of a case.
async fn told(nag: Nag, case: &str, check: &str) -> Vec<(String, String)> {
    let mut told = Vec::new();
    for line in run(nag, case, own("retained").unwrap()).await {
        let Line::Step(step) = line else { continue };
        let failed = step.verdicts.into_iter().filter(|one| one.failed() && one.check == check);
        told.extend(failed.map(|one| (step.operation.clone(), one.detail)));
    }
    told
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_had_been_answered_and_is_asked_again_is_named_as_redundant() {
    let detail = "exec: Containers/Get asked 1 times of 2 what had been answered, and nothing was written \
                  since; 0 allowed";
    let expected = [("exec".to_owned(), detail.to_owned())];
    assert_eq!(told(Nag::TwiceWithinExec, CASE, "redundancy").await, expected);
    let once = told(Nag::WithinExec, CASE, "redundancy").await;
    assert_eq!(once, [], "what was never asked before is for the budget to say");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_question_for_each_of_three_is_named_with_what_tells_all_at_once() {
    let detail = "stats-all: Containers/Get asked 3 times, where one Containers/ListStream tells all; \
                  0 allowed";
    let expected = [("stats-all".to_owned(), detail.to_owned())];
    let told = told(Nag::OneByOne, "named/stats-of-three-tasks-at-once", "redundancy").await;
    assert_eq!(told, expected);
}
