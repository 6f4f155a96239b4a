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
